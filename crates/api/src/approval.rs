//! Questions to people, and their decisions, on the wire.

use crate::label::Labels;
use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wardroom_domain as domain;
use wardroom_domain::{
    ApprovalDecision, ApprovalId, Digest, EffectId, PolicySource, Question, RiskTier, TaskId,
    Timestamp, UserId,
};

/// A question to a person about one exact action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    #[schema(value_type = schema::ApprovalId)]
    pub id: ApprovalId,
    /// What it is about.
    #[schema(value_type = schema::Question)]
    pub question: Question,
    /// The task that waits.
    #[schema(value_type = schema::TaskId)]
    pub task: TaskId,
    /// The effect that waits.
    #[schema(value_type = schema::EffectId)]
    pub effect: EffectId,
    /// Who asked for the task.
    #[schema(value_type = schema::UserId)]
    pub requester: UserId,
    /// Which of the crew would do it.
    #[serde(default)]
    pub agent: String,
    pub tool: String,
    /// The exact action: command, diff, recipient.
    #[schema(value_type = Object)]
    pub arguments: Value,
    /// What a decision is bound to.
    #[schema(value_type = schema::Digest)]
    pub digest: Digest,
    #[schema(value_type = schema::RiskTier)]
    pub tier: RiskTier,
    /// One sentence why it asks.
    pub rationale: String,
    /// The rule that asks.
    pub rule: String,
    /// The layer of that rule.
    #[schema(value_type = schema::PolicySource)]
    pub source: PolicySource,
    /// The labels of what the action would disclose or carry.
    pub labels: Labels,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// When it fails safe.
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
    /// How it ended; null while it waits.
    #[schema(value_type = Option<schema::ApprovalDecision>)]
    pub decision: Option<ApprovalDecision>,
    /// Who ended it; null when it expired.
    #[schema(value_type = Option<schema::UserId>)]
    pub decided_by: Option<UserId>,
    #[schema(value_type = Option<schema::Timestamp>)]
    pub decided_at: Option<Timestamp>,
    /// The words of a person who was asked for words.
    pub answer: Option<String>,
    /// What a lasting yes would cover, in words; null where a yes counts once only.
    #[serde(default)]
    pub covers: Option<String>,
    /// Whether two people must say yes.
    #[serde(default)]
    pub four_eyes: bool,
    /// Who said the first of two.
    #[serde(default)]
    #[schema(value_type = Option<schema::UserId>)]
    pub first_by: Option<UserId>,
}

impl From<domain::Approval> for Approval {
    fn from(approval: domain::Approval) -> Self {
        Self {
            id: approval.id,
            question: approval.question,
            task: approval.task,
            effect: approval.effect,
            requester: approval.requester,
            agent: approval.agent,
            tool: approval.tool,
            arguments: approval.arguments,
            digest: approval.digest,
            tier: approval.tier,
            rationale: approval.rationale,
            rule: approval.rule,
            source: approval.source,
            labels: approval.labels.into(),
            created_at: approval.created_at,
            expires_at: approval.expires_at,
            decision: approval.decision,
            decided_by: approval.decided_by,
            decided_at: approval.decided_at,
            answer: approval.answer,
            covers: approval.covers.map(|kind| kind.text),
            four_eyes: approval.four_eyes,
            first_by: approval.first_by,
        }
    }
}

/// A page of approvals, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalList {
    pub approvals: Vec<Approval>,
    /// Those of them that the caller may decide.
    #[serde(default)]
    #[schema(value_type = Vec<schema::ApprovalId>)]
    pub decidable: Vec<ApprovalId>,
    pub next_cursor: Option<String>,
}

/// Which approvals to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApprovalFilter {
    /// `true` for those that wait, `false` for those that ended; both when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<bool>,
    /// Only those of this task.
    #[param(value_type = Option<schema::TaskId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// How many rows at most; 50 when nobody says, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

wardroom_domain::words! {
    /// What a person may say to a question.
    pub enum Verdict {
        /// Yes.
        Approve = "APPROVE",
        /// No.
        Deny = "DENY",
    }
}

impl From<Verdict> for ApprovalDecision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approve => Self::Approve,
            Verdict::Deny => Self::Deny,
        }
    }
}

wardroom_domain::words! {
    /// For how long a yes counts.
    pub enum Remember {
        /// For this exact action, once.
        Once = "once",
        /// For actions of this kind, as a grant that can be taken back.
        Grant = "grant",
    }
}

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    #[schema(value_type = schema::Verdict)]
    pub decision: Verdict,
    /// The digest that the person was shown; a decision about anything else is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Digest>)]
    pub digest: Option<Digest>,
    /// For how long it counts; `once` when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Remember>)]
    pub remember: Option<Remember>,
    /// The words of a person who was asked for words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}
