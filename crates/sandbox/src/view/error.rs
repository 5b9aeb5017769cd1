//! What can go wrong around a view, in sentences that name the file.

use std::io;

use super::path::BadPath;

/// A failed look at or change of one file beneath a root.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    #[error("could not {doing} {path}: {source}")]
    Io {
        doing: &'static str,
        path: String,
        source: io::Error,
    },
    #[error("{path} is {found}, not a regular file; only regular files are read")]
    NotAFile { path: String, found: &'static str },
    #[error(
        "{path} leads through a symbolic link; links are not followed out of or within a workspace"
    )]
    ThroughLink { path: String },
    #[error(
        "{path} lies on another file system that is mounted inside the folder; such a folder needs a workspace of its own"
    )]
    OtherFileSystem { path: String },
    #[error("{path} has more than {limit_bytes} bytes; read it in parts or inside the sandbox")]
    TooLarge { path: String, limit_bytes: u64 },
    #[error(transparent)]
    BadPath(#[from] BadPath),
}

impl FsError {
    pub(crate) fn io(
        doing: &'static str,
        path: impl ToString,
        source: impl Into<io::Error>,
    ) -> FsError {
        let path = path.to_string();
        let source = source.into();
        match rustix::io::Errno::from_io_error(&source) {
            Some(rustix::io::Errno::LOOP) => FsError::ThroughLink { path },
            Some(rustix::io::Errno::XDEV) => FsError::OtherFileSystem { path },
            _ => FsError::Io {
                doing,
                path,
                source,
            },
        }
    }

    /// Whether the path, or a folder on the way to it, is simply not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, FsError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    }

    /// Whether its mode or owner keeps us out.
    pub fn is_denied(&self) -> bool {
        matches!(self, FsError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Why there is no view, no checkpoint or no difference.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error(
        "the workspace {path} cannot be opened: {source}; check that the folder still exists and may be read"
    )]
    NoWorkspace { path: String, source: io::Error },
    #[error(
        "the workspace {path} is not the folder that this view was taken from; it was replaced, so start the task again"
    )]
    OtherWorkspace { path: String },
    #[error("the workspace {path} cannot be opened: {reason}")]
    Refused { path: String, reason: String },
    #[error(
        "the workspace needs a copy because {because}, and it is too large for one ({found}, limit {limit}); open a smaller folder, or remove generated files from it"
    )]
    TooLargeToCopy {
        because: String,
        found: String,
        limit: String,
    },
    #[error(
        "the workspace has more than {limit} files outside ignored folders; open a smaller folder, or name generated folders in .gitignore"
    )]
    TooManyFiles { limit: u64 },
    #[error(
        "the task changed more than {limit} files outside ignored folders; ask it to change less at once, or name generated folders in .gitignore"
    )]
    TooManyChanges { limit: usize },
    #[error("the view {id} is damaged: {reason}; the workspace is untouched, start the task again")]
    Damaged { id: String, reason: String },
    #[error("{0:?} cannot name a view; use letters, digits, \"-\" and \"_\"")]
    BadId(String),
    #[error("the view has no checkpoint {number}; it keeps {kept:?}")]
    NoCheckpoint { number: u64, kept: Vec<u64> },
    #[error("a checkpoint would copy more than {limit_bytes} bytes; the task goes on without one")]
    CheckpointTooLarge { limit_bytes: u64 },
    #[error(
        "a disk quota by the kernel is demanded (`sandbox.require`), and the view has none: {0}"
    )]
    NoVolume(#[from] crate::volume::VolumeError),
    #[error(transparent)]
    Fs(#[from] FsError),
}

impl From<BadPath> for ViewError {
    fn from(error: BadPath) -> ViewError {
        ViewError::Fs(FsError::BadPath(error))
    }
}
