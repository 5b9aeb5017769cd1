//! Searching a person's words for a name, a phrase or a number, whole and not as part of another.

use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Shorter names stand everywhere.
const NAME_CHARS_MIN: usize = 3;
/// A number of so many digits stands for itself; a shorter one could have been typed for anything.
const ID_DIGITS_MIN: usize = 4;
/// How much may follow the beginning of a name that somebody described.
const BEGUN_CHARS_MAX: usize = 16;
/// So many words make a sentence that somebody dictated.
const PHRASE_WORDS_MIN: usize = 3;

/// A person's words.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    chars: Vec<char>,
    numbers: Vec<Number>,
}

#[derive(Clone, Debug)]
struct Number {
    values: Vec<f64>,
    digits: usize,
    is_named: bool,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            numbers: numbers_in(&text),
            chars: text.chars().collect(),
        }
    }

    /// Whether it stands there as a name: set apart by quotes or a mark, or by how it is written.
    /// An ordinary word of a sentence is nobody's name, or an account of that name could be written
    /// to by every request that happens to use the word.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let name: Vec<char> = joined(name).chars().collect();
        self.places(&name).any(|at| self.is_name(at, name.len()))
    }

    /// Whether it is one of those that he meant by how their names begin: "the one that starts with
    /// Draft" means `Draft_2`. What follows the beginning is one short word, so that a name cannot
    /// bring a message along.
    pub(super) fn has_beginning_of(&self, name: &str) -> bool {
        static BEGINS: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(
                r"(?i)\b(?:start|begin)(?:s|ning|ing)? with ['\x22`“‘«#@]?([\p{L}\p{N}_-]{3,})",
            )
            .ok()
        });
        let text: String = self.chars.iter().collect();
        let Some(begins) = BEGINS.as_ref() else {
            return false;
        };
        let is_meant = |begin: &str| {
            let rest = name.strip_prefix(begin);
            self.has_name(begin)
                && rest.is_some_and(|rest| {
                    rest.chars().count() <= BEGUN_CHARS_MAX
                        && rest.chars().all(|c| is_word(c) || c == '-')
                })
        };
        begins
            .captures_iter(&text)
            .filter_map(|found| found.get(1))
            .any(|begin| is_meant(begin.as_str()))
    }

    /// Whether it says nothing that is not said here, in whatever order.
    pub(super) fn has_all_of(&self, text: &str) -> bool {
        let own: BTreeSet<String> = tokens(&self.chars.iter().collect::<String>()).collect();
        tokens(text).all(|token| own.contains(&token))
    }

    /// Whether somebody dictated it: at least a short sentence, word for word.
    pub(super) fn has_phrase(&self, phrase: &str) -> bool {
        let phrase = joined(phrase);
        let phrase = phrase.trim_end_matches(['.', '!', '?']);
        let is_long = phrase.split(' ').count() >= PHRASE_WORDS_MIN;
        let chars: Vec<char> = phrase.chars().collect();
        is_long && self.places(&chars).next().is_some()
    }

    /// Whether the number stands there; one that names a thing must be long, or be said to be one.
    pub(super) fn has_number(&self, digits: &str, is_id: bool) -> bool {
        let Ok(value) = digits.trim().parse::<f64>() else {
            return false;
        };
        self.numbers.iter().any(|number| {
            let is_same = number.values.iter().any(|one| same(*one, value));
            is_same && (!is_id || number.is_named || number.digits >= ID_DIGITS_MIN)
        })
    }

    /// Where it stands whole.
    fn places<'a>(&'a self, wanted: &'a [char]) -> impl Iterator<Item = usize> + 'a {
        let last = (self.chars.len() + 1).saturating_sub(wanted.len());
        let ends = if wanted.is_empty() { 0 } else { last };
        (0..ends).filter(move |at| {
            let here = self.chars.get(*at..at + wanted.len()).unwrap_or_default();
            here.iter().zip(wanted).all(|(a, b)| is_like(*a, *b))
                && !self.is_joined_before(*at)
                && !self.is_joined_after(at + wanted.len())
        })
    }

    fn is_joined_before(&self, at: usize) -> bool {
        let before = |back: usize| {
            at.checked_sub(back)
                .and_then(|at| self.chars.get(at))
                .copied()
        };
        match before(1) {
            Some(c) if is_word(c) => true,
            Some(c) if JOINERS.contains(c) => {
                before(2).is_some_and(|c| is_word(c) || "/:".contains(c))
            }
            _ => false,
        }
    }

    fn is_joined_after(&self, end: usize) -> bool {
        match self.chars.get(end) {
            Some(c) if is_word(*c) => true,
            Some(c) if JOINERS.contains(*c) => self.chars.get(end + 1).is_some_and(|c| is_word(*c)),
            _ => false,
        }
    }

    fn is_name(&self, at: usize, length: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.chars.get(at));
        if before.is_some_and(|c| "'\"`“‘«#@".contains(*c)) {
            return true;
        }
        if length < NAME_CHARS_MIN {
            return false;
        }
        let written = self.chars.get(at..at + length).unwrap_or_default();
        let has_sign = written
            .iter()
            .any(|c| c.is_numeric() || "_-./@".contains(*c));
        let capitals = written.iter().filter(|c| c.is_uppercase()).count();
        // The first word of a sentence is written large whatever it is.
        has_sign || capitals > 1 || (capitals == 1 && !self.begins_sentence(at))
    }

    fn begins_sentence(&self, at: usize) -> bool {
        let before = self.chars.get(..at).unwrap_or_default();
        let last = before.iter().rev().find(|c| !c.is_whitespace());
        last.is_none_or(|c| ".!?:…".contains(*c))
    }
}

