//! Secrets, on the wire. A value goes in and never comes out.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::Timestamp;

/// A secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// What `secret:NAME` says.
    pub name: String,
    /// The version in force, from 1.
    pub version: i64,
    /// When this version was set.
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// Every secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretList {
    pub secrets: Vec<Secret>,
}

/// Sets a secret, or gives it its next version.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSecret {
    /// At most 65,536 bytes.
    #[schema(write_only, min_length = 1, max_length = 65536)]
    pub value: String,
}

impl std::fmt::Debug for PutSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutSecret").finish_non_exhaustive()
    }
}

/// The master key is a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRotated {
    /// How many secrets are sealed under it.
    pub secrets: u64,
}
