//! A word as a program will receive it, and how much of it is known beforehand.

use brush_parser::word::{BraceExpressionMember, BraceExpressionOrText, parse_brace_expansions};

use super::limits;

/// Stands in an argument's text for a part that is only known when the command runs.
pub const UNKNOWN: char = '\u{fffd}';

/// How much of an argument is known before the command runs. Ordered: the later, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// All of it.
    Exact,
    /// A part comes from a variable that the line did not set, or from a list of file names.
    Variable,
    /// A part is computed by a command that can produce anything.
    Computed,
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// The text, with `UNKNOWN` where a part is not known.
    pub text: String,
    /// How much of the text is known.
    pub known: Known,
    /// Does it contain unquoted `*`, `?` or `[`?
    pub glob: bool,
}

impl Arg {
    /// An argument that is known in full.
    pub fn exact(text: impl Into<String>) -> Self {
        Arg {
            text: text.into(),
            known: Known::Exact,
            glob: false,
        }
    }

    /// An argument of which nothing is known.
    pub fn unknown(known: Known) -> Self {
        Arg {
            text: UNKNOWN.to_string(),
            known,
            glob: false,
        }
    }

    /// The same certainty about another text.
    pub fn with_text(&self, text: &str) -> Self {
        Arg {
            text: text.to_owned(),
            known: self.known,
            glob: self.glob,
        }
    }

    /// Known in full and not a pattern.
    pub fn is_plain(&self) -> bool {
        self.known == Known::Exact && !self.glob
    }

    /// Could this turn out to be an option when the command runs?
    pub fn may_be_option(&self) -> bool {
        self.known == Known::Computed && self.text.starts_with([UNKNOWN, '-'])
    }
}

/// True for words that mean exactly what they say: no quoting, no expansion.
pub fn is_bare(word: &str) -> bool {
    word.bytes().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'_' | b'.' | b'/' | b':' | b'=' | b',' | b'@' | b'%' | b'+' | b'-'
            )
    })
}

/// Decodes the inside of `$'…'`.
pub fn decode_ansi_c(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            decoded.push(character);
            continue;
        }
        let Some(escape) = rest.next() else { break };
        decoded.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => number(&mut rest, 16, 2, 0),
            'u' => number(&mut rest, 16, 4, 0),
            'U' => number(&mut rest, 16, 8, 0),
            'c' => rest.next().map_or(UNKNOWN, control),
            '0'..='7' => number(&mut rest, 8, 2, escape.to_digit(8).unwrap_or(0)),
            other => other,
        });
    }
    decoded
}

fn control(letter: char) -> char {
    char::from(u8::try_from(u32::from(letter) & 0x1f).unwrap_or(0))
}

fn number(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    digits_max: usize,
    start: u32,
) -> char {
    let mut value = start;
    for _ in 0..digits_max {
        let Some(digit) = rest.peek().and_then(|next| next.to_digit(radix)) else {
            break;
        };
        value = value.wrapping_mul(radix).wrapping_add(digit);
        rest.next();
    }
    char::from_u32(value).unwrap_or(UNKNOWN)
}

/// The raw words that `{a,b}` and `{1..3}` stand for; `None` when there are too many to follow.
pub fn expand_braces(word: &str) -> Option<Vec<String>> {
    if !has_brace_list(word) {
        return Some(vec![word.to_owned()]);
    }
    let pieces = parse_brace_expansions(word, &super::shell::options()).ok()?;
    let Some(pieces) = pieces else {
        return Some(vec![word.to_owned()]);
    };
    combine(&pieces, 0)
}

fn has_brace_list(word: &str) -> bool {
    word.find('{').is_some_and(|open| {
        let inside = &word[open..];
        inside.contains('}') && (inside.contains(',') || inside.contains(".."))
    })
}

fn combine(pieces: &[BraceExpressionOrText], depth: usize) -> Option<Vec<String>> {
    if depth > limits::BRACE_DEPTH_MAX {
        return None;
    }
    let mut words = vec![String::new()];
    for piece in pieces {
        let choices = match piece {
            BraceExpressionOrText::Text(text) => vec![text.clone()],
            BraceExpressionOrText::Expr(members) => {
                let mut choices = Vec::new();
                for member in members {
                    choices.extend(member_words(member, depth)?);
                }
                choices
            }
        };
        if words.len() * choices.len() > limits::BRACE_WORDS_MAX {
            return None;
        }
        words = words
            .iter()
            .flat_map(|start| choices.iter().map(move |end| format!("{start}{end}")))
            .collect();
    }
    Some(words)
}

fn member_words(member: &BraceExpressionMember, depth: usize) -> Option<Vec<String>> {
    match member {
        BraceExpressionMember::Child(pieces) => combine(pieces, depth + 1),
        BraceExpressionMember::NumberSequence { start, end, .. } => {
            Some(vec![start.to_string(), end.to_string()])
        }
        BraceExpressionMember::CharSequence { start, end, .. } => {
            let (low, high) = (*start.min(end), *start.max(end));
            Some((low..=high).map(String::from).collect())
        }
    }
}
