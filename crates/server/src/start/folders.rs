//! What lies in a data directory beside the database.

use super::StartError;
use std::path::{Path, PathBuf};

/// The folders of a data directory, made for their owner alone.
pub(super) struct Folders {
    pub(super) views: PathBuf,
    pub(super) snapshots: PathBuf,
    pub(super) workspaces: PathBuf,
    pub(super) uploads: PathBuf,
    pub(super) egress: PathBuf,
}

impl Folders {
    pub(super) fn make(data: &Path) -> Result<Self, StartError> {
        make_private(data)?;
        make_private(&data.join("keys"))?;
        let folder = |name: &str| make_private(&data.join(name));
        Ok(Self {
            views: folder("views")?,
            snapshots: folder("snapshots")?,
            workspaces: folder("workspaces")?,
            uploads: folder("uploads")?,
            egress: folder("egress")?,
        })
    }
}

pub(super) fn make_private(path: &Path) -> Result<PathBuf, StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|source| StartError::Data {
        path: path.to_owned(),
        source,
    })?;
    Ok(path.to_owned())
}
