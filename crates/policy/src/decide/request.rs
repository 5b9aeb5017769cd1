//! What is asked of policy, and what it answers.

use crate::Permit;
use crate::classify::Verdict;
use wardroom_domain::{
    Approval, Digest, Labels, Origin, PolicySource, Principal, RiskTier, WorkspaceKind,
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
    /// How far it reaches.
    pub reach: Reach,
    /// How risky it is.
    pub verdict: Verdict,
    /// Where the words that led to it came from, and who may learn what it discloses.
    pub labels: &'a Labels,
    /// What an approval of it is bound to.
    pub digest: Digest,
    /// The decided question about it, if there is one.
    pub approval: Option<&'a Approval>,
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
