//! What is asked of policy, and what it answers.

use super::circumstances::Circumstances;
use super::disclosure::Destination;
use crate::Permit;
use crate::classify::Verdict;
use serde_json::Value;
use wardroom_domain::{
    ActionKind, Approval, Digest, Labels, Origin, PolicySource, Principal, RiskTier, WorkspaceKind,
};

/// How far an action reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It stays in the task's copy-on-write view, without egress: nothing has happened yet.
    View,
    /// It is a row of ours, seen by the requester alone.
    Internal,
    /// It carries the view's changes to the workspace.
    Apply {
        /// Whose folder that is.
        kind: WorkspaceKind,
    },
    /// It leaves the box.
    Outside,
    /// It cannot be carried out here at all, for the reason given.
    Unavailable(String),
}

/// One action, with everything that the rules may look at.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// For whom it is done.
    pub requester: &'a Principal,
    /// Through which door it was asked for.
    pub origin: Origin,
    /// The tool.
    pub tool: &'a str,
    /// Its arguments.
    pub arguments: &'a Value,
    /// How far it reaches.
    pub reach: Reach,
    /// To whom it speaks, where it leaves the box; none means that nobody knows.
    pub destination: Option<Destination<'a>>,
    /// How risky it is.
    pub verdict: Verdict,
    /// Where the words that led to it came from, and who may learn what it discloses.
    pub labels: &'a Labels,
    /// What an approval of it is bound to.
    pub digest: Digest,
    /// The decided question about it, if there is one.
    pub approval: Option<&'a Approval>,
    /// What stands around it.
    pub circumstances: Circumstances<'a>,
}

/// The answer, always with the rule and the layer that made it.
#[derive(Debug)]
pub enum Decision<T> {
    /// It may happen.
    Allow(Permit<T>),
    /// A person must be asked.
    Ask {
        /// How risky it is.
        tier: RiskTier,
        /// The rule that asks.
        rule: String,
        /// Its layer.
        source: PolicySource,
        /// One sentence why.
        rationale: String,
        /// What a remembered yes would cover; none where a yes counts once only.
        kind: Option<ActionKind>,
    },
    /// It may not happen now, and not because of what it is: the org has paused such actions.
    Wait {
        /// The rule that holds it back.
        rule: String,
        /// Its layer.
        source: PolicySource,
        /// One sentence why.
        rationale: String,
    },
    /// It may not happen.
    Deny {
        /// The rule that forbids it, or that nothing permits it.
        rule: String,
        /// Its layer.
        source: PolicySource,
        /// One sentence why.
        rationale: String,
    },
}
