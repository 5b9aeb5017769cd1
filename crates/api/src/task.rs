//! Tasks on the wire.

use crate::label::Labels;
use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wardroom_domain as domain;
use wardroom_domain::{
    ContextId, ConversationId, EffectId, FileId, Origin, Priority, RiskTier, TaskId, TaskStatus,
    TaskType, Timestamp, UserId, WorkspaceId,
};

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    #[schema(value_type = schema::TaskId)]
    pub id: TaskId,
    #[schema(value_type = schema::TaskStatus)]
    pub status: TaskStatus,
    #[serde(rename = "type")]
    #[schema(value_type = schema::TaskType)]
    pub kind: TaskType,
    /// A short name for people.
    pub title: String,
    /// What is to be done.
    pub text: String,
    /// For whom.
    #[schema(value_type = schema::UserId)]
    pub requester: UserId,
    /// Through which door it was asked for.
    #[schema(value_type = schema::Origin)]
    pub origin: Origin,
    /// The channel that it belongs to.
    #[schema(value_type = schema::ContextId)]
    pub context: ContextId,
    /// The folder that it works on.
    #[schema(value_type = schema::WorkspaceId)]
    pub workspace: WorkspaceId,
    /// The conversation that awaits its result.
    #[schema(value_type = Option<schema::ConversationId>)]
    pub conversation: Option<ConversationId>,
    /// The task that spawned it.
    #[schema(value_type = Option<schema::TaskId>)]
    pub parent: Option<TaskId>,
    /// Which of the crew does it.
    pub agent: String,
    /// The highest tier that any of its actions had.
    #[schema(value_type = schema::RiskTier)]
    pub tier: RiskTier,
    /// 1 (whenever) to 10 (now).
    #[schema(value_type = u8, minimum = 1, maximum = 10)]
    pub priority: Priority,
    pub progress: Progress,
    /// Its answer, when it succeeded.
    pub result: Option<String>,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// Whether its changes were carried to the workspace; null if it made none.
    pub applied: Option<bool>,
    pub labels: Labels,
    /// When it times out.
    #[schema(value_type = schema::Timestamp)]
    pub deadline: Timestamp,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    #[schema(value_type = schema::Timestamp)]
    pub updated_at: Timestamp,
}

/// How far a task has come, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    #[schema(maximum = 100)]
    pub percent: u8,
    /// What is being done.
    pub note: String,
}

impl From<domain::Progress> for Progress {
    fn from(progress: domain::Progress) -> Self {
        Self {
            percent: progress.percent,
            note: progress.note,
        }
    }
}

impl From<domain::Task> for Task {
    fn from(task: domain::Task) -> Self {
        Self {
            id: task.id,
            status: task.status,
            kind: task.kind,
            title: task.title,
            text: task.text,
            requester: task.requester,
            origin: task.origin,
            context: task.context,
            workspace: task.workspace,
            conversation: task.conversation,
            parent: task.parent,
            agent: task.agent,
            tier: task.tier,
            priority: task.priority,
            progress: task.progress.into(),
            result: task.result,
            error: task.error,
            applied: task.applied,
            labels: task.labels.into(),
            deadline: task.deadline,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

/// One task, as every mutation of it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskEnvelope {
    pub task: Task,
}

/// A page of tasks, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    pub tasks: Vec<Task>,
    pub next_cursor: Option<String>,
}

/// Which tasks to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TaskFilter {
    /// Only those that stand here.
    #[param(value_type = Option<schema::TaskStatus>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskStatus>,
    /// Only those of this conversation.
    #[param(value_type = Option<schema::ConversationId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Only those that this task spawned.
    #[param(value_type = Option<schema::TaskId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskId>,
    /// `true` for those that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Only those that this person asked for.
    #[param(value_type = Option<schema::UserId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<UserId>,
    /// How many rows at most; 50 when nobody says, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Asks for a task directly, without the coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTask {
    /// What is to be done.
    #[schema(min_length = 1)]
    pub text: String,
    /// What kind of work it is; `general` when nobody says.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TaskType>)]
    pub kind: Option<TaskType>,
    /// A short name for people; the beginning of the text when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The channel that it belongs to; the requester's own when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::ContextId>)]
    pub context: Option<ContextId>,
    /// The folder that it works on; the requester's private one when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::WorkspaceId>)]
    pub workspace: Option<WorkspaceId>,
    /// 1 (whenever) to 10 (now); 5 when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 10)]
    pub priority: Option<Priority>,
    /// Uploads that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::FileId>)]
    pub files: Vec<FileId>,
}

/// Steers a running task at its next boundary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TellTask {
    #[schema(min_length = 1)]
    pub text: String,
}

wardroom_domain::words! {
    /// What a person found out about an effect that a crash left in doubt.
    pub enum DoubtAnswer {
        /// It happened: go on from there.
        Happened = "happened",
        /// It did not: it may be tried again.
        DidNot = "did_not",
        /// Nobody can tell, or it does not matter any more: end the task.
        Stop = "stop",
    }
}

/// Settles an effect in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveEffect {
    #[schema(value_type = schema::EffectId)]
    pub effect: EffectId,
    #[schema(value_type = schema::DoubtAnswer)]
    pub answer: DoubtAnswer,
}
