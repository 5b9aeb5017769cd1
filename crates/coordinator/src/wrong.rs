//! What can go wrong on the road, and whose turn it is then.

use wardroom_domain::{Lacks, Overreach};
use wardroom_executors::{NoHands, RunnerFault};
use wardroom_sandbox::view::{ApplyError, UndoError, ViewError};
use wardroom_store::{CommitError, Conflict, ObjectError, StoreError};

/// Why a station of the road could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The store said no, or could not.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The view of the workspace failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The changes could not be carried over.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The apply could not be taken back.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// There is no sandbox.
    #[error("{0}; without a sandbox nothing runs. `wardroom doctor sandbox` tells what is missing")]
    NoHands(#[from] NoHands),
    /// The runner misbehaved.
    #[error(transparent)]
    Runner(#[from] RunnerFault),
    /// What was asked for is not there, or not the caller's to see.
    #[error("there is no {what} of that id")]
    NotFound {
        /// Which noun.
        what: &'static str,
    },
    /// The caller sees it but may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// A limit of the caller's is reached.
    #[error("{why}")]
    Limited {
        /// Which, and what to do.
        why: String,
        /// When there is room again.
        retry_after: std::time::Duration,
    },
    /// Somebody else has it.
    #[error("{0}")]
    TakenAlready(String),
    /// It has been decided, ended or changed.
    #[error("{0}")]
    TooLate(String),
    /// It has not ended yet.
    #[error("{0}")]
    NotEnded(String),
    /// There is nothing that could be taken back.
    #[error("{0}")]
    NothingToUndo(String),
    /// The request itself makes no sense.
    #[error("{0}")]
    Unfit(String),
    /// A policy that cannot come into force, with its fault.
    #[error("{0}")]
    PolicyRefused(String),
    /// A part of the server ended under the work.
    #[error("the server is stopping; nothing was lost, ask again after its start")]
    Gone,
}

impl Wrong {
    /// Whether another worker has taken the task over, so that this one must let go silently.
    pub fn is_fenced(&self) -> bool {
        matches!(
            self,
            Self::Commit(CommitError::Refused(Conflict::Fenced { .. }))
        )
    }

    /// Whether waiting may help, so that nothing has to end over it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Objects(error) => error.is_passing(),
            Self::Commit(
                CommitError::Busy
                | CommitError::Failed(StoreError::Full | StoreError::Unreachable { .. }),
            )
            | Self::Store(StoreError::Full | StoreError::Unreachable { .. }) => true,
            _ => false,
        }
    }

    /// Whether it is an answer to whoever asked, and not a fault of ours.
    pub fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::Forbidden(_)
                | Self::Limited { .. }
                | Self::TakenAlready(_)
                | Self::TooLate(_)
                | Self::NotEnded(_)
                | Self::NothingToUndo(_)
                | Self::Unfit(_)
                | Self::Commit(CommitError::Refused(_))
        )
    }

    /// A thing that the caller may not see, or that is not there: he learns no difference.
    pub(crate) fn missing(what: &'static str) -> Self {
        Self::NotFound { what }
    }
}

impl From<Lacks> for Wrong {
    fn from(lacks: Lacks) -> Self {
        Self::Forbidden(lacks.to_string())
    }
}

impl From<Overreach> for Wrong {
    fn from(overreach: Overreach) -> Self {
        Self::Forbidden(overreach.to_string())
    }
}
