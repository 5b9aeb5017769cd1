//! A folded text as a row of words with the steps they may take, and the search for phrases in it.

use std::collections::HashMap;

use super::characters::is_unspaced;
use super::evidence::Feature;
use super::fold::fold_leet;
use super::lexicon::{LEXICON, Lexicon, Phrase, Steps};

/// A quotation longer than this is a document, not a mention.
const QUOTE_WORDS_MAX: usize = 40;
/// The longest word of the vocabulary in an unspaced script, in characters.
const UNSPACED_CHARACTERS_MAX: usize = 6;
/// The longest word tried when a text without spaces is taken apart, in characters.
const JOINED_CHARACTERS_MAX: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// The end of a sentence or paragraph, which no phrase crosses.
    Stop,
}

/// How the words are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Plain,
    /// Digits stand for letters.
    Leet,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    word: usize,
    pub starts_clause: bool,
    /// Zero outside quotation marks, else the number of the quotation.
    pub quotation: usize,
    /// Where it begins in the folded text, in bytes.
    pub position: usize,
}

/// Where a token stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    starts_clause: bool,
    quotation: usize,
    position: usize,
}

/// The words of one text.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub tokens: Vec<Token>,
    steps: Vec<Steps>,
    ids: HashMap<String, usize>,
    pub common: usize,
}

/// One phrase that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub feature: Feature,
    /// The token at which the phrase begins.
    pub at: usize,
    /// The token at which it ends.
    pub end: usize,
    /// It stands in a quotation whose sentence talks about such phrases.
    pub mentioned: bool,
}

impl Words {
    /// Reads a text whose words are apart.
    pub fn read(folded: &str, spelling: Spelling) -> Self {
        let mut words = Self::default();
        let quotation = Quotations::default();
        Reader {
            words: &mut words,
            spelling,
            starts_clause: true,
            quotation,
            position: 0,
        }
        .run(folded);
        words
    }

    /// Reads a text whose spaces are lost, by the longest words of the vocabulary.
    pub fn read_joined(letters: &str) -> Self {
        let mut words = Self::default();
        let characters: Vec<char> = letters.chars().collect();
        let mut at = 0;
        let mut skipped = false;
        while at < characters.len() {
            let longest = JOINED_CHARACTERS_MAX.min(characters.len() - at);
            let found = (2..=longest).rev().find_map(|length| {
                let word: String = characters.get(at..at + length)?.iter().collect();
                let steps = LEXICON
                    .resolve_leet(&word)
                    .filter(|_| length > 2 || LEXICON.is_common(&word))?;
                Some((word, steps, length))
            });
            match found {
                Some((word, steps, length)) => {
                    words.common += 1;
                    words.push(
                        &word,
                        Place {
                            starts_clause: at == 0,
                            quotation: 0,
                            position: at,
                        },
                        || steps,
                    );
                    at += length;
                    skipped = false;
                }
                None => {
                    if !skipped {
                        words.push(
                            "",
                            Place {
                                starts_clause: false,
                                quotation: 0,
                                position: at,
                            },
                            Steps::default,
                        );
                    }
                    skipped = true;
                    at += 1;
                }
            }
        }
        words
    }

    fn push(&mut self, word: &str, place: Place, steps: impl FnOnce() -> Steps) {
        let id = match self.ids.get(word) {
            Some(id) => *id,
            None => {
                let id = self.steps.len();
                self.steps.push(steps());
                self.ids.insert(word.to_owned(), id);
                id
            }
        };
        let Place {
            starts_clause,
            quotation,
            position,
        } = place;
        self.tokens.push(Token {
            kind: Kind::Word,
            word: id,
            starts_clause,
            quotation,
            position,
        });
    }

    pub fn steps(&self, token: &Token) -> Steps {
        self.steps.get(token.word).copied().unwrap_or_default()
    }

