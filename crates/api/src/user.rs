//! People, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;
use wardroom_domain::{OrgId, Role, Timestamp, UserId, UserStatus};

/// A person of the org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    #[schema(value_type = schema::UserId)]
    pub id: UserId,
    pub name: String,
    #[schema(value_type = schema::Role)]
    pub role: Role,
    #[schema(value_type = schema::UserStatus)]
    pub status: UserStatus,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
}

impl From<domain::User> for User {
    fn from(user: domain::User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            role: user.role,
            status: user.status,
            created_at: user.created_at,
        }
    }
}

/// A page of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserList {
    pub users: Vec<User>,
    pub next_cursor: Option<String>,
}

/// Adds a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    #[schema(value_type = schema::Role)]
    pub role: Role,
}

/// Changes a person; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::UserStatus>)]
    pub status: Option<UserStatus>,
    /// A new local password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 8, max_length = 1024, write_only)]
    pub password: Option<String>,
}

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub user: User,
    #[schema(value_type = schema::OrgId)]
    pub org: OrgId,
    /// How he came in: `token tok_…`, `session sess_…`, `unix uid 1000 (alice)`.
    pub via: String,
    /// The hosts that sandboxes may reach, as rules; none means that nothing leaves them.
    #[serde(default)]
    pub egress: Vec<String>,
}

wardroom_domain::words! {
    /// Whether a person's mutating actions go unasked; only where the org has opted in.
    pub enum BypassMode {
        /// They ask.
        Off = "OFF",
        /// They do not, within the bounds that the org sets.
        On = "ON",
    }
}

/// Switches a person's bypass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBypassMode {
    #[schema(value_type = schema::BypassMode)]
    pub mode: BypassMode,
}

/// A person's bypass as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bypass {
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    #[schema(value_type = schema::BypassMode)]
    pub mode: BypassMode,
}
