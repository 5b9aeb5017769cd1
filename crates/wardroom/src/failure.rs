//! How a verb ends, and what is said when it did not do what was asked: a sentence, its causes,
//! a way on.

use crate::terminal::{style, visible};
use std::process::ExitCode;
use wardroom_api::client::ClientError;

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It is done.
    Done,
    /// It was refused, or failed; what there is to say has been said.
    Refused,
    /// It was asked wrongly.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Refused => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// Why a verb did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
    hint: String,
    exit: Exit,
}

impl Failure {
    /// It was refused or failed.
    pub fn new(sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            hint: hint.into(),
            exit: Exit::Refused,
        }
    }

    /// It was asked wrongly.
    pub fn usage(sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(sentence, hint)
        }
    }

    /// It failed for a reason of the system's.
    pub fn caused(
        sentence: impl Into<String>,
        cause: &dyn std::error::Error,
        hint: impl Into<String>,
    ) -> Self {
        Self::new(with_causes(sentence.into(), Some(cause)), hint)
    }

    /// The sentence for people.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// How the verb ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Says it on stderr.
    pub fn tell(&self) {
        let error = style::BAD;
        anstream::eprintln!("{error}error:{error:#} {}", visible(&self.sentence));
        if !self.hint.is_empty() {
            anstream::eprintln!("  {}", visible(&self.hint));
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let cause = match &error {
            // That nobody listens says it all; the system's words only add noise.
            ClientError::NoServer { .. } => None,
            _ => std::error::Error::source(&error),
        };
        Self::new(with_causes(error.to_string(), cause), error.hint())
    }
}

/// A sentence with what caused it, each cause once.
fn with_causes(sentence: String, cause: Option<&dyn std::error::Error>) -> String {
    let mut text = sentence;
    let mut next = cause;
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}
