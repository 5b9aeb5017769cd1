//! Signed-in browsers, on the wire.

use crate::problem::{Code, Problem};
use crate::schema;
use crate::user::User;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{SessionId, Timestamp};

/// A session; its secret is in the cookie only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    #[schema(value_type = schema::SessionId)]
    pub id: SessionId,
    pub user: User,
    /// Whether it is the caller's own.
    pub current: bool,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
}

/// The sessions of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionList {
    pub sessions: Vec<Session>,
    pub next_cursor: Option<String>,
}

/// Signs in: the code of a one-time link, or a name with its password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    pub password: Option<String>,
}

/// How somebody signs in.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// With the code of a one-time link.
    Code(String),
    /// With a name and its password.
    Password {
        /// The person's name.
        name: String,
        /// What he typed.
        password: String,
    },
}

impl CreateSession {
    /// The one way that the body asks for.
    pub fn credentials(self) -> Result<Credentials, Problem> {
        match (self.code, self.name, self.password) {
            (Some(code), None, None) => Ok(Credentials::Code(code)),
            (None, Some(name), Some(password)) => Ok(Credentials::Password { name, password }),
            _ => Err(Problem::new(
                Code::InvalidBody,
                "a sign-in takes either `code`, or `name` and `password`",
            )),
        }
    }
}
