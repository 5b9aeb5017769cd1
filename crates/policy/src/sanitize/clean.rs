//! The cleaning: characters first, then words, then markup and links, until nothing changes.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::characters::{
    Script, Unseen, is_emoji_part, is_ideograph, is_mark, is_pictograph, is_right_to_left, script,
    unseen, uses_joiners,
};
use super::{Category, Finding, Limits, fold, links, markup, terminal};

/// Vietnamese needs two marks on a Latin letter; no living orthography needs more.
const MARKS_ON_LATIN_MAX: usize = 2;
/// Hebrew with cantillation and Tibetan stacks stay under this.
const MARKS_MAX: usize = 8;
/// Each round of cleaning takes away what the one before laid open; three rounds are seldom needed.
const ROUNDS_MAX: usize = 6;
const CUT_MARK: &str = "\n[the rest of this text was left out: it is too long]";

/// A cleaned text, with what was seen and what was hidden in it.
#[derive(Debug, Default)]
pub(super) struct Cleaned {
    pub text: String,
    pub findings: Vec<Finding>,
    /// Texts that were carried by invisible characters or data URLs, decoded.
    pub hidden: Vec<String>,
    pub counts: BTreeMap<Category, usize>,
    /// Zero-width characters inside an ASCII word: nobody types these.
    pub split_words: usize,
    /// Embeddings and overrides turn the order of letters around; nobody types these either.
    pub bidi_overrides: usize,
    /// A backspace takes back a letter that a model would still read.
    pub backspaces: usize,
    /// Terminal escapes that do more than change the colour.
    pub escapes_beyond_colour: usize,
    /// Images and frames that would carry data away by being shown.
    pub loading_links: usize,
    /// Links that say in their parameters what they carry away.
    pub telling_links: usize,
}

impl Cleaned {
    pub fn count(&self, category: Category) -> usize {
        self.counts.get(&category).copied().unwrap_or(0)
    }

    pub fn note(&mut self, category: Category, detail: impl FnOnce() -> String) {
        let seen = self.counts.entry(category).or_default();
        *seen += 1;
        if *seen == 1 {
            self.findings.push(Finding {
                category,
                detail: detail(),
            });
        }
    }
}

pub(super) fn clean(text: &str, limits: &Limits) -> Cleaned {
    let mut state = Cleaned::default();
    let mut current = cut(text, limits.text_bytes_max, &mut state);
    for _ in 0..ROUNDS_MAX {
        let next = round(&current, limits, &mut state);
        let next = cut(&next, limits.text_bytes_max, &mut state);
        if next == current {
            break;
        }
        current = next;
    }
    state.text = current;
    state
}

fn round(text: &str, limits: &Limits, state: &mut Cleaned) -> String {
    let visible = remove_unseen(text, state);
    let plain = unmix_scripts(&visible, state);
    let inert = markup::disarm(&plain, state);
    match limits.keeps_links {
        true => inert,
        false => links::disarm(&inert, state),
    }
}

fn cut(text: &str, bytes_max: usize, state: &mut Cleaned) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    state.note(Category::Oversize, || format!("{} bytes", text.len()));
    let room = bytes_max.saturating_sub(CUT_MARK.len());
    let end = (0..=room)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let kept = text.get(..end).unwrap_or_default();
    // A cut in the middle of a sequence would leave half of it: go back to plain ground.
    let kept = kept.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    format!("{kept}{CUT_MARK}")
}

/// Collects what invisible characters spell.
#[derive(Default)]
struct Hidden {
    tags: String,
    selectors: Vec<u8>,
    /// Other readings of the same selectors: encoders differ in where they begin to count.
    selectors_plain: Vec<u8>,
}

impl Hidden {
    fn read(&mut self, c: char) {
        let code = c as u32;
        match code {
            0xe0020..=0xe007e => self.tags.extend(char::from_u32(code - 0xe0000)),
            0xfe00..=0xfe0f => self.selectors.push((code - 0xfe00) as u8),
            0xe0100..=0xe01ef => {
                self.selectors.push((code - 0xe0100 + 16) as u8);
                self.selectors_plain.push((code - 0xe0100) as u8);
            }
            _ => {}
        }
    }

