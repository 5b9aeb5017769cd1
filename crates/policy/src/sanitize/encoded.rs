//! What a text says once it is decoded: base64, base32, hex, percent and entity escapes, Morse,
//! NATO, Braille, shifted alphabets, reversed text, letters set apart, digits for letters.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::Regex;

use super::fold::{fold, leet_letter};
use super::lexicon::LEXICON;

/// Guessing at whole-text ciphers is for messages, not for books.
const CIPHER_BYTES_MAX: usize = 8 * 1024;
const RUNS_MAX: usize = 64;
/// A message may be wrapped twice; more is not read by models either.
const DEPTH_MAX: usize = 2;

static LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

static BASE64_RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{12,}={0,2}").ok());
static BASE32_RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Z2-7]{8,}={0,6}").ok());
static HEX_RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ :,]?){6,}").ok());
static MORSE_RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:[.\-·–−]{1,6}(?: */ *| {1,3}|\n)){3,}[.\-·–−]{1,6}").ok());

/// How the spaces between the words of a decoded text are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    Kept,
    Lost,
    /// Kept, with digits for letters.
    Leet,
}

#[derive(Debug, Clone)]
pub(super) struct Decoded {
    pub text: String,
    pub how: &'static str,
    pub spacing: Spacing,
    /// The part of the whole text that was encoded, from 0 to 1.
    pub share: f64,
}

/// All readings of a text that differ from the plain one.
pub(super) fn readings(text: &str) -> Vec<Decoded> {
    let mut found = Vec::new();
    collect(text, 1.0, 0, &mut found);
    found
}

fn collect(text: &str, share: f64, depth: usize, found: &mut Vec<Decoded>) {
    let from = found.len();
    one_level(text, share, found);
    if depth + 1 >= DEPTH_MAX {
        return;
    }
    let inner: Vec<Decoded> = found.get(from..).unwrap_or_default().to_vec();
    for reading in inner
        .iter()
        .filter(|reading| reading.spacing == Spacing::Kept && reading.text.len() > 8)
    {
        collect(&reading.text, reading.share, depth + 1, found);
    }
}

fn one_level(text: &str, share: f64, found: &mut Vec<Decoded>) {
    let mut add = |text: String, how: &'static str, spacing: Spacing, part: f64| {
        found.push(Decoded {
            text,
            how,
            spacing,
            share: share * part.min(1.0),
        });
    };
    let length = text.len().max(1) as f64;
    let escapes = text.matches('%').count();
    if escapes >= 4 && text.contains("%20") && escapes * 20 >= text.len() {
        add(percent_text(text), "percent escapes", Spacing::Kept, 0.5);
    }
    if text.matches("&#").count() >= 4 {
        add(entity_text(text), "character entities", Spacing::Kept, 0.5);
    }
    for (pattern, decode, how) in RUNS {
        let Some(pattern) = pattern.as_ref() else {
            continue;
        };
        for run in pattern.find_iter(text).take(RUNS_MAX) {
            if let Some(plain) = decode(run.as_str()) {
                add(plain, how, Spacing::Kept, run.len() as f64 / length);
            }
        }
    }
    for (plain, how, part) in [nato(text), braille(text), uuencoded(text)]
        .into_iter()
        .flatten()
    {
        add(plain, how, Spacing::Kept, part);
    }
    for (plain, how, spacing) in whole_text(text) {
        add(plain, how, spacing, 1.0);
    }
}

type Run = (
    &'static LazyLock<Option<Regex>>,
    fn(&str) -> Option<String>,
    &'static str,
);

const RUNS: [Run; 4] = [
    (&BASE64_RUN, base64_text, "base64"),
    (&BASE32_RUN, base32_text, "base32"),
    (&HEX_RUN, hex_text, "hexadecimal"),
    (&MORSE_RUN, morse_text, "Morse code"),
];

pub(super) fn base64_text(run: &str) -> Option<String> {
    let plain: String = run
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    let engine = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    readable(engine.decode(plain).ok()?)
}

