//! What has become true. Facts are appended to the task's journal and never change.

use serde::{Deserialize, Serialize};
use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, Digest, Effect, EffectId, Labels, Mandate, Outcome,
    TaskId, TaskStatus, ToolCall, UserId,
};

/// One fact of a task's life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum Fact {
    /// Somebody said something to the task.
    Told {
        /// What.
        text: String,
        /// Who; none for the product itself.
        by: Option<UserId>,
        /// Where the words came from.
        labels: Labels,
    },
    /// What a person typed himself that led to this task, or was said to it. A model may have put
    /// it into other words for the task; these are the person's.
    Typed {
        /// What.
        text: String,
        /// Who.
        by: UserId,
    },
    /// What the task is to do with the world was fixed before it read anything from outside. It
    /// holds once a person has said yes to it.
    Foreseen {
        /// Tools, targets and recipients.
        mandate: Mandate,
    },
    /// The model answered.
    Replied {
        /// Its text.
        text: String,
        /// What it asked for.
        calls: Vec<ToolCall>,
        /// Which model.
        model: String,
    },
    /// The model failed for good, or for now.
    ModelFailed {
        /// A sentence.
        reason: String,
    },
    /// An effect is about to be carried out.
    Intended {
        /// Which.
        effect: Box<Effect>,
        /// The rule that allowed it.
        rule: String,
        /// The question that a person answered with yes, if one was asked; spent by this.
        approval: Option<ApprovalId>,
    },
    /// An effect of an earlier worker is carried out again, as its class permits.
    Repeated {
        /// Which.
        effect: EffectId,
    },
    /// A call has its answer.
    Settled {
        /// The model's name for the call.
        call: String,
        /// The effect, where one was intended.
        effect: Option<EffectId>,
        /// What came of it.
        outcome: Outcome,
        /// Whether the product made the call by itself.
        is_ours: bool,
    },
    /// A person is asked.
    Asked {
        /// The question.
        approval: Box<Approval>,
        /// The effect that waits.
        effect: Box<Effect>,
    },
    /// A person, or time, answered.
    Decided {
        /// The question.
        approval: ApprovalId,
        /// How.
        decision: ApprovalDecision,
        /// By whom.
        by: Option<UserId>,
    },
    /// A task was spawned.
    Spawned {
        /// The model's name for the call.
        call: String,
        /// The new task.
        child: TaskId,
    },
    /// The view was looked at.
    Looked {
        /// The digest of its changes, if there are any.
        changes: Option<Digest>,
    },
    /// The task moved to another state.
    Moved {
        /// From here.
        from: TaskStatus,
        /// To there.
        to: TaskStatus,
        /// Why.
        why: String,
    },
}
