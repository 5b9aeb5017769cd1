//! What has just been committed, whispered to whoever listens. Losing a hint costs latency only.

use wardroom_domain::{ApprovalId, OrgId, TaskId};

/// Something to look at. Sent after the commit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Hint {
    /// A feed has grown to this sequence number.
    Feed {
        /// Whose.
        org: OrgId,
        /// `task_…` or `conv_…`.
        stream: String,
        /// The newest sequence number.
        seq: i64,
    },
    /// A task may be claimable.
    Ready {
        /// Whose.
        org: OrgId,
    },
    /// A task has mail.
    Signal {
        /// Whose.
        org: OrgId,
        /// The task.
        task: TaskId,
    },
    /// Something arrived at a foreign door.
    Arrival {
        /// Whose.
        org: OrgId,
    },
    /// Something waits to be delivered.
    Outbox {
        /// Whose.
        org: OrgId,
    },
    /// A question was asked or has ended.
    Approval {
        /// Whose.
        org: OrgId,
        /// The question.
        approval: ApprovalId,
    },
}
