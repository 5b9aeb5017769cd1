//! What is wrong with a policy document, so that its author can mend it.

/// One fault: where, in which rule, what, and the nearest thing that would have been right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The key of the document, such as `rules` or `origins.webhook`.
    pub key: String,
    /// The line, from 1: of the file, or of the text of the rules where they came by themselves.
    pub line: Option<usize>,
    /// The rule's id.
    pub rule: Option<String>,
    /// What is wrong, as a sentence without its full stop.
    pub what: String,
    /// What was probably meant.
    pub fix: Option<String>,
}

impl Fault {
    /// A fault of one key.
    pub(super) fn of_key(key: &str, what: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            what: what.into(),
            ..Self::default()
        }
    }

    /// A fault in the text of the rules.
    pub(super) fn in_rules(line: Option<usize>, rule: Option<String>, what: String) -> Self {
        Self {
            key: "rules".to_owned(),
            line,
            rule,
            what,
            fix: None,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut place = Vec::new();
        if let Some(line) = self.line {
            place.push(format!("line {line}"));
        }
        if let Some(rule) = &self.rule {
            place.push(format!("rule `{rule}`"));
        } else if !self.key.is_empty() {
            place.push(format!("`{}`", self.key));
        }
        if !place.is_empty() {
            write!(f, "{}: ", place.join(", "))?;
        }
        write!(f, "{}", self.what.trim_end_matches('.'))?;
        match &self.fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// The nearest of some words, if one is near enough to have been meant.
pub(super) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3)
        .min()
        .map(|(_, known)| known)
}

/// `did you mean …?`, where something is near enough.
pub(super) fn meant<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, words).map(|known| format!("did you mean `{known}`?"))
}
