//! The vocabulary, compiled once from `classes` and `phrases`: which steps a word may take, and where it starts.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::classes::{CLASSES, COMMON};
use super::evidence::Feature;
use super::fold::{fold, fold_leet};
use super::phrases::PHRASES;

/// Up to this many distinct steps exist; a unit test holds the tables to it.
const STEPS_MAX: usize = 1024;
/// Prefixes shorter than this are not tried.
const PREFIX_BYTES_MIN: usize = 4;
const WORD_BYTES_MAX: usize = 40;
/// How a prefix may go on where the end of the word is not marked.
const ENDINGS: &[&str] = &[
    "", "s", "d", "ed", "es", "e", "ing", "ion", "ions", "ment", "or", "ors", "ator",
];

/// A set of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps([u64; STEPS_MAX / 64]);

impl Steps {
    pub fn insert(&mut self, step: usize) {
        if let Some(word) = self.0.get_mut(step / 64) {
            *word |= 1 << (step % 64);
        }
    }

    pub fn contains(&self, step: usize) -> bool {
        self.0
            .get(step / 64)
            .is_some_and(|word| word >> (step % 64) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(at, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                (bit < 64).then(|| {
                    bits &= bits - 1;
                    at * 64 + bit as usize
                })
            })
        })
    }
}

/// One step of a phrase: what it takes, and how many words may stand before it.
#[derive(Debug)]
pub(super) struct Step {
    pub takes: usize,
    pub gap: usize,
    pub at_clause_start: bool,
}

#[derive(Debug)]
pub(super) struct Phrase {
    pub feature: Feature,
    pub steps: Vec<Step>,
}

#[derive(Debug, Default)]
pub(super) struct Lexicon {
    words: HashMap<String, Steps>,
    prefixes: HashMap<String, Steps>,
    leet_words: HashMap<String, Steps>,
    common: HashSet<String>,
    step_ids: HashMap<String, usize>,
    pub phrases: Vec<Phrase>,
    /// For each step, the phrases that begin with it.
    pub starts: Vec<Vec<usize>>,
    pub discuss: usize,
    pub request: usize,
}

pub(super) static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::compile);

impl Lexicon {
    fn compile() -> Self {
        let mut lexicon = Self::default();
        for (feature, text) in PHRASES {
            lexicon.add_phrase(*feature, text);
        }
        lexicon.discuss = lexicon.step("$DISCUSS");
        lexicon.request = lexicon.step("$REQUEST");
        lexicon.common = COMMON.split_whitespace().map(str::to_owned).collect();
        lexicon.starts.resize_with(lexicon.step_ids.len(), Vec::new);
        for (at, phrase) in lexicon.phrases.iter().enumerate() {
            let first = phrase
                .steps
                .first()
                .and_then(|step| lexicon.starts.get_mut(step.takes));
            first.map(|list| list.push(at)).unwrap_or_default();
        }
        lexicon.add_leet();
        lexicon
    }

    fn add_phrase(&mut self, feature: Feature, text: &str) {
        let mut gap = 0;
        let mut steps = Vec::new();
        for part in text.split_whitespace() {
            match part {
                "~" => gap = 4,
                "~~" => gap = 10,
                _ => {
                    let at_clause_start = part.starts_with('^');
                    let takes = self.step(part.trim_start_matches('^'));
                    steps.push(Step {
                        takes,
                        gap,
                        at_clause_start,
                    });
                    gap = 0;
                }
            }
        }
        self.phrases.push(Phrase { feature, steps });
    }

    fn step(&mut self, text: &str) -> usize {
        if let Some(known) = self.step_ids.get(text) {
            return *known;
        }
        let id = self.step_ids.len();
        self.step_ids.insert(text.to_owned(), id);
        for part in text.split('|') {
            match part.strip_prefix('$') {
                Some(class) => {
                    let members = CLASSES
                        .iter()
                        .find(|(name, _)| *name == class)
                        .map_or("", |(_, words)| words);
                    members.split('|').for_each(|word| self.add_word(word, id));
                }
                None => self.add_word(part, id),
            }
        }
        id
    }

    fn add_word(&mut self, word: &str, step: usize) {
        let (table, key) = match word.trim().strip_suffix('*') {
            Some(prefix) => (&mut self.prefixes, prefix),
            None => (&mut self.words, word.trim()),
        };
        let key = if key.starts_with('@') {
            key.to_owned()
        } else {
            fold(key).replace(['\'', '-', '_'], "")
        };
        table.entry(key).or_default().insert(step);
    }

    fn add_leet(&mut self) {
        let words = self
            .words
            .iter()
            .filter(|(word, _)| word.is_ascii() && !word.starts_with('@'));
        for (word, steps) in words {
            self.leet_words
                .entry(fold_leet(word))
                .or_default()
                .merge(steps);
        }
        for (prefix, steps) in self.prefixes.iter().filter(|(prefix, _)| prefix.is_ascii()) {
            for ending in ENDINGS {
                self.leet_words
                    .entry(fold_leet(&format!("{prefix}{ending}")))
                    .or_default()
                    .merge(steps);
            }
        }
        for word in &self.common {
            self.leet_words.entry(fold_leet(word)).or_default();
        }
    }

    /// The steps that a folded word may take.
    pub fn resolve(&self, word: &str) -> Steps {
        let mut steps = self.words.get(word).copied().unwrap_or_default();
        let longest = word.len().min(WORD_BYTES_MAX);
        for end in PREFIX_BYTES_MIN..=longest {
            if let Some(more) = word.get(..end).and_then(|prefix| self.prefixes.get(prefix)) {
                steps.merge(more);
            }
        }
        steps
    }

    pub fn shape(&self, name: &str) -> Steps {
        self.words.get(name).copied().unwrap_or_default()
    }

    /// The steps of a word in which `i` and `l` are one letter; `None` for a word nobody listed.
    pub fn resolve_leet(&self, word: &str) -> Option<Steps> {
        self.leet_words.get(word).copied()
    }

    pub fn knows(&self, word: &str) -> bool {
        self.common.contains(word) || self.words.contains_key(word)
    }

    pub fn is_common(&self, word: &str) -> bool {
        self.common.contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_named_in_a_phrase_exists_and_all_steps_fit() {
        assert!(
            LEXICON.step_ids.len() < STEPS_MAX,
            "{} steps",
            LEXICON.step_ids.len()
        );
        for name in LEXICON.step_ids.keys().flat_map(|step| step.split('|')) {
            if let Some(class) = name.strip_prefix('$') {
                assert!(CLASSES.iter().any(|(known, _)| *known == class), "{class}");
            }
        }
        assert!(
            LEXICON
                .phrases
                .iter()
                .all(|phrase| !phrase.steps.is_empty())
        );
    }
}
