//! The org's policy on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{RiskTier, Timestamp, UserId};

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// Counts from 1; a rollback makes a new one.
    pub version: i64,
    /// The table that it starts from.
    pub preset: String,
    /// The tiers that an admin may decide for his own requests.
    #[schema(value_type = Vec<schema::RiskTier>)]
    pub self_approval: Vec<RiskTier>,
    /// Whether people may switch their bypass on at all.
    pub allow_bypass: bool,
    /// How long a question waits before it fails safe.
    pub approval_ttl_s: u64,
    /// When this version came into force; null for what the configuration file says.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub changed_at: Option<Timestamp>,
    #[schema(value_type = Option<schema::UserId>)]
    pub changed_by: Option<UserId>,
}

/// Puts another policy in force; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::RiskTier>>)]
    pub self_approval: Option<Vec<RiskTier>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_bypass: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub approval_ttl_s: Option<u64>,
}
