//! One thing that a task asks the world to do, and what came of it.

use crate::{Digest, EffectId, Labels, RiskTier, TaskId, words};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool call as a model asked for it: raw until the tool's schema has read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own name for this call, to answer it by.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// A JSON object.
    pub arguments: Value,
}

impl ToolCall {
    /// The digest by which two calls count as the same.
    pub fn digest(&self) -> Digest {
        Digest::of(&(&self.tool, &self.arguments))
    }
}

words! {
    /// What may be done about an effect whose outcome a crash swallowed.
    pub enum RetryClass {
        /// Works on the task's view without egress: run again from the checkpoint.
        View = "view",
        /// A row of ours, in the same transaction: nothing to do.
        Internal = "internal",
        /// Looks and changes nothing: run again.
        Read = "read",
        /// Carries a key that the other side honours: run again with the same key.
        Idempotent = "idempotent",
        /// Can be looked up: ask first, then adopt or run.
        Queryable = "queryable",
        /// Doubling does no harm: run again, marked as a possible duplicate.
        DupTolerant = "dup_tolerant",
        /// Left the box and cannot be checked: never run again, a person decides.
        Blind = "blind",
    }
}

words! {
    /// Where an effect stands.
    pub enum EffectState {
        /// Written down, not yet done.
        Intent = "INTENT",
        /// Done, with an outcome.
        Done = "DONE",
        /// Tried, and known not to have happened.
        Failed = "FAILED",
        /// May have happened.
        InDoubt = "IN_DOUBT",
    }
}

/// An intended effect: what will be carried out, exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Derived from task, step and content, so that the same step has the same effect.
    pub id: EffectId,
    /// Whose.
    pub task: TaskId,
    /// The call that asked for it.
    pub call: ToolCall,
    /// How risky it is.
    pub tier: RiskTier,
    /// What may be done about it after a crash.
    pub class: RetryClass,
    /// What a person's approval binds to: tool, canonical arguments, target, task, tool version.
    pub digest: Digest,
}

impl Effect {
    /// The id of the effect of one step: no model prose goes in that could differ on a re-run.
    pub fn id_of(task: TaskId, step: u32, call: &ToolCall) -> EffectId {
        EffectId::derived(&Digest::of(&(task, step, &call.tool, &call.arguments)))
    }

    /// What an approval of this action is bound to. `target` holds whatever the arguments only
    /// name, such as the digest of the change set that an `apply` would carry.
    pub fn approval_digest(task: TaskId, call: &ToolCall, target: &Value, version: &str) -> Digest {
        Digest::of(&(task, &call.tool, &call.arguments, target, version))
    }
}

/// What came of an effect, as the model and the journal read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether it did what was asked.
    pub is_error: bool,
    /// The text for the model, already cut and redacted.
    pub text: String,
    /// Facts for people and programs: exit code, bytes, paths.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
    /// The labels of the text.
    pub labels: Labels,
}