fn base32_text(run: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for c in run.trim_end_matches('=').bytes() {
        let value = if c.is_ascii_uppercase() {
            c - b'A'
        } else {
            c - b'2' + 26
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    readable(bytes)
}

fn hex_text(run: &str) -> Option<String> {
    let plain = run.replace("0x", "").replace("\\x", "");
    let digits: Vec<u32> = plain.chars().filter_map(|c| c.to_digit(16)).collect();
    let (pairs, _) = digits.as_chunks::<2>();
    readable(
        pairs
            .iter()
            .map(|[high, low]| (high * 16 + low) as u8)
            .collect(),
    )
}

/// Decoded bytes count as text when nearly all of them are printable and most are letters.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let total = text.chars().count();
    let printable = text
        .chars()
        .filter(|c| !c.is_control() || c.is_whitespace())
        .count();
    let letters = text
        .chars()
        .filter(|c| c.is_ascii_alphabetic() || *c == ' ')
        .count();
    (total >= 4 && printable == total && letters * 10 >= total * 6).then_some(text)
}

/// Lines that begin with their own length, six bits to a character.
fn uuencoded(text: &str) -> Option<(String, &'static str, f64)> {
    let (mut bytes, mut encoded) = (Vec::new(), 0);
    for line in text.lines().filter_map(uuencoded_line) {
        encoded += line.0;
        bytes.extend(line.1);
    }
    readable(bytes).map(|plain| {
        (
            plain,
            "uuencode",
            encoded as f64 / text.trim().len().max(1) as f64,
        )
    })
}

fn uuencoded_line(line: &str) -> Option<(usize, Vec<u8>)> {
    let line = line.trim_end();
    let (length, data) = line.as_bytes().split_first()?;
    let length = usize::from(length.checked_sub(32)? & 63);
    let fits =
        length > 0 && data.len() <= length.div_ceil(3) * 4 + 1 && data.len() * 3 >= length * 4 - 3;
    if !fits || !data.iter().all(|byte| matches!(byte, 32..=96)) {
        return None;
    }
    let sextets: Vec<u32> = data
        .iter()
        .map(|byte| u32::from(byte - 32) & 63)
        .chain([0, 0, 0])
        .collect();
    let (groups, _) = sextets.as_chunks::<4>();
    let joined = groups
        .iter()
        .map(|[a, b, c, d]| a << 18 | b << 12 | c << 6 | d);
    let bytes = joined
        .flat_map(|group| [(group >> 16) as u8, (group >> 8) as u8, group as u8])
        .take(length)
        .collect();
    Some((line.len(), bytes))
}

pub(super) fn percent_text(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = match (first, tail) {
            (b'%', [high, low, ..]) => hex_pair(*high, *low),
            _ => None,
        };
        bytes.push(pair.unwrap_or(*first));
        rest = tail
            .get(if pair.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

fn entity_text(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split("&#");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (code, tail) = part.split_once(';').unwrap_or((part, ""));
        let number = match code.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => code.parse().ok(),
        };
        out.extend(number.and_then(char::from_u32));
        out.push_str(tail);
    }
    out
}

const MORSE: &str = "a.- b-... c-.-. d-.. e. f..-. g--. h.... i.. j.--- k-.- l.-.. m-- n-. o--- p.--. q--.- r.-. s... t- u..- v...- w.-- x-..- y-.-- z--.. 0----- 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----.";

fn morse_text(run: &str) -> Option<String> {
    let plain = run.replace(['–', '−'], "-").replace('·', ".");
    let mut out = String::new();
    let (mut known, mut total) = (0, 0);
    for sign in plain.split_whitespace() {
        if sign == "/" {
            out.push(' ');
            continue;
        }
        total += 1;
        let letter = MORSE
            .split(' ')
            .find_map(|entry| (entry.get(1..) == Some(sign)).then(|| entry.chars().next())?);
        known += usize::from(letter.is_some());
        out.extend(letter);
    }
    let letters = out
        .chars()
        .any(|c| !matches!(c, 'e' | 't' | 'i' | 's' | 'h' | '5' | 'm' | 'o' | ' '));
    (total >= 4 && known * 10 >= total * 9 && letters).then_some(out)
}

const NATO: &[&str] = &[
    "alfa", "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india",
    "juliett", "juliet", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo",
    "sierra", "tango", "uniform", "victor", "whiskey", "xray", "x-ray", "yankee", "zulu",
];

fn nato(text: &str) -> Option<(String, &'static str, f64)> {
    const WORDS_MIN: usize = 4;
    let is_nato = |word: &str| NATO.contains(&word.to_ascii_lowercase().as_str());
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_ascii_alphabetic() || c == '-'))
        .filter(|word| !word.is_empty())
        .collect();
    let spelled: Vec<&str> = words.iter().copied().filter(|word| is_nato(word)).collect();
    let adjacent = words
        .windows(WORDS_MIN)
        .any(|row| row.iter().all(|word| is_nato(word)));
    let letters = spelled
        .iter()
        .filter_map(|word| word.chars().next())
        .collect::<String>()
        .to_ascii_lowercase();
    adjacent.then(|| {
        (
            letters,
            "NATO letters",
            spelled.len() as f64 / words.len().max(1) as f64,
        )
    })
}

const BRAILLE: &str = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵";

fn braille(text: &str) -> Option<(String, &'static str, f64)> {
    let cells = text
        .chars()
        .filter(|c| matches!(*c as u32, 0x2801..=0x28ff))
        .count();
    let visible = text.chars().filter(|c| !c.is_whitespace()).count().max(1);
    let letter = |c: char| {
        BRAILLE
            .chars()
            .position(|cell| cell == c)
            .map(|at| char::from(b'a' + at as u8))
    };
    let plain = text
        .chars()
        .map(|c| letter(c).unwrap_or(if c == '⠀' { ' ' } else { c }))
        .collect();
    (cells >= 3).then(|| (plain, "Braille", cells as f64 / visible as f64))
}

