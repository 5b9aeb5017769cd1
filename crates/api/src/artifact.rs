//! Files that come out of tasks, and files that people send in.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{Digest, FileId, Timestamp};

/// A file that a task delivered; its bytes are at `/v1/tasks/{id}/artifacts/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    pub name: String,
    pub bytes: u64,
    pub media_type: String,
    #[schema(value_type = schema::Digest)]
    pub sha256: Digest,
}

/// The artifacts of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactList {
    pub artifacts: Vec<Artifact>,
    pub next_cursor: Option<String>,
}

/// An upload, usable by its id in `files` of a message or task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct File {
    #[schema(value_type = schema::FileId)]
    pub id: FileId,
    pub name: String,
    pub bytes: u64,
    pub media_type: String,
    #[schema(value_type = schema::Digest)]
    pub sha256: Digest,
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
}

/// An upload as `multipart/form-data` with one part named `file`.
#[derive(Debug, ToSchema)]
pub struct Upload {
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}
