//! How people are known outside.

use crate::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Somebody as a connector knows him: by the network's immutable id, never by a name that its
/// owner can change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The connector: `telegram`, `discord`, `portal`.
    pub connector: String,
    /// The network's own id of him.
    pub external_id: String,
}

/// An identity and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedIdentity {
    /// How the network knows him.
    pub identity: Identity,
    /// Whom we know him as.
    pub user: UserId,
    /// What he called himself there when he was linked; for people to read, never to compare.
    pub display: String,
    /// When.
    pub linked_at: Timestamp,
    /// Who linked him: `user_…`, or `invite inv_…`.
    pub linked_by: String,
}
