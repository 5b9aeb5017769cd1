//! How the coordinator speaks, and what it knows of a person, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the coordinator speaks here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentProfile {
    /// What it calls itself; at most 40 characters.
    pub name: String,
    /// What it is like; at most 600.
    pub personality: String,
    /// How it writes; at most 600.
    pub style: String,
}

/// What a person wants the coordinator to know of him.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserProfile {
    /// How he wants to be called; at most 40 characters.
    pub name: String,
    /// What he does, what he knows; at most 600.
    pub about: String,
    /// How he likes answers; at most 600.
    pub style: String,
}

/// Both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profiles {
    pub agent: AgentProfile,
    /// The caller's.
    pub mine: UserProfile,
}