/// Readings of the text as a whole, tried only where the plain reading makes little sense.
fn whole_text(text: &str) -> Vec<(String, &'static str, Spacing)> {
    let mut out = Vec::new();
    if text.len() > CIPHER_BYTES_MAX {
        return out;
    }
    let folded = fold(text);
    out.extend(
        letters_apart(&folded).map(|(plain, spacing)| (plain, "letters set apart", spacing)),
    );
    out.extend(joined(&folded).map(|plain| (plain, "words run together", Spacing::Lost)));
    let plain_sense = sense(&folded);
    if plain_sense < 0.4 && is_leet(&folded) {
        out.push((folded.clone(), "digits for letters", Spacing::Leet));
    }
    if plain_sense < 0.2 {
        out.extend(best_cipher(&folded, plain_sense));
    }
    out
}

/// The part of the words that anybody would know.
fn sense(folded: &str) -> f64 {
    let words: Vec<&str> = folded
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.len() >= 2)
        .collect();
    let known = words.iter().filter(|word| LEXICON.knows(word)).count();
    known as f64 / words.len().max(3) as f64
}

fn best_cipher(folded: &str, plain_sense: f64) -> Option<(String, &'static str, Spacing)> {
    let shifted = (1..26).map(|by| (shift(folded, by), "a shifted alphabet"));
    let others = [
        (atbash(folded), "a mirrored alphabet"),
        (folded.chars().rev().collect(), "reversed text"),
    ];
    let best = shifted
        .chain(others)
        .map(|(text, how)| (sense(&text), text, how))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, ..)| *score >= 0.34 && *score >= plain_sense + 0.2)
        .map(|(_, text, how)| (text, how, Spacing::Kept))
}

fn shift(text: &str, by: u8) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                char::from((c as u8 - b'a' + by) % 26 + b'a')
            } else {
                c
            }
        })
        .collect()
}

fn atbash(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                char::from(b'z' - (c as u8 - b'a'))
            } else {
                c
            }
        })
        .collect()
}

/// "S e n d  m e" and "s.e.n.d.m.e": most pieces are one character long.
fn letters_apart(folded: &str) -> Option<(String, Spacing)> {
    [' ', '.', '-', '_', '*', '|']
        .into_iter()
        .find_map(|separator| {
            let pieces: Vec<&str> = folded
                .split(separator)
                .filter(|piece| !piece.is_empty())
                .collect();
            let single = pieces
                .iter()
                .filter(|piece| piece.chars().count() == 1)
                .count();
            if pieces.len() < 8 || single * 10 < pieces.len() * 7 {
                return None;
            }
            let wide: String = [separator, separator].iter().collect();
            if !folded.contains(&wide) {
                return Some((pieces.concat(), Spacing::Lost));
            }
            let words: Vec<String> = folded
                .split(&wide)
                .map(|word| word.replace(separator, ""))
                .collect();
            let text = words.join(" ");
            let spacing = if is_leet(&text) {
                Spacing::Leet
            } else {
                Spacing::Kept
            };
            Some((text, spacing))
        })
}

/// Very long words, or nothing but pieces of one length: the spaces are lost. Only those are read.
fn joined(folded: &str) -> Option<String> {
    const LONG_WORD: usize = 24;
    const PIECES_MIN: usize = 6;
    let pieces: Vec<&str> = folded.split_whitespace().collect();
    let length = pieces.first().map_or(0, |piece| piece.len());
    let even = pieces.iter().filter(|piece| piece.len() == length).count();
    let in_pieces = pieces.len() >= PIECES_MIN && even * 10 >= pieces.len() * 9 && length >= 2;
    let is_long = |piece: &&&str| {
        let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
        word.len() >= LONG_WORD && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let letters = match in_pieces {
        true => pieces.concat(),
        false => pieces.iter().filter(is_long).copied().collect(),
    };
    if letters.len() * 5 < folded.len() * 2 {
        return None;
    }
    let plain: String = letters
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(leet_letter)
        .collect();
    (!plain.is_empty()).then_some(plain)
}

/// At least three words, and a fifth of all, mix letters and digits as leetspeak does.
fn is_leet(folded: &str) -> bool {
    let words: Vec<&str> = folded
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '@' | '$')))
        .filter(|word| !word.is_empty())
        .collect();
    let mixed = words.iter().filter(|word| is_leet_word(word)).count();
    mixed >= 3 && mixed * 5 >= words.len()
}

fn is_leet_word(word: &str) -> bool {
    let digits = word
        .bytes()
        .filter(|byte| matches!(byte, b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'@' | b'$'))
        .count();
    let letters = word.bytes().filter(u8::is_ascii_lowercase).count();
    word.len() <= 16 && digits > 0 && letters > 0
}
