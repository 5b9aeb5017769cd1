//! Who is speaking, and through which door.

use crate::{OrgId, UserId, words};
use serde::{Deserialize, Serialize};

words! {
    /// What a person may do at most; ordered from least to most.
    pub enum Role {
        /// Reads what is his to see.
        Viewer = "viewer",
        /// Talks, and gives work within limits.
        Member = "member",
        /// Runs workflows and decides `L1_MUTATING` in his scopes.
        Operator = "operator",
        /// Decides everything of the org, its people and its policy.
        Admin = "admin",
        /// Set the place up: keys, connectors, global policy. Counts as admin everywhere.
        Overlord = "overlord",
    }
}

impl Role {
    /// Whether this role is `other` or stands above it.
    pub fn is_at_least(self, other: Role) -> bool {
        self >= other
    }
}

words! {
    /// The door through which an action was asked for.
    pub enum Origin {
        /// A person typed it to the coordinator.
        Chat = "chat",
        /// A client called the API.
        Api = "api",
        /// A task asked for it.
        Subtask = "subtask",
        /// The clock knocked.
        Schedule = "schedule",
        /// A stranger's machine called.
        Webhook = "webhook",
    }
}

words! {
    /// Whether a person may act at all.
    pub enum UserStatus {
        /// May act.
        Active = "active",
        /// May not act until reinstated.
        Suspended = "suspended",
        /// Gone; the name may be given again.
        Removed = "removed",
    }
}

/// Somebody whom a door has identified. Never built from what a client says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The org that he acts in.
    pub org: OrgId,
    /// Who he is.
    pub user: UserId,
    /// His name, for people to read.
    pub name: String,
    /// What he may do at most.
    pub role: Role,
    /// How he came in: `token tok_…`, `session sess_…`, `unix uid 1000 (alice)`.
    pub via: String,
}

/// A person of an org, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// Unique within the org among people who are not removed.
    pub name: String,
    /// What he may do at most.
    pub role: Role,
    /// Whether he may act at all.
    pub status: UserStatus,
    /// When he was added.
    pub created_at: crate::Timestamp,
}
