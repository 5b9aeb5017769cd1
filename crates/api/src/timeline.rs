//! A task as it went, on the wire: turns, actions, decisions and what came of them, in order.

use crate::schema;
use crate::task::Task;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wardroom_domain::{
    ApprovalDecision, ApprovalId, EffectId, EffectState, RiskTier, TaskStatus, Timestamp,
};

/// A task as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// What happened, oldest first.
    pub entries: Vec<TimelineEntry>,
    /// The tasks that it spawned, oldest first.
    pub children: Vec<Task>,
    /// What its models used.
    pub usage: TaskUsage,
}

/// What the models used for one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskUsage {
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// In millionths of the currency of the configured prices; 0 where none is configured.
    pub cost_micros: u64,
}

/// One thing that happened to a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// Its place in the task's audit chain.
    pub seq: i64,
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    /// It was asked for.
    Created {
        /// Who asked: `user_…`, or the task that spawned it.
        by: String,
    },
    /// It came to another state.
    Moved {
        #[schema(value_type = schema::TaskStatus)]
        to: TaskStatus,
        /// Why, where there is something to say.
        why: Option<String>,
    },
    /// Somebody steered it.
    Told {
        /// `user_…` or `system`.
        by: String,
        text: String,
    },
    /// A model took a turn.
    Turn {
        model: String,
        text: String,
        /// The tools that it called.
        calls: Vec<String>,
    },
    /// No model answered.
    TurnFailed { reason: String },
    /// An action was allowed and carried out.
    Action {
        #[schema(value_type = schema::EffectId)]
        effect: EffectId,
        tool: String,
        #[schema(value_type = Object)]
        arguments: Value,
        #[schema(value_type = schema::RiskTier)]
        tier: RiskTier,
        /// The rule that allowed it.
        rule: String,
        /// The question that was answered with yes, if one was asked.
        #[schema(value_type = Option<schema::ApprovalId>)]
        approval: Option<ApprovalId>,
        #[schema(value_type = schema::EffectState)]
        state: EffectState,
        /// What came of it; null while it is under way.
        outcome: Option<ActionOutcome>,
        #[schema(value_type = Option<schema::Timestamp>)]
        ended_at: Option<Timestamp>,
    },
    /// Policy refused an action.
    Refused {
        tool: String,
        #[schema(value_type = Option<schema::RiskTier>)]
        tier: Option<RiskTier>,
        rule: String,
        rationale: String,
    },
    /// A person was asked.
    Asked {
        #[schema(value_type = schema::ApprovalId)]
        approval: ApprovalId,
        tool: String,
        #[schema(value_type = Option<schema::RiskTier>)]
        tier: Option<RiskTier>,
        rule: String,
        rationale: String,
    },
    /// The question ended.
    Decided {
        #[schema(value_type = schema::ApprovalId)]
        approval: ApprovalId,
        #[schema(value_type = schema::ApprovalDecision)]
        decision: ApprovalDecision,
        /// `user_…`, or `clock` when it expired.
        by: String,
    },
    /// Changes were carried to the workspace.
    Applied { summary: String },
    /// They were taken back.
    Undone { by: String },
    /// Something of a kind that has no words of its own here; the audit log has it whole.
    Other {
        /// The kind of the audit event.
        kind: String,
        actor: String,
    },
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionOutcome {
    pub is_error: bool,
    /// What the tool said.
    pub text: String,
}
