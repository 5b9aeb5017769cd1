//! What goes wrong with a server, and whether the call may have happened.

use std::time::Duration;
use wardroom_tools::Definition;

/// There is no session.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the MCP server `{server}` is not there: {why}")]
pub struct StartFault {
    /// Which server.
    pub server: String,
    /// A sentence.
    pub why: String,
}

/// A call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallFault {
    /// Nothing was sent.
    #[error("{0}; nothing was sent to it")]
    NotStarted(#[from] StartFault),
    /// Nothing was sent: the tool is not what it was when the call was judged.
    #[error(
        "the server changed what it says of this tool, so nothing was sent to it; call it again and a person is asked"
    )]
    Changed {
        /// What the server says of all its tools now.
        now: Vec<Definition>,
    },
    /// Nothing was sent: another worker has the task.
    #[error("the task is in other hands, so nothing was sent")]
    Stale,
    /// It was sent, and the session broke before an answer came.
    #[error("the MCP server `{server}` went away in the middle of the call ({why})")]
    Lost {
        /// Which server.
        server: String,
        /// What broke.
        why: String,
    },
    /// It was sent, and no answer came in time.
    #[error("the MCP server `{server}` did not answer within {time:?}; the call was cancelled")]
    Hung {
        /// Which server.
        server: String,
        /// How long it was waited for.
        time: Duration,
    },
}

impl CallFault {
    /// Whether the call may have happened all the same.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Hung { .. })
    }
}
