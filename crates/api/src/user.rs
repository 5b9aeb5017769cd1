//! People, on the wire.

use crate::sandbox::Confinement;
use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;
use wardroom_domain::{BypassMode, OrgId, Role, Scopes, Timestamp, UserId, UserStatus};

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
    /// Where his role holds, in place of what it was; nothing at all means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Scope>>)]
    pub scopes: Option<Scopes>,
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
    /// What confines his tasks; absent while it is being tried, and where there is no sandbox.
    #[serde(default)]
    pub sandbox: Option<Confinement>,
    /// Why there is no sandbox at all, so that no task runs.
    #[serde(default)]
    pub no_sandbox: Option<String>,
    /// The hosts that sandboxes may reach, as rules; none means that nothing leaves them.
    #[serde(default)]
    pub egress: Vec<String>,
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

/// One thing that a role holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scope {
    #[schema(value_type = schema::ScopeKind)]
    pub kind: wardroom_domain::ScopeKind,
    /// Its id, or its name where it has none.
    pub name: String,
}

/// How a network knows a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    pub connector: String,
    /// The network's own id of him, which never changes.
    pub external_id: String,
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// What he called himself when he was linked.
    pub display: String,
    #[schema(value_type = schema::Timestamp)]
    pub linked_at: Timestamp,
}

impl From<domain::LinkedIdentity> for Identity {
    fn from(linked: domain::LinkedIdentity) -> Self {
        Self {
            connector: linked.identity.connector,
            external_id: linked.identity.external_id,
            user: linked.user,
            display: linked.display,
            linked_at: linked.linked_at,
        }
    }
}

/// Where a person's role holds, how his bypass stands, and how networks know him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    #[schema(value_type = schema::BypassMode)]
    pub bypass: BypassMode,
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    pub identities: Vec<Identity>,
}
