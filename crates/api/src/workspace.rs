//! Folders that tasks work on, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;
use wardroom_domain::{Timestamp, UserId, WorkspaceId, WorkspaceKind};

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    #[schema(value_type = schema::WorkspaceId)]
    pub id: WorkspaceId,
    #[schema(value_type = schema::WorkspaceKind)]
    pub kind: WorkspaceKind,
    #[schema(value_type = schema::UserId)]
    pub owner: UserId,
    /// The folder on the host.
    pub path: String,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
}

impl From<domain::Workspace> for Workspace {
    fn from(workspace: domain::Workspace) -> Self {
        Self {
            id: workspace.id,
            kind: workspace.kind,
            owner: workspace.owner,
            path: workspace.path.to_string_lossy().into_owned(),
            created_at: workspace.created_at,
        }
    }
}

/// The workspaces of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceList {
    pub workspaces: Vec<Workspace>,
    pub next_cursor: Option<String>,
}

/// Opens a folder of the host to the crew; over the Unix socket only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenWorkspace {
    /// An absolute path.
    #[schema(min_length = 1)]
    pub path: String,
}
