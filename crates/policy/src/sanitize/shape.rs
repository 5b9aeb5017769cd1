//! Evidence in the shape of a text rather than in its phrases.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::characters::{Script, script};
use super::fold::fold;
use super::lexicon::LEXICON;
use super::tokens::Words;

static LITERAL_ESCAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\\(?:x1b|u001b|u\{1b\}|033|27|e)\s*[\[\]()P]|(?:^|[^0-9a-f])\\(?:x9b|x9d|u009b|u009d)|\x{241b}\[|(?:\^\[|\bESC ?)\[").ok()
});
static SCRIPT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"<\s*/?\s*script|javascript:|\bon(?:error|load|click|mouse\w+|focus|toggle)\s*=|xxx:x|alert\(|base64_decode\(|document\.cookie"#).ok()
});

static ROLE_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)^[ \t>\]-]*(?:User|Human|Assistant|System|SYSTEM|USER|ASSISTANT|HUMAN|AI) ?: ?\S"#,
    )
    .ok()
});

/// A line that opens like a turn of a conversation.
pub(super) fn has_role_line(text: &str) -> bool {
    ROLE_LINE
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

/// Escapes written out, as in source code: telling in a short text, common in a long one.
pub(super) fn literal_escape(text: &str) -> f64 {
    const SHORT_BYTES: usize = 600;
    match LITERAL_ESCAPE
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
    {
        true if text.len() <= SHORT_BYTES => 1.0,
        true => 0.3,
        false => 0.0,
    }
}

pub(super) fn has_script(folded: &str) -> bool {
    SCRIPT
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(folded))
}

/// One word in letters of four scripts or more is a code, not a word.
pub(super) fn many_scripts(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_ascii())
        .any(|word| {
            let scripts: HashSet<u32> =
                word.chars().filter_map(script).map(script_number).collect();
            scripts.len() >= 3
        })
}

fn script_number(script: Script) -> u32 {
    match script {
        Script::Latin => 1,
        Script::Greek => 2,
        Script::Cyrillic => 3,
        Script::Other(block) => 16 + block,
    }
}

/// A short text without one word that anybody knows, full of signs and digits.
pub(super) fn is_unreadable(folded: &str, words: &Words) -> bool {
    const SHORT_BYTES: usize = 600;
    let visible: Vec<char> = folded.chars().filter(|c| !c.is_whitespace()).collect();
    if folded.len() > SHORT_BYTES || visible.len() < 6 || words.common > 0 {
        return false;
    }
    let signs = visible
        .iter()
        .filter(|c| c.is_ascii() && !c.is_ascii_alphabetic())
        .count();
    let known = words
        .tokens
        .iter()
        .any(|token| !words.steps(token).is_empty());
    !known && signs * 5 >= visible.len() && !folded.contains("://")
}

/// Strings by which filters are tested.
pub(super) fn has_test_signature(text: &str) -> bool {
    const PARTS: &[(&str, &str)] = &[
        ("EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE"),
        (
            "XJS*C4JDBQADN1.NSBN3*2IDNEN*",
            "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL",
        ),
    ];
    PARTS.iter().any(|(first, second)| {
        text.find(first)
            .is_some_and(|at| text.get(at..).is_some_and(|rest| rest.contains(second)))
    })
}

/// JSON, a printed dictionary, or a row of headers: text that a machine made.
pub(super) fn is_record(text: &str) -> bool {
    let trimmed = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let opens = trimmed.starts_with(['{', '[']);
    let pairs = ["': '", "\": \"", "': {", "': [", "\":\""]
        .iter()
        .map(|mark| text.matches(mark).count())
        .sum::<usize>();
    opens && pairs >= 1
}

pub(super) fn comments(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .split("<!--")
        .skip(1)
        .map(|rest| rest.split("-->").next().unwrap_or(rest))
}

/// The same short word or mark many times in a row.
pub(super) fn repeats(folded: &str) -> bool {
    const TIMES: usize = 8;
    let mut run = 0;
    let mut last = "";
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 2)
        .any(|word| {
            run = if word == last { run + 1 } else { 1 };
            last = word;
            run >= TIMES
        })
}

