//! Invitations to the org, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{Role, Timestamp};

/// Makes an invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvite {
    /// What the invited person may do at most; `member` when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
}

/// An invitation with its code, which is not shown again and works once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invite {
    pub code: String,
    #[schema(value_type = schema::Role)]
    pub role: Role,
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
}
