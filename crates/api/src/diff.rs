//! What a task changed in its view of the workspace, and taking it back.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{Digest, TaskId};

wardroom_domain::words! {
    /// What became of one path.
    pub enum ChangeKind {
        /// It was not there before.
        Added = "added",
        /// Its content or mode differs.
        Changed = "changed",
        /// It is gone.
        Removed = "removed",
    }
}

/// What became of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Relative to the workspace.
    pub path: String,
    #[schema(value_type = schema::ChangeKind)]
    pub change: ChangeKind,
    /// The size after the change; before it, for a removal.
    pub bytes: u64,
}

/// The difference between a task's view and its workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    #[schema(value_type = schema::TaskId)]
    pub task: TaskId,
    /// Every changed path, sorted.
    pub changes: Vec<Change>,
    /// The changes as a unified diff; binary files as one line each.
    pub text: String,
    /// What an approval of the apply binds to; null where nothing changed.
    #[schema(value_type = Option<schema::Digest>)]
    pub digest: Option<Digest>,
    /// Whether it was carried to the workspace.
    pub applied: bool,
}

/// What an undo put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Undone {
    #[schema(value_type = schema::TaskId)]
    pub task: TaskId,
    /// What it did to each path: `added` is a file that came back.
    pub changes: Vec<Change>,
}
