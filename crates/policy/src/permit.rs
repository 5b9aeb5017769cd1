//! A permit is the right to do one thing once. Possession is permission.

/// The right to carry out `T`, made by [`decide`](crate::decide) and by nothing else.
///
/// INVARIANT: a permit is neither cloned, stored nor deserialised. After a crash policy is asked
/// again; a person's approval is a recorded fact that policy can read.
#[derive(Debug)]
#[must_use = "a permit that is not spent permits nothing"]
pub struct Permit<T> {
    subject: T,
    rule: String,
}

impl<T> Permit<T> {
    pub(crate) fn new(subject: T, rule: impl Into<String>) -> Self {
        Self {
            subject,
            rule: rule.into(),
        }
    }

    /// What may be done.
    pub fn subject(&self) -> &T {
        &self.subject
    }

    /// The id of the rule that allowed it, for the audit log.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Spends the permit.
    pub fn spend(self) -> T {
        self.subject
    }
}
