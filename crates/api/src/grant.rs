//! Remembered yeses, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;
use wardroom_domain::{Digest, GrantId, RiskTier, Timestamp, UserId, WorkspaceId};

/// A yes that also answers the same question of tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    #[schema(value_type = schema::GrantId)]
    pub id: GrantId,
    /// Where it holds; nowhere else.
    #[schema(value_type = schema::WorkspaceId)]
    pub workspace: WorkspaceId,
    /// For whose requests; null for everybody who works there.
    #[schema(value_type = Option<schema::UserId>)]
    pub requester: Option<UserId>,
    /// What it covers, in words.
    pub covers: String,
    /// What is compared.
    #[schema(value_type = schema::Digest)]
    pub kind: Digest,
    /// The tier that was approved; an action that weighs more asks anew.
    #[schema(value_type = schema::RiskTier)]
    pub tier: RiskTier,
    #[schema(value_type = schema::UserId)]
    pub granted_by: UserId,
    #[schema(value_type = schema::Timestamp)]
    pub granted_at: Timestamp,
    #[schema(value_type = Option<schema::Timestamp>)]
    pub expires_at: Option<Timestamp>,
    #[schema(value_type = Option<schema::Timestamp>)]
    pub revoked_at: Option<Timestamp>,
}

impl From<domain::Grant> for Grant {
    fn from(grant: domain::Grant) -> Self {
        Self {
            id: grant.id,
            workspace: grant.workspace,
            requester: grant.requester,
            covers: grant.kind.text,
            kind: grant.kind.digest,
            tier: grant.tier,
            granted_by: grant.granted_by,
            granted_at: grant.granted_at,
            expires_at: grant.expires_at,
            revoked_at: grant.revoked_at,
        }
    }
}

/// Every grant that the caller may see, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantList {
    pub grants: Vec<Grant>,
}