/// A document that ends in a request which has nothing to do with it. Near 1 when no word of the
/// request occurs in the document.
pub(super) fn trailing_request(text: &str) -> f64 {
    const DOCUMENT_WORDS_MIN: usize = 12;
    const REQUEST_WORDS: std::ops::RangeInclusive<usize> = 3..=60;
    let Some((document, request)) = text.trim_end().rsplit_once('\n') else {
        return 0.0;
    };
    // A line that is set in or begins small goes on with what stands before it.
    let goes_on = request.starts_with([' ', '\t']) && headings(document) > 0;
    let request = request.trim();
    let begins = !goes_on && !request.starts_with(char::is_lowercase);
    let request = fold(request);
    let request_words: Vec<&str> = words(&request).collect();
    let opens = request_words
        .first()
        .is_some_and(|word| LEXICON.resolve(word).contains(LEXICON.request));
    let plain =
        begins && request.starts_with(|c: char| c.is_alphabetic()) && !looks_like_code(&request);
    let is_guide = is_guide(document);
    let document = fold(document);
    let long = words(&document).nth(DOCUMENT_WORDS_MIN).is_some();
    if !(opens && plain && long && REQUEST_WORDS.contains(&request_words.len()))
        || is_courtesy(&request)
    {
        return 0.0;
    }
    let known: HashSet<&str> = words(&document).collect();
    let topics: Vec<&&str> = request_words
        .iter()
        .skip(1)
        .filter(|word| is_topic(word))
        .collect();
    let shared = topics.iter().filter(|word| known.contains(**word)).count();
    let foreign = match topics.len() {
        0 => 0.5,
        total => 1.0 - shared as f64 / total as f64,
    };
    let ordinary = speaks_for_itself(&document) || document.contains("```") || is_guide;
    if ordinary { foreign * 0.3 } else { foreign }
}

/// Handbooks, readmes and the like tell their reader what to do by nature; so many headings make one.
pub(super) fn is_guide(text: &str) -> bool {
    const HEADINGS_MIN: usize = 3;
    headings(text) >= HEADINGS_MIN
}

fn headings(text: &str) -> usize {
    let mut fenced = false;
    let is_heading = |line: &&str| {
        fenced ^= line.starts_with("```");
        let marks = line.len() - line.trim_start_matches('#').len();
        !fenced && (1..=6).contains(&marks) && line[marks..].starts_with(' ')
    };
    text.lines().filter(is_heading).count()
}

/// A person who brings a text along and then asks about it.
fn speaks_for_itself(document: &str) -> bool {
    const OPENINGS: &[&str] = &[
        "here is",
        "heres",
        "here's",
        "here are",
        "i have",
        "i am",
        "i'm",
        "i want",
        "i need",
        "i wrote",
        "my ",
        "this is my",
        "given ",
        "consider ",
        "below is",
        "we have",
        "suppose",
        "attached",
    ];
    OPENINGS
        .iter()
        .any(|opening| document.trim_start().starts_with(opening))
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn is_topic(word: &str) -> bool {
    word.len() >= 4 && !LEXICON.is_common(word) && !LEXICON.resolve(word).contains(LEXICON.request)
}

fn looks_like_code(line: &str) -> bool {
    line.ends_with(['{', '}', ';', ',', '|', '`', ')'])
        || line.contains("()")
        || line.contains(" = ")
}

/// How letters end.
fn is_courtesy(request: &str) -> bool {
    const PHRASES: &[&str] = &[
        "let me know",
        "let us know",
        "reply to this",
        "contact",
        "feel free",
        "unsubscribe",
        "get in touch",
        "reach out",
        "give me a shout",
        "see you",
        "best regards",
        "call us",
        "visit us",
        "click here",
        "thank",
        "dial",
        "jump on",
    ];
    PHRASES.iter().any(|phrase| request.contains(phrase))
}
