//! Why a platform did not do what it was asked, told so that the caller knows what helps.

use std::time::Duration;

/// A call that did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too much at once: the platform says when to come back.
    #[error("the platform wants a pause of {} s", after.as_secs())]
    Wait {
        /// How long.
        after: Duration,
    },
    /// The platform cannot be reached, or is ill. Trying again helps.
    #[error("the platform cannot be reached now: {why}")]
    Away {
        /// What happened.
        why: String,
    },
    /// Whoever was to hear it cannot be reached by us any more, until he lets us in again.
    #[error("the chat is closed to us: {why}")]
    Closed {
        /// What the platform said.
        why: String,
    },
    /// The chat has another id now.
    #[error("the chat has moved to {to}")]
    Moved {
        /// The new id.
        to: String,
    },
    /// The platform will never take this.
    #[error("the platform refused it: {why}")]
    Refused {
        /// What the platform said.
        why: String,
    },
    /// The platform does not know our key.
    #[error("the platform does not accept the key: {why}")]
    Unauthorised {
        /// What the platform said.
        why: String,
    },
    /// Somebody else receives under the same key.
    #[error("somebody else receives under the same key: {why}")]
    Rivalled {
        /// What the platform said.
        why: String,
    },
}

impl Fault {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Wait { .. } | Self::Away { .. })
    }
}
