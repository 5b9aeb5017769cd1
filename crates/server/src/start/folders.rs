//! What lies in a data directory beside the database.

use super::StartError;
use std::path::{Path, PathBuf};
use wardroom_coordinator::Clock;

/// The folders of a data directory, made for their owner alone.
pub(super) struct Folders {
    pub(super) views: PathBuf,
    pub(super) snapshots: PathBuf,
    pub(super) workspaces: PathBuf,
    pub(super) uploads: PathBuf,
    pub(super) egress: PathBuf,
    /// What this data directory is called among those of one database.
    pub(super) place: String,
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
            place: place(data)?,
        })
    }
}

/// The name that a data directory gets once, by chance.
fn place(data: &Path) -> Result<String, StartError> {
    let path = data.join("place");
    let refused = |source| StartError::Data {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    let name = format!("{:032x}", Clock::system().chance());
    let draft = data.join(format!("place.{name}"));
    std::fs::write(&draft, &name).map_err(refused)?;
    // Two processes that begin at once agree on whoever was first.
    let linked = std::fs::hard_link(&draft, &path);
    std::fs::remove_file(&draft).map_err(refused)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(refused(error)),
        _ => std::fs::read_to_string(&path).map_err(refused),
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
