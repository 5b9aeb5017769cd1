//! Where a task stands: the snapshot that is written with every boundary.

use serde::{Deserialize, Serialize};
use wardroom_domain::{
    ApprovalId, Digest, EffectId, FileId, RiskTier, TaskId, TaskStatus, Timestamp, ToolCall,
};

/// The snapshot of a task's life. Everything else about it is folded from its facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Whose life.
    pub task: TaskId,
    /// Where it stands, for everybody.
    pub status: TaskStatus,
    /// Where it stands, for the engine.
    pub phase: Phase,
    /// The calls of the current model turn, in order.
    pub lines: Vec<Line>,
    /// Model turns so far.
    pub turns: u32,
    /// Effects so far.
    pub steps: u32,
    /// Model tokens so far.
    pub tokens: u64,
    /// How often a worker took it up while it was running, or its model failed.
    pub attempts: u32,
    /// The highest tier of any of its actions.
    pub tier: RiskTier,
    /// The last call and how often in a row it was made.
    pub repeated: Option<(Digest, u32)>,
    /// The final text, once the model has given it.
    pub answer: Option<String>,
    /// The changes that a person refused to apply; looking at the same again is not asking again.
    pub refused_changes: Option<Digest>,
    /// Whether its changes were carried to the workspace.
    pub applied: Option<bool>,
    /// Why it ended without success.
    pub error: Option<String>,
    /// When it times out.
    pub deadline: Timestamp,
    /// The uploads that it was given.
    #[serde(default)]
    pub files: Vec<FileId>,
}

/// What the task is waiting for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// To be taken up by a worker.
    Ready,
    /// The model's answer.
    Thinking,
    /// Policy's word on the first open line.
    Judging,
    /// The outcome of an effect whose intent is written down.
    Carrying {
        /// Which.
        effect: EffectId,
    },
    /// A person's word.
    Asking {
        /// The question.
        approval: ApprovalId,
        /// The effect that waits for it.
        effect: EffectId,
        /// Whether the effect may have happened already and the question is whether it did.
        in_doubt: bool,
    },
    /// The ends of the tasks that it spawned.
    AwaitingChildren,
    /// What the view holds, now that the model has given its answer.
    Looking,
    /// Nothing.
    Ended,
}

/// One call of the current turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What the model asked for.
    pub call: ToolCall,
    /// What became of it.
    pub state: LineState,
    /// Whether the product added it by itself (the apply at the end) and the model does not know.
    pub is_ours: bool,
}

/// What became of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum LineState {
    /// Nothing yet.
    Open,
    /// It began a task whose end is its answer.
    AwaitingChild {
        /// Which.
        child: TaskId,
    },
    /// The model has, or will get, its answer.
    Answered,
}

impl Life {
    /// A life that has not begun.
    pub fn new(task: TaskId, deadline: Timestamp) -> Self {
        Self {
            task,
            status: TaskStatus::Queued,
            phase: Phase::Ready,
            lines: Vec::new(),
            turns: 0,
            steps: 0,
            tokens: 0,
            attempts: 0,
            tier: RiskTier::default(),
            repeated: None,
            answer: None,
            refused_changes: None,
            applied: None,
            error: None,
            deadline,
            files: Vec::new(),
        }
    }

    /// The first call that nothing has become of yet.
    pub fn open_line(&self) -> Option<&Line> {
        self.lines.iter().find(|line| line.state == LineState::Open)
    }

    /// Whether a task that this one spawned is still at work.
    pub fn awaits_children(&self) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line.state, LineState::AwaitingChild { .. }))
    }
}