    fn into_texts(self) -> impl Iterator<Item = String> {
        let texts = [
            Ok(self.tags),
            String::from_utf8(self.selectors),
            String::from_utf8(self.selectors_plain),
        ];
        texts
            .into_iter()
            .flatten()
            .filter(|text| text.chars().filter(char::is_ascii_alphabetic).count() > 3)
    }
}

fn remove_unseen(text: &str, state: &mut Cleaned) -> String {
    let right_to_left = text.chars().any(is_right_to_left);
    let mut out = String::with_capacity(text.len());
    let mut hidden = Hidden::default();
    let mut marks = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(bytes) = terminal::sequence_bytes(rest) {
            state.note(Category::TerminalEscape, || {
                "a terminal escape sequence".to_owned()
            });
            let sequence = rest.get(..bytes).unwrap_or_default();
            state.escapes_beyond_colour += usize::from(!(sequence.ends_with('m') && bytes <= 24));
            rest = rest.get(bytes..).unwrap_or_default();
            continue;
        }
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        marks = if is_mark(c) && unseen(c).is_none() {
            marks + 1
        } else {
            0
        };
        if c == '\u{fffd}' {
            state.note(Category::BadEncoding, || {
                "a replacement character".to_owned()
            });
        }
        if let Some(kind) = unseen(c) {
            rest = keep_or_drop(kind, c, &mut out, after, right_to_left, &mut hidden, state);
            continue;
        }
        if marks > marks_allowed(&out) {
            state.note(Category::StackedMarks, || {
                "more accents on a letter than any script uses".to_owned()
            });
        } else {
            out.push(c);
        }
        rest = after;
    }
    state.hidden.extend(hidden.into_texts());
    out
}

fn marks_allowed(out: &str) -> usize {
    let base = out.chars().rev().take(MARKS_MAX + 1).find(|c| !is_mark(*c));
    match base {
        Some(c) if script(c) == Some(Script::Latin) => MARKS_ON_LATIN_MAX,
        _ => MARKS_MAX,
    }
}

/// Decides one invisible character from what stands before it in the result and what follows, and
/// returns what remains to be read.
fn keep_or_drop<'a>(
    kind: Unseen,
    c: char,
    out: &mut String,
    after: &'a str,
    right_to_left: bool,
    hidden: &mut Hidden,
    state: &mut Cleaned,
) -> &'a str {
    let previous = out.chars().next_back();
    let next = after.chars().next();
    if kind == Unseen::Tag
        && let Some(bytes) = flag_bytes(previous, c, after)
    {
        out.push(c);
        let (flag, rest) = after.split_at(bytes);
        out.push_str(flag);
        return rest;
    }
    if c == '\r' {
        // A lone carriage return would let a terminal overwrite the line.
        if next == Some('\n') {
            out.push('\r');
        } else {
            out.push('\n');
            state.note(Category::ControlCharacters, || {
                "a lone carriage return".to_owned()
            });
        }
        return after;
    }
    if belongs(kind, c, previous, next, right_to_left) {
        out.push(c);
        return after;
    }
    hidden.read(c);
    if c == '\u{8}' && previous.is_some_and(|p| p != '\n') {
        out.pop();
    }
    if c == '\u{85}' {
        out.push('\n');
    }
    report(kind, c, previous, next, state);
    after
}

/// Whether an invisible character is part of how an ordinary text is written.
fn belongs(
    kind: Unseen,
    c: char,
    previous: Option<char>,
    next: Option<char>,
    right_to_left: bool,
) -> bool {
    let before = |test: fn(char) -> bool| previous.is_some_and(test);
    let behind = |test: fn(char) -> bool| next.is_some_and(test);
    match kind {
        Unseen::Joiner if c == '\u{200d}' => {
            let emoji_before = before(|p| is_emoji_part(p) || p == '\u{fe0f}' || is_flag_end(p));
            (emoji_before && behind(is_pictograph)) || before(uses_joiners)
        }
        Unseen::Joiner => before(uses_joiners) && behind(uses_joiners),
        Unseen::DirectionMark => {
            right_to_left && !before(|p| matches!(unseen(p), Some(Unseen::DirectionMark)))
        }
        Unseen::Selector => match c {
            '\u{fe0e}' | '\u{fe0f}' => before(is_emoji_part),
            '\u{180b}'..='\u{180f}' => before(|p| matches!(p as u32, 0x1820..=0x18aa)),
            '\u{fe00}'..='\u{fe02}' => {
                before(|p| is_ideograph(p) || matches!(p as u32, 0x2200..=0x22ff | 0x1000..=0x109f))
            }
            _ => before(is_ideograph),
        },
        _ => false,
    }
}

