//! What a task may do with the world, fixed from its owner's words before it read anything from
//! outside.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Tools, targets and recipients of a task. Fixed once; what it read later cannot widen it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mandate {
    /// The tools that may be used on targets and recipients below.
    pub tools: BTreeSet<String>,
    /// Addresses: a whole one, or the beginning of one up to a `/`
    /// (`https://api.example.com/v1/`). Each names scheme and host.
    pub targets: BTreeSet<String>,
    /// Those who may be written to: an address, a channel, a user.
    pub recipients: BTreeSet<String>,
}