/// Signs that hold a token together when something follows: `a-b`, `x@y`, `host/path`.
const JOINERS: &str = "-./@:+=&?%#";

fn tokens(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !is_word(c))
        .filter(|token| !token.is_empty())
        .map(str::to_lowercase)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_like(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text as it is compared.
pub(super) fn fold(text: &str) -> String {
    joined(text).to_lowercase()
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// A day, or a time on a day, as programs write it.
pub(super) fn is_date(text: &str) -> bool {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?$|^\d{2}:\d{2}(?::\d{2})?$").ok()
    });
    DATE.as_ref().is_some_and(|date| date.is_match(text.trim()))
}

pub(super) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

fn numbers_in(text: &str) -> Vec<Number> {
    static NUMBER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\d(?:[\d,.']*\d)?").ok());
    let Some(shape) = NUMBER.as_ref() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for number in shape.find_iter(text) {
        let before = text.get(..number.start()).unwrap_or_default();
        let after = text.get(number.end()..).unwrap_or_default();
        let is_part = before.ends_with(|c: char| is_word(c)) || after.starts_with(is_word);
        // A share of something is not an amount of it.
        if is_part || after.trim_start().starts_with('%') {
            continue;
        }
        found.push(Number {
            values: readings(number.as_str()),
            digits: number.as_str().chars().filter(char::is_ascii_digit).count(),
            is_named: is_named(before),
        });
    }
    found
}

/// `1,200.50` and `1.200,50` are the same amount in two countries.
fn readings(digits: &str) -> Vec<f64> {
    let plain = digits.replace([',', '\''], "");
    let comma = digits.replace(['.', '\''], "").replace(',', ".");
    [plain, comma]
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect()
}

/// `#7`, `id 7`, `number 7` say that a thing of that number is meant.
fn is_named(before: &str) -> bool {
    let before = before.trim_end_matches([' ', ':', '\'', '"', '=']);
    let word = before
        .rsplit(|c: char| !c.is_alphanumeric() && c != '#')
        .next();
    let word = word.unwrap_or_default().to_lowercase();
    word.ends_with('#') || matches!(word.as_str(), "id" | "number" | "no" | "nr" | "nummer")
}