fn is_flag_end(c: char) -> bool {
    c == '\u{e007f}'
}

/// England, Scotland, Wales and their like: a black flag, two to six tag letters, and the end tag.
fn flag_bytes(previous: Option<char>, first: char, after: &str) -> Option<usize> {
    if previous != Some('\u{1f3f4}') || !is_tag_letter(first) {
        return None;
    }
    let letters = after
        .chars()
        .take(6)
        .take_while(|c| is_tag_letter(*c))
        .count();
    let end = letters * '\u{e0061}'.len_utf8();
    let closed = after.get(end..)?.starts_with('\u{e007f}');
    (closed && (2..=5).contains(&letters)).then_some(end + '\u{e007f}'.len_utf8())
}

fn is_tag_letter(c: char) -> bool {
    matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}')
}

fn report(kind: Unseen, c: char, previous: Option<char>, next: Option<char>, state: &mut Cleaned) {
    let at_start = previous.is_none();
    let category = match kind {
        Unseen::ZeroWidth if c == '\u{feff}' && at_start => return,
        Unseen::ZeroWidth | Unseen::Joiner | Unseen::Noncharacter => Category::InvisibleUnicode,
        Unseen::DirectionMark | Unseen::Bidi => Category::BidiControl,
        Unseen::Tag => Category::TagCharacters,
        Unseen::Selector => Category::VariationSelectors,
        Unseen::Control => Category::ControlCharacters,
    };
    let letter =
        |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || unseen(c).is_some());
    if category == Category::InvisibleUnicode && c != '\u{ad}' && letter(previous) && letter(next) {
        state.split_words += 1;
    }
    state.bidi_overrides += usize::from(matches!(
        c,
        '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}'
    ));
    state.backspaces += usize::from(c == '\u{8}');
    // An escape that introduces nothing is still an escape.
    let escape = matches!(c, '\u{1b}' | '\u{9b}' | '\u{9d}');
    state.escapes_beyond_colour += usize::from(escape);
    let category = if escape {
        Category::TerminalEscape
    } else {
        category
    };
    state.note(category, || format!("U+{:04X}", c as u32));
}

/// A word of Latin letters with look-alikes from other scripts between them is written in Latin.
fn unmix_scripts(text: &str, state: &mut Cleaned) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word_bytes = rest
            .find(|c: char| !(c.is_alphabetic() || is_mark(c)))
            .unwrap_or(rest.len());
        let (word, tail) = rest.split_at(word_bytes);
        match unmixed(word) {
            Some(latin) => {
                state.note(Category::MixedScripts, || {
                    format!("\"{latin}\" in letters of several scripts")
                });
                out.push_str(&latin);
            }
            None => out.push_str(word),
        }
        let mut chars = tail.chars();
        out.extend(chars.next());
        rest = chars.as_str();
    }
    out
}

fn unmixed(word: &str) -> Option<String> {
    if word.is_ascii() {
        return None;
    }
    let scripts: Vec<Script> = word.chars().filter_map(script).collect();
    let latin = scripts.contains(&Script::Latin);
    let foreign = |c: char| {
        matches!(
            script(c),
            Some(Script::Cyrillic | Script::Greek | Script::Other(_))
        )
    };
    let all_alike = word
        .chars()
        .filter(|c| foreign(*c))
        .all(|c| fold::lookalike(c).is_some());
    let switches = scripts
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a != b))
        .count();
    // One switch at the end is an ordinary inflected foreign name; at the start it never is.
    let disguised = switches >= 2
        || (switches == 1 && scripts.first() != Some(&Script::Latin) && scripts.len() > 3);
    if !(latin && all_alike && disguised && word.chars().any(foreign)) {
        return None;
    }
    let folded = word.chars().map(|c| {
        if foreign(c) {
            fold::lookalike(c).unwrap_or(c)
        } else {
            c
        }
    });
    Some(folded.nfc().collect())
}
