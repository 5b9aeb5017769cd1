//! What happens to a task or in a conversation, as it happens: server-sent events.
//!
//! On the stream an event is `id: SEQ`, `event: NAME`, `data: Event as JSON`. A preview is not
//! kept, so it has no `id` line and carries the `seq` of the last kept event before it.

use crate::approval::Approval;
use crate::label::Labels;
use crate::message::Message;
use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wardroom_domain::{ConversationId, TaskId, TaskStatus, Timestamp};

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its place in the stream; resume after it with `Last-Event-ID`.
    pub seq: i64,
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// The task that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TaskId>)]
    pub task: Option<TaskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    #[serde(flatten)]
    pub body: EventBody,
}

/// One server-sent event as its lines. `data` holds an `Event` as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventLines {
    /// Its place in the stream; absent for what is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub event: String,
    /// An `Event` as JSON.
    pub data: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventBody {
    /// A task moved to another state.
    Status {
        #[schema(value_type = schema::TaskStatus)]
        status: TaskStatus,
        /// The task's short name.
        title: String,
    },
    /// A task came further.
    Progress { percent: u8, note: String },
    /// A tool of a task said something: a piece of its output as it comes.
    Output { tool: String, text: String },
    /// A person is asked, or the question ended.
    Approval { approval: Box<Approval> },
    /// Something was said in the conversation.
    Message { message: Box<Message> },
    /// The model is writing: a piece of text that becomes a message once it is committed. A new
    /// attempt replaces what earlier ones wrote.
    Preview { attempt: String, text: String },
    /// The stream's subject ended: nothing follows.
    Done(Done),
}

/// How the subject of a stream ended: a task with its status, a message with its reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TaskStatus>)]
    pub status: Option<TaskStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::ConversationId>)]
    pub conversation: Option<ConversationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::TaskId>)]
    pub tasks: Vec<TaskId>,
}

impl EventBody {
    /// The name on the `event:` line.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Progress { .. } => "progress",
            Self::Output { .. } => "output",
            Self::Approval { .. } => "approval",
            Self::Message { .. } => "message",
            Self::Preview { .. } => "preview",
            Self::Done(_) => "done",
        }
    }

    /// Whether it is kept, and so may be resumed after.
    pub const fn is_kept(&self) -> bool {
        !matches!(self, Self::Preview { .. })
    }
}

/// The first event of `/v1/events`, and again whenever some were missed: from here on everything is
/// told, and what was before stands in the lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listening {
    /// The version of the server.
    pub version: String,
    /// The portal's first script as this server has it; null without a portal. A page that began
    /// with another one is older than its server.
    pub portal: Option<String>,
}

/// A page of kept events, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    pub events: Vec<Event>,
    pub next_cursor: Option<String>,
}

/// From where on to read events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventFilter {
    /// Only events after this `seq`; the header `Last-Event-ID` wins.
    #[param(minimum = 0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// How many rows at most; 50 when nobody says, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_flat_on_the_wire_and_comes_back() {
        let event = Event {
            seq: 7,
            at: Timestamp::from_micros(1_767_225_600_000_000),
            task: None,
            labels: None,
            body: EventBody::Progress {
                percent: 40,
                note: "counting".into(),
            },
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"seq":7,"at":"2026-01-01T00:00:00Z","event":"progress","percent":40,"note":"counting"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        let done = r#"{"seq":8,"at":"2026-01-01T00:00:00Z","event":"done","status":"SUCCEEDED"}"#;
        let done: Event = serde_json::from_str(done).unwrap();
        assert_eq!(done.body.name(), "done");
    }
}
