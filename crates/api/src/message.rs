//! What is said between a person and the coordinator, on the wire.

use crate::label::Labels;
use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;
use wardroom_domain::{
    ContextId, ConversationId, FileId, MessageId, Speaker, TaskId, Timestamp, WorkspaceId,
};

/// Says something to the coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    #[schema(min_length = 1)]
    pub text: String,
    /// The conversation to go on with; a new one when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::ConversationId>)]
    pub conversation: Option<ConversationId>,
    /// The folder that its tasks work on; the person's private one when nobody says. It is fixed
    /// by the first message of a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::WorkspaceId>)]
    pub workspace: Option<WorkspaceId>,
    /// Uploads that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::FileId>)]
    pub files: Vec<FileId>,
}

/// What the coordinator answered, and what it delegated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reply {
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    pub reply: String,
    #[schema(value_type = Vec<schema::TaskId>)]
    pub tasks: Vec<TaskId>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    #[schema(value_type = schema::MessageId)]
    pub id: MessageId,
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// Its place in the conversation, from 1 without gaps.
    pub seq: i64,
    #[schema(value_type = schema::Speaker)]
    pub speaker: Speaker,
    /// In Markdown.
    pub text: String,
    /// The tasks that it began or reports on.
    #[schema(value_type = Vec<schema::TaskId>)]
    pub tasks: Vec<TaskId>,
    #[schema(value_type = Vec<schema::FileId>)]
    pub files: Vec<FileId>,
    pub labels: Labels,
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
}

impl From<domain::Message> for Message {
    fn from(message: domain::Message) -> Self {
        Self {
            id: message.id,
            conversation: message.conversation,
            seq: message.seq,
            speaker: message.speaker,
            text: message.text,
            tasks: message.tasks,
            files: message.files,
            labels: message.labels.into(),
            at: message.at,
        }
    }
}

/// A page of messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageList {
    pub messages: Vec<Message>,
    pub next_cursor: Option<String>,
}

/// A conversation's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    #[schema(value_type = schema::ConversationId)]
    pub id: ConversationId,
    #[schema(value_type = schema::ContextId)]
    pub context: ContextId,
    #[schema(value_type = schema::WorkspaceId)]
    pub workspace: WorkspaceId,
    /// How it began: the first line that the person said.
    #[serde(default)]
    pub title: String,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
}

impl Conversation {
    /// A conversation with the words that it began with.
    pub fn titled(conversation: domain::Conversation, first: &str) -> Self {
        let line = first.lines().find(|line| !line.trim().is_empty());
        Self {
            id: conversation.id,
            context: conversation.context,
            workspace: conversation.workspace,
            title: line.unwrap_or_default().trim().chars().take(80).collect(),
            created_at: conversation.created_at,
        }
    }
}

/// A page of conversations, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationList {
    pub conversations: Vec<Conversation>,
    pub next_cursor: Option<String>,
}
