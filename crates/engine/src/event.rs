//! What happens to a task, and what it wants next.

use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, Digest, Effect, EffectId, Labels, Outcome, RetryClass,
    TaskId, Timestamp, ToolCall, UserId,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A worker holds the task. `class` is that of the effect it was carrying, if any.
    Claimed {
        /// What may be done about an interrupted effect.
        interrupted: Option<RetryClass>,
    },
    /// The model answered.
    Replied(Reply),
    /// Every model of the chain failed.
    ModelFailed {
        /// A sentence.
        reason: String,
        /// Whether waiting may help.
        may_retry: bool,
    },
    /// Policy has spoken on the first open line.
    Judged(Judgement),
    /// No model may be asked now.
    Held {
        /// A sentence.
        why: String,
        /// When it is looked at again, if nothing wakes it before.
        until: Timestamp,
    },
    /// An effect has its outcome.
    Settled {
        /// Which.
        effect: EffectId,
        /// What came of it.
        outcome: Outcome,
    },
    /// A person, or time, has answered a question.
    Decided {
        /// The question.
        approval: ApprovalId,
        /// How.
        decision: ApprovalDecision,
        /// By whom.
        by: Option<UserId>,
        /// What the model is to read, when the call is not carried out after this.
        answer: Option<Outcome>,
    },
    /// Whether an interrupted effect happened cannot be known here; a person is asked.
    Doubted {
        /// The question.
        approval: Box<Approval>,
        /// The effect.
        effect: Box<Effect>,
    },
    /// Whether an interrupted effect happened is known now.
    Resolved {
        /// Which.
        effect: EffectId,
        /// Its outcome if it happened; none if it did not.
        outcome: Option<Outcome>,
    },
    /// A spawned task has ended.
    ChildEnded {
        /// Which.
        child: TaskId,
        /// What the model is to read.
        outcome: Outcome,
    },
    /// The view was looked at.
    Looked {
        /// The digest of its changes, if there are any.
        changes: Option<Digest>,
    },
    /// Somebody steered the task.
    Told {
        /// With which words.
        text: String,
        /// Who.
        by: Option<UserId>,
        /// Where the words came from.
        labels: Labels,
        /// What that person typed himself, where a model chose the words.
        typed: Option<String>,
    },
    /// Somebody stopped it.
    Canceled {
        /// For the record.
        why: String,
    },
    /// Its time ran out.
    DeadlinePassed,
    /// It cannot go on, for a reason outside the model.
    Broken {
        /// A sentence.
        reason: String,
    },
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Its text.
    pub text: String,
    /// What it asked for.
    pub calls: Vec<ToolCall>,
    /// Which model.
    pub model: String,
    /// What it used, both ways.
    pub tokens: u64,
}

/// Policy's word on one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It may happen.
    Allowed {
        /// What exactly.
        effect: Box<Effect>,
        /// By which rule.
        rule: String,
        /// The approval that this spends.
        approval: Option<ApprovalId>,
    },
    /// A person must be asked.
    Ask {
        /// The question.
        approval: Box<Approval>,
        /// What exactly would happen.
        effect: Box<Effect>,
    },
    /// It may not happen now, and not because of what it is.
    Wait {
        /// A sentence.
        why: String,
        /// When it is looked at again, if nothing wakes it before.
        until: Timestamp,
    },
    /// It begins a task.
    Spawn {
        /// Which.
        child: TaskId,
    },
    /// It may not happen, or cannot be understood; the model reads why.
    Refused {
        /// The text for the model.
        outcome: Box<Outcome>,
    },
}

/// What the task wants from the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Ask the model.
    CallModel,
    /// Ask policy about this call.
    Judge(ToolCall),
    /// Carry out the effect whose intent has been written down.
    Carry(EffectId),
    /// Carry out an interrupted effect again.
    Repeat(EffectId),
    /// Find out whether an interrupted effect happened.
    Check(EffectId),
    /// Ask a person whether an interrupted effect happened.
    AskInDoubt(EffectId),
    /// Look at the view.
    Look,
    /// Let go of it; it is to be taken up again at this time, or by a signal if none.
    Park {
        /// When at the latest.
        ready_at: Option<Timestamp>,
    },
    /// Nothing: it has ended.
    End,
}