    /// The words of a phrase as they stand in the text that was read.
    pub fn excerpt<'a>(&self, text: &'a str, hit: &Hit) -> &'a str {
        const BYTES_MAX: usize = 160;
        let position = |at: usize| {
            self.tokens
                .get(at)
                .map_or(text.len(), |token| token.position)
        };
        let (from, last) = (position(hit.at), position(hit.end));
        let tail = text.get(last..).unwrap_or_default();
        let end = last
            + tail
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '.'))
                .unwrap_or(tail.len());
        text.get(from..end.min(from + BYTES_MAX))
            .unwrap_or_default()
    }

    fn takes(&self, at: usize, step: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind == Kind::Word
                && self
                    .steps
                    .get(token.word)
                    .is_some_and(|steps| steps.contains(step))
        })
    }

    /// All phrases in the text, each where it begins.
    pub fn hits(&self) -> Vec<Hit> {
        let lexicon = &*LEXICON;
        let discussing = self.discussing(lexicon);
        let mut hits = Vec::new();
        for (at, token) in self
            .tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| token.kind == Kind::Word)
        {
            let Some(steps) = self.steps.get(token.word) else {
                continue;
            };
            let starts = steps
                .iter()
                .filter_map(|step| lexicon.starts.get(step))
                .flatten();
            for phrase in starts.filter_map(|id| lexicon.phrases.get(*id)) {
                if let Some(end) = self.match_at(at, phrase) {
                    let quoted = self.tokens.get(end).is_some_and(|last| last.quotation != 0)
                        && (token.quotation != 0 || end > at);
                    let mentioned = quoted && discussing.get(at).copied().unwrap_or(false);
                    hits.push(Hit {
                        feature: phrase.feature,
                        at,
                        end,
                        mentioned,
                    });
                }
            }
        }
        hits
    }

    /// Where the phrase that begins at `start` ends.
    fn match_at(&self, start: usize, phrase: &Phrase) -> Option<usize> {
        let first = phrase.steps.first()?;
        if first.at_clause_start && !self.tokens.get(start)?.starts_clause {
            return None;
        }
        let mut at = start;
        for step in phrase.steps.get(1..)? {
            let window = at + 1..=at + 1 + step.gap;
            at = window
                .take_while(|next| {
                    self.tokens
                        .get(*next)
                        .is_some_and(|token| token.kind == Kind::Word)
                })
                .find(|next| {
                    let fits = !step.at_clause_start
                        || self
                            .tokens
                            .get(*next)
                            .is_some_and(|token| token.starts_clause);
                    fits && self.takes(*next, step.takes)
                })?;
        }
        Some(at)
    }

    /// For each token, whether its sentence holds, outside quotations, a word of discussion.
    fn discussing(&self, lexicon: &Lexicon) -> Vec<bool> {
        let mut out = Vec::with_capacity(self.tokens.len());
        let mut sentence_from = 0;
        for at in 0..=self.tokens.len() {
            let ends = self
                .tokens
                .get(at)
                .is_none_or(|token| token.kind == Kind::Stop && token.quotation == 0);
            if ends {
                let outside = (sentence_from..at).filter(|i| {
                    self.tokens
                        .get(*i)
                        .is_some_and(|token| token.quotation == 0)
                });
                let talks = outside.clone().any(|i| self.takes(i, lexicon.discuss));
                out.resize((at + 1).min(self.tokens.len()), talks);
                sentence_from = at + 1;
            }
        }
        out
    }
}

/// Numbers quotations; an apostrophe inside a word opens none.
#[derive(Default)]
struct Quotations {
    open: Option<(char, usize)>,
    count: usize,
}

impl Quotations {
    fn current(&self) -> usize {
        if self.open.is_some() { self.count } else { 0 }
    }

    fn meet(&mut self, mark: char, tokens: usize) {
        match self.open {
            Some((open, from)) if open == mark || tokens > from + QUOTE_WORDS_MAX => {
                self.open = None
            }
            Some(_) => {}
            None => {
                self.open = Some((mark, tokens));
                self.count += 1;
            }
        }
    }
}

struct Reader<'a> {
    words: &'a mut Words,
    spelling: Spelling,
    starts_clause: bool,
    quotation: Quotations,
    position: usize,
}

