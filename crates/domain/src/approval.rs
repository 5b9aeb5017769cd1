//! A question to a person about one exact action: asked once, decided once, spent once.

use crate::{
    ActionKind, ApprovalId, Digest, EffectId, Labels, RiskTier, TaskId, Timestamp, UserId, words,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

words! {
    /// How a question ended.
    pub enum ApprovalDecision {
        /// Somebody who may said yes.
        Approve = "APPROVE",
        /// Somebody who may said no.
        Deny = "DENY",
        /// Nobody answered in time, or the task ended first.
        Expire = "EXPIRE",
    }
}

words! {
    /// Which layer of policy made a decision.
    pub enum PolicySource {
        /// Compiled in, cannot be edited.
        SystemEnforced = "SYSTEM_ENFORCED",
        /// The org's document.
        OrgDefault = "ORG_DEFAULT",
        /// A person's own, which may only tighten unless the org allows more.
        UserOverride = "USER_OVERRIDE",
    }
}

words! {
    /// What a question is about.
    pub enum Question {
        /// May this action happen?
        Permission = "permission",
        /// Did this action happen before the crash?
        InDoubt = "in_doubt",
        /// The task wants an answer in words; the answer is `Owner` text, never an approval.
        Answer = "answer",
    }
}

/// One question, as everybody sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The question's id.
    pub id: ApprovalId,
    /// What it is about.
    pub question: Question,
    /// The task that waits.
    pub task: TaskId,
    /// The effect that waits.
    pub effect: EffectId,
    /// Who asked for the task.
    pub requester: UserId,
    /// Which of the crew would do it.
    #[serde(default)]
    pub agent: String,
    /// The tool.
    pub tool: String,
    /// The exact action: command, diff, recipient.
    pub arguments: Value,
    /// What a decision is bound to.
    pub digest: Digest,
    /// How risky it is.
    pub tier: RiskTier,
    /// One sentence why it asks.
    pub rationale: String,
    /// The rule that asks.
    pub rule: String,
    /// The layer of that rule.
    pub source: PolicySource,
    /// The labels of what the action would disclose or carry.
    pub labels: Labels,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it fails safe.
    pub expires_at: Timestamp,
    /// How it ended.
    pub decision: Option<ApprovalDecision>,
    /// Who ended it; none when it expired.
    pub decided_by: Option<UserId>,
    /// When it ended.
    pub decided_at: Option<Timestamp>,
    /// The words of a person who was asked for words.
    pub answer: Option<String>,
    /// What a lasting grant given with the yes would cover; none where none may be given.
    #[serde(default)]
    pub covers: Option<ActionKind>,
    /// Whether two people must say yes.
    #[serde(default)]
    pub four_eyes: bool,
    /// Who said the first of two.
    #[serde(default)]
    pub first_by: Option<UserId>,
}
