//! Why something could not be measured.

use std::fmt;

/// The result of a measurement.
pub type Outcome<T> = Result<T, Failure>;

/// What was attempted and why it failed.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// For `map_err`: what was attempted, followed by the cause.
    pub fn to<E: fmt::Display>(attempt: impl Into<String>) -> impl FnOnce(E) -> Self {
        let attempt = attempt.into();
        move |cause| Self(format!("could not {attempt}: {cause}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
