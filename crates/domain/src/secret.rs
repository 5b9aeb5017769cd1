//! The port through which a task's worker gets the value of a secret: for one effect, under a lease
//! that still holds. Who keeps the values, and how, stands behind it.

use crate::{EffectId, TaskId};
use secrecy::SecretString;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

/// Who needs a secret, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Borrower {
    /// The task.
    pub task: TaskId,
    /// The fence under which its worker holds it: a stale one gets nothing.
    pub fence: u64,
    /// The effect that was permitted.
    pub effect: EffectId,
    /// The tool that carries it out.
    pub tool: String,
    /// Where the value may be sent, as people read it.
    pub audience: String,
}

/// Why a secret is not lent. The text is for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSecret {
    /// There is none of that name.
    #[error("there is no secret `{0}`; a person has to store it first")]
    Unknown(String),
    /// The server itself lives on it.
    #[error("the secret `{0}` is the server's own and is lent to no task")]
    Reserved(String),
    /// Another worker has the task.
    #[error("the task is in other hands, so nothing is lent to this one")]
    Stale,
    /// It is there and cannot be had.
    #[error("the secret `{name}` cannot be opened: {reason}")]
    Unavailable {
        /// Which.
        name: String,
        /// Why, as a sentence without its value.
        reason: String,
    },
}

/// What a source answers, in time.
pub type Lending<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoSecret>> + Send + 'a>>;

/// Where the values of secrets come from.
pub trait SecretSource: Send + Sync {
    /// Whether tasks may use a secret of this name. Asked before a person is.
    fn check<'a>(&'a self, name: &'a str) -> Lending<'a, ()>;

    /// The value. That it was given out, to whom and for what is on the record before it is.
    fn lend<'a>(&'a self, name: &'a str, borrower: &'a Borrower) -> Lending<'a, SecretString>;
}

/// A secret of the server in use: several share it, and a new version of it is what each of them
/// shows from then on.
#[derive(Clone, Debug, Default)]
pub struct LiveSecret(Arc<RwLock<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    value: Option<SecretString>,
    replaced: u64,
}

impl LiveSecret {
    /// The value as it is now; none where it is not set, or was taken away.
    pub fn current(&self) -> Option<SecretString> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.value.clone()
    }

    /// Puts another in its place; none takes it away.
    pub fn replace(&self, value: Option<SecretString>) {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shown.value = value;
        shown.replaced += 1;
    }

    /// How often it was replaced. Whoever built something on the value looks whether it still holds.
    pub fn replaced(&self) -> u64 {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.replaced
    }
}

impl From<Option<SecretString>> for LiveSecret {
    fn from(value: Option<SecretString>) -> Self {
        Self(Arc::new(RwLock::new(Shown { value, replaced: 0 })))
    }
}

impl From<SecretString> for LiveSecret {
    fn from(value: SecretString) -> Self {
        Some(value).into()
    }
}
