//! A task: a unit of delegated work, its states, and which of them may follow which.

use crate::{
    ContextId, ConversationId, Labels, Origin, RiskTier, ScopeKind, TaskId, Timestamp, UserId,
    WorkspaceId, words,
};
use serde::{Deserialize, Serialize};

words! {
    /// Where a task stands. Exactly these seven.
    pub enum TaskStatus {
        /// Waits for a free executor, or for its time.
        Queued = "QUEUED",
        /// A worker holds it.
        Running = "RUNNING",
        /// A person is asked.
        WaitingApproval = "WAITING_APPROVAL",
        /// Ended with a result.
        Succeeded = "SUCCEEDED",
        /// Ended with a reason.
        Failed = "FAILED",
        /// Somebody stopped it.
        Canceled = "CANCELED",
        /// Its time ran out.
        TimedOut = "TIMED_OUT",
    }
}

impl TaskStatus {
    /// Whether nothing follows.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Canceled | Self::TimedOut
        )
    }

    /// Whether a task in this state may move to `next`. Staying is not a move.
    pub fn may_become(self, next: TaskStatus) -> bool {
        use TaskStatus::*;
        match self {
            Queued => matches!(next, Running | Failed | Canceled | TimedOut),
            Running => next != Running,
            WaitingApproval => matches!(next, Queued | Running | Failed | Canceled | TimedOut),
            Succeeded | Failed | Canceled | TimedOut => false,
        }
    }
}

words! {
    /// What kind of work it is; steers model choice and policy.
    pub enum TaskType {
        /// Anything else.
        General = "general",
        /// Finding things out.
        Research = "research",
        /// Making long things short.
        Summarization = "summarization",
        /// Sorting what came in.
        Triage = "triage",
        /// Writing for people.
        Drafting = "drafting",
        /// Writing for machines.
        Code = "code",
        /// Judging what others made.
        Review = "review",
    }
}

/// How urgent a task is, 1 (whenever) to 10 (now).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

impl Priority {
    /// The priority when nobody says.
    pub const NORMAL: Priority = Priority(5);

    /// The number, 1 to 10.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Priority {
    type Error = String;
    fn try_from(value: u8) -> Result<Self, String> {
        if (1..=10).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!(
                "priority is {value}; it goes from 1 (whenever) to 10 (now)"
            ))
        }
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> u8 {
        priority.0
    }
}

/// How far a task has come, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// What is being done.
    pub note: String,
}

/// The agent that talks with people. It has no hands, so what narrows executors says nothing of it.
pub const AGENT_COORDINATOR: &str = "coordinator";

/// The agent that work goes to where nobody names another. What an org gives it counts also for an
/// agent that the org does not know any more.
pub const AGENT_DEFAULT: &str = "executor";

/// A task as everybody above the engine knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// What kind of work it is.
    #[serde(rename = "type")]
    pub kind: TaskType,
    /// A short name for people.
    pub title: String,
    /// What is to be done.
    pub text: String,
    /// For whom.
    pub requester: UserId,
    /// Through which door it was asked for.
    pub origin: Origin,
    /// The channel that it belongs to.
    pub context: ContextId,
    /// The folder that it works on.
    pub workspace: WorkspaceId,
    /// The conversation that awaits its result.
    pub conversation: Option<ConversationId>,
    /// The task that spawned it.
    pub parent: Option<TaskId>,
    /// Which of the crew does it.
    pub agent: String,
    /// The highest tier that any of its actions had.
    pub tier: RiskTier,
    /// 1 to 10.
    pub priority: Priority,
    /// How far it has come.
    pub progress: Progress,
    /// Its answer, when it succeeded.
    pub result: Option<String>,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// Whether its changes were carried to the workspace; none if it made none.
    pub applied: Option<bool>,
    /// Where its words came from and who may learn its result.
    pub labels: Labels,
    /// When it times out.
    pub deadline: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Task {
    /// Where it takes place, as scopes name it.
    pub fn place(&self) -> Vec<(ScopeKind, String)> {
        vec![
            (ScopeKind::Workspace, self.workspace.to_string()),
            (ScopeKind::Context, self.context.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_an_end_and_nothing_becomes_itself() {
        for &from in TaskStatus::ALL {
            assert!(!from.may_become(from));
            for &to in TaskStatus::ALL {
                assert!(
                    !(from.is_terminal() && from.may_become(to)),
                    "{from} -> {to}"
                );
            }
        }
    }

    #[test]
    fn the_transition_table() {
        let table: Vec<String> = TaskStatus::ALL
            .iter()
            .map(|from| {
                let to: Vec<_> = TaskStatus::ALL
                    .iter()
                    .filter(|to| from.may_become(**to))
                    .map(|to| to.as_str())
                    .collect();
                format!("{from} -> {}", to.join(" "))
            })
            .collect();
        assert_eq!(
            table.join("\n"),
            "QUEUED -> RUNNING FAILED CANCELED TIMED_OUT\n\
             RUNNING -> QUEUED WAITING_APPROVAL SUCCEEDED FAILED CANCELED TIMED_OUT\n\
             WAITING_APPROVAL -> QUEUED RUNNING FAILED CANCELED TIMED_OUT\n\
             SUCCEEDED -> \nFAILED -> \nCANCELED -> \nTIMED_OUT -> "
        );
    }
}
