//! A folder that tasks work on.

use crate::{Timestamp, UserId, WorkspaceId, words};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

words! {
    /// Who made the folder, which decides whether an apply may go unasked.
    pub enum WorkspaceKind {
        /// Made by the product for one person.
        Private = "private",
        /// Made by the product for a group.
        Shared = "shared",
        /// A folder of the host that its owner opened to the crew.
        Host = "host",
    }
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// Who made it.
    pub kind: WorkspaceKind,
    /// Whose it is.
    pub owner: UserId,
    /// The folder on the host, absolute.
    pub path: PathBuf,
    /// When it was opened.
    pub created_at: Timestamp,
}
