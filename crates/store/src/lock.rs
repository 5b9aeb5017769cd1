//! What two commits at once must not touch. An engine with several writers takes these locks, in
//! one order, before a commit begins; an engine with one writer needs none.

use wardroom_domain::{ApprovalId, Chain, ConversationId, Digest, OrgId, TaskId, WorkspaceId};

/// Something that grows by "the newest, plus one", or is read before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Everything of the org that has no lock of its own.
    Rest,
    /// Who gets which task.
    Claims,
    /// The anchors of the audit log, while no chain grows.
    Anchors,
    /// The other side of it: chains grow beside each other, but not under an anchor.
    Growing,
    /// A task, with its journal and its mail.
    Task(TaskId),
    /// A chain of the audit log.
    Chain(Chain),
    /// A stream of the feed.
    Stream(String),
    /// The messages of a conversation.
    Conversation(ConversationId),
    /// A question, which is read before it is answered.
    Approval(ApprovalId),
    /// What is kept of the files of a workspace.
    Files(WorkspaceId),
    /// The order in which posts leave.
    Outbox,
}

impl Key {
    /// What keeps every other change without a lock of its own away, and lets the chain of the org
    /// grow.
    pub(crate) fn whole_org() -> Vec<Self> {
        vec![Self::Rest, Self::Chain(Chain::Org), Self::Growing]
    }

    /// Whether many may hold it at once.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Growing)
    }

    /// The number that stands for it within its org. Two keys of one number only wait needlessly.
    pub(crate) fn number(&self, org: OrgId) -> i64 {
        let name = match self {
            Self::Rest => "rest".to_owned(),
            Self::Claims => "claims".to_owned(),
            Self::Anchors | Self::Growing => "anchors".to_owned(),
            Self::Task(id) => id.to_string(),
            Self::Chain(chain) => format!("chain {chain}"),
            Self::Stream(stream) => format!("stream {stream}"),
            Self::Conversation(id) => format!("talk {id}"),
            Self::Approval(id) => id.to_string(),
            Self::Files(workspace) => format!("files {workspace}"),
            Self::Outbox => "outbox".to_owned(),
        };
        let digest = Digest::of_bytes(format!("{org} {name}").as_bytes());
        let mut number = [0; 8];
        number.copy_from_slice(&digest.as_bytes()[..8]);
        i64::from_le_bytes(number)
    }
}
