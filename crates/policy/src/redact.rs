//! Secrets are cut out of text before it is shown, stored or sent: the second line of defence.
//!
//! The first is that a sandbox never holds one. What is known is cut wherever it stands; what only
//! looks like a secret is cut where its shape leaves no doubt, so that an error stays readable.

use regex::Regex;
use std::borrow::Cow;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, RwLockReadGuard};

/// Shapes that nothing else has, with the name that is left in their place.
static SHAPES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let shapes = [
        ("AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        (
            "GitHub token",
            r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b",
        ),
        ("provider key", r"\bsk-[A-Za-z0-9_-]{24,}"),
        ("Slack token", r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
        ("Google key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("Wardroom token", r"\bwr_[A-Za-z0-9_-]{43}\b"),
        (
            "web token",
            r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
        ),
        (
            "private key",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        ),
    ];
    // A pattern that did not compile would be left out; a test sees that all are there.
    shapes
        .into_iter()
        .filter_map(|(name, shape)| Some((name, Regex::new(shape).ok()?)))
        .collect()
});

/// The shortest value that is cut out for being known: shorter ones stand in ordinary words.
const KNOWN_BYTES_MIN: usize = 8;

/// Cuts secrets out of text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What every clone of it knows, by name and value.
    shared: Arc<RwLock<Vec<(String, String)>>>,
    /// What this one knows besides.
    own: Vec<(String, String)>,
}

impl Redactor {
    /// One that also knows these secrets: their names and their values.
    pub fn knowing(secrets: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = secrets
            .into_iter()
            .filter(|(_, value)| value.len() >= KNOWN_BYTES_MIN);
        Self {
            shared: Arc::new(RwLock::new(known.collect())),
            own: Vec::new(),
        }
    }

    /// Learns another secret, for itself alone.
    pub fn also(&mut self, name: &str, value: &str) {
        if self.is_new(value) {
            self.own.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Learns another secret together with all its clones.
    pub fn learn(&self, name: &str, value: &str) {
        if self.is_new(value) {
            let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
            shared.push((name.to_owned(), value.to_owned()));
        }
    }

    fn is_new(&self, value: &str) -> bool {
        let shared = self.shared();
        let is_known = shared
            .iter()
            .chain(&self.own)
            .any(|(_, known)| known == value);
        value.len() >= KNOWN_BYTES_MIN && !is_known
    }

    fn shared(&self) -> RwLockReadGuard<'_, Vec<(String, String)>> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text without secrets; each leaves its name behind.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for (name, value) in self.shared().iter().chain(&self.own) {
            if clean.contains(value.as_str()) {
                clean = Cow::Owned(clean.replace(value.as_str(), &format!("[redacted: {name}]")));
            }
        }
        for (name, shape) in SHAPES.iter() {
            if shape.is_match(&clean) {
                let left = format!("[redacted: {name}]");
                clean = Cow::Owned(shape.replace_all(&clean, left.as_str()).into_owned());
            }
        }
        clean
    }
}

/// Names only: a redactor that is logged must not tell what it hides.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.shared().iter().chain(&self.own).map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_their_name_and_ordinary_text_stays() {
        assert_eq!(SHAPES.len(), 9);
        let redactor =
            Redactor::knowing([("mail password".to_owned(), "correct horse".to_owned())]);
        let made_up = format!("key AKIA{} and ghp_{}", "A1".repeat(8), "x".repeat(36));
        assert_eq!(
            redactor.redact(&made_up),
            "key [redacted: AWS key] and [redacted: GitHub token]"
        );
        assert_eq!(
            redactor.redact("it is correct horse!"),
            "it is [redacted: mail password]!"
        );
        for plain in [
            "error: no such file sk-1",
            "commit 5f3c1b2a",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(redactor.redact(plain), plain);
        }
        assert!(!format!("{redactor:?}").contains("horse"));
        let mut run = redactor.clone();
        run.also("lent", "for one run");
        redactor.learn("next", "battery staple");
        assert_eq!(
            run.redact("battery staple for one run"),
            "[redacted: next] [redacted: lent]"
        );
        assert_eq!(redactor.redact("for one run"), "for one run");
    }
}