impl Reader<'_> {
    fn place(&self) -> Place {
        Place {
            starts_clause: self.starts_clause,
            quotation: self.quotation.current(),
            position: self.position,
        }
    }

    fn run(&mut self, text: &str) {
        let mut rest = text;
        let mut newlines = 0;
        while let Some(c) = rest.chars().next() {
            newlines = if c == '\n' {
                newlines + 1
            } else if c.is_whitespace() {
                newlines
            } else {
                0
            };
            let taken = match c {
                _ if is_unspaced(c) => self.unspaced(rest),
                _ if c.is_alphanumeric() => self.chunk(rest),
                '"' | '\'' | '`' => self.quote(c, rest),
                '.' | '!' | '?' | ';' | '。' | '！' | '？' => self.stop(c.len_utf8()),
                '\n' if newlines == 2 => {
                    self.quotation.open = None;
                    self.stop(1)
                }
                ':' => self.colon(),
                '$' | '€' | '£'
                    if rest
                        .chars()
                        .nth(1)
                        .is_some_and(|next| next.is_ascii_digit()) =>
                {
                    self.money(rest)
                }
                '\n' | '>' | '(' | '[' | '{' | '-' | '*' | '#' | '|' | ',' | '<' | '—' => {
                    self.starts_clause = self.starts_clause || c != ',';
                    c.len_utf8()
                }
                _ => c.len_utf8(),
            };
            rest = rest.get(taken..).unwrap_or_default();
            self.position = text.len() - rest.len();
        }
    }

    fn stop(&mut self, bytes: usize) -> usize {
        let Place {
            quotation,
            position,
            ..
        } = self.place();
        let stop = Token {
            kind: Kind::Stop,
            word: usize::MAX,
            starts_clause: false,
            quotation,
            position,
        };
        self.words.tokens.push(stop);
        self.starts_clause = true;
        bytes
    }

    fn shape(&mut self, name: &str) {
        self.words.push(name, self.place(), || LEXICON.shape(name));
    }

    fn colon(&mut self) -> usize {
        self.shape("@COLON");
        self.starts_clause = true;
        1
    }

    fn money(&mut self, rest: &str) -> usize {
        self.shape("@MONEY");
        self.starts_clause = false;
        rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '$' | '.' | ',')) && c.is_ascii())
            .unwrap_or(rest.len())
            .max(1)
    }

    fn quote(&mut self, mark: char, rest: &str) -> usize {
        let opening = self.quotation.open.is_none();
        self.quotation.meet(mark, self.words.tokens.len());
        if opening && rest.chars().nth(1).is_some_and(char::is_alphanumeric) {
            self.shape("@QUOTE");
        }
        self.starts_clause = true;
        mark.len_utf8()
    }

    /// A run of characters without spaces: an address, or one or several words.
    fn chunk(&mut self, rest: &str) -> usize {
        let end = rest
            .find(|c: char| {
                c.is_whitespace()
                    || matches!(
                        c,
                        '"' | '<' | '>' | '(' | ')' | '{' | '}' | '|' | '`' | ',' | ']'
                    )
                    || is_unspaced(c)
            })
            .unwrap_or(rest.len());
        let chunk = rest.get(..end).unwrap_or_default();
        let trimmed = chunk.trim_end_matches(['.', '!', '?', ';', ':', '\'']);
        if let Some(shape) = address_shape(trimmed) {
            self.shape(shape);
            self.starts_clause = false;
            return trimmed.len().max(1);
        }
        let end = chunk
            .find(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '_'))
            .unwrap_or(chunk.len());
        let word = chunk.get(..end).unwrap_or_default();
        let bare = word.trim_end_matches('\'');
        self.word(bare);
        bare.len().max(1)
    }

    fn word(&mut self, word: &str) {
        if word.contains('_') {
            let joined = word.replace('_', "");
            if LEXICON.knows(&joined) {
                self.plain_word(&joined);
            } else {
                word.split('_')
                    .filter(|part| !part.is_empty())
                    .for_each(|part| self.plain_word(part));
            }
            return;
        }
        match word.contains('\'') {
            true => self.plain_word(&word.replace('\'', "")),
            false => self.plain_word(word),
        }
    }

    fn plain_word(&mut self, word: &str) {
        if self.spelling == Spelling::Leet {
            return self.leet_word(&fold_leet(word));
        }
        self.words.common += usize::from(LEXICON.is_common(word));
        self.words
            .push(word, self.place(), || LEXICON.resolve(word));
        self.starts_clause = false;
    }

    fn leet_word(&mut self, word: &str) {
        let listed = LEXICON.resolve_leet(word);
        self.words.common += usize::from(listed.is_some());
        self.words
            .push(word, self.place(), || listed.unwrap_or_default());
        self.starts_clause = false;
    }

    fn unspaced(&mut self, rest: &str) -> usize {
        let ends: Vec<usize> = rest
            .char_indices()
            .take(UNSPACED_CHARACTERS_MAX)
            .take_while(|(_, c)| is_unspaced(*c))
            .map(|(at, c)| at + c.len_utf8())
            .collect();
        for end in ends.iter().rev() {
            let word = rest.get(..*end).unwrap_or_default();
            if LEXICON.knows(word) {
                self.words
                    .push(word, self.place(), || LEXICON.resolve(word));
                self.starts_clause = false;
                return *end;
            }
        }
        ends.first().copied().unwrap_or(1)
    }
}

fn address_shape(chunk: &str) -> Option<&'static str> {
    let scheme = chunk
        .split_once("://")
        .is_some_and(|(scheme, rest)| scheme.len() <= 8 && !rest.is_empty());
    if scheme || chunk.starts_with("www.") {
        return Some("@URL");
    }
    if let Some((local, domain)) = chunk.split_once('@') {
        return (!local.is_empty() && domain.contains('.')).then_some("@EMAIL");
    }
    if chunk
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Some("@NUMBER");
    }
    is_domain(chunk).then_some("@URL")
}

/// `example.com` or `example.com/path`, but not `report.md`.
fn is_domain(chunk: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "com", "net", "org", "io", "dev", "biz", "info", "co", "ru", "cn", "xyz", "app", "example",
        "invalid", "site", "online", "de", "uk",
    ];
    let host = chunk.split('/').next().unwrap_or_default();
    host.rsplit_once('.').is_some_and(|(name, ending)| {
        ENDINGS.contains(&ending)
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && !name.is_empty()
    })
}
