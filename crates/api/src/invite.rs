//! Invitations to the org, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{InviteId, PairingId, Role, Timestamp, UserId};

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
    #[schema(value_type = schema::InviteId)]
    pub id: InviteId,
    pub code: String,
    #[schema(value_type = schema::Role)]
    pub role: Role,
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
}

/// An invitation as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InviteShown {
    #[schema(value_type = schema::InviteId)]
    pub id: InviteId,
    #[schema(value_type = schema::Role)]
    pub role: Role,
    #[schema(value_type = schema::UserId)]
    pub made_by: UserId,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
    #[schema(value_type = Option<schema::Timestamp>)]
    pub used_at: Option<Timestamp>,
    #[schema(value_type = Option<schema::UserId>)]
    pub used_by: Option<UserId>,
    #[schema(value_type = Option<schema::Timestamp>)]
    pub revoked_at: Option<Timestamp>,
}

/// Every invitation, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InviteList {
    pub invites: Vec<InviteShown>,
}

/// Comes in by an invitation, through the browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemInvite {
    pub code: String,
    /// A free name is made from it.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    #[schema(min_length = 12, max_length = 1024, write_only)]
    pub password: String,
}

/// A wish of somebody outside to be linked to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PairingShown {
    #[schema(value_type = schema::PairingId)]
    pub id: PairingId,
    pub connector: String,
    /// The network's own id of him.
    pub external_id: String,
    /// What he calls himself there; anybody can call himself anything.
    pub display: String,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
}

/// The wishes that are open, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PairingList {
    pub pairings: Vec<PairingShown>,
}

/// Links the identity behind a token to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPairing {
    /// What the person brought.
    pub token: String,
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
}
