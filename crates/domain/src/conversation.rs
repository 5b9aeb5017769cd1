//! A talk between a person and the coordinator.

use crate::{ConversationId, FileId, Labels, MessageId, TaskId, Timestamp, UserId, words};
use serde::{Deserialize, Serialize};

words! {
    /// Who speaks.
    pub enum Speaker {
        /// The person.
        User = "user",
        /// The coordinator.
        Assistant = "assistant",
        /// A task, quoted as data.
        Task = "task",
    }
}

/// One message of a conversation. `seq` counts from 1 without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Its place in the conversation.
    pub seq: i64,
    /// Who speaks.
    pub speaker: Speaker,
    /// What was said, in Markdown.
    pub text: String,
    /// The tasks that it began or reports on.
    pub tasks: Vec<TaskId>,
    /// Attached uploads.
    pub files: Vec<FileId>,
    /// Where its words came from and who may learn them.
    pub labels: Labels,
    /// When.
    pub at: Timestamp,
}

/// A conversation's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The conversation's id.
    pub id: ConversationId,
    /// Whose it is.
    pub owner: UserId,
    /// Its key at the connector: an API client's `user`, a chat id.
    pub key: String,
    /// The context of its messages.
    pub context: crate::ContextId,
    /// The folder that its tasks work on.
    pub workspace: crate::WorkspaceId,
    /// When it began.
    pub created_at: Timestamp,
}

/// A message as it came in at a door, before anything was made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The door: `web`, `telegram:main`, `api`.
    pub connector: String,
    /// The door's own id of this delivery; a second one with the same id is the same message.
    pub external_id: String,
    /// What was said.
    pub text: String,
    /// Attached uploads.
    pub files: Vec<FileId>,
}
