//! Paths of a workspace that stay as they are, even when they are not there yet: the mounts of a
//! container that cover them, as the guest does by itself in a native sandbox.

use super::layout::Mount;
use crate::provider::SandboxError;
use crate::spec::{RelPath, WORKSPACE};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Parents before children. Each folder above a covered place becomes a mount of its own, because
/// one that merely holds a mount may be moved away, and a fresh one put in its place.
pub fn over(workspace: &Path, protected: &[RelPath]) -> Result<Vec<Mount>, SandboxError> {
    let mut covers = BTreeMap::new();
    for path in protected {
        let path = path.as_path();
        cover(workspace, path, &mut covers).map_err(|cause| SandboxError::Build {
            stage: format!(
                "protect {} in the workspace (a symbolic link cannot be)",
                path.display()
            ),
            cause,
        })?;
    }
    let mount = |(path, read_only): (PathBuf, bool)| Mount::Bind {
        from: workspace.join(&path),
        to: Path::new(WORKSPACE).join(path),
        read_only,
    };
    Ok(covers.into_iter().map(mount).collect())
}

fn cover(workspace: &Path, path: &Path, covers: &mut BTreeMap<PathBuf, bool>) -> io::Result<()> {
    let mut reached = PathBuf::new();
    for name in path {
        reached.push(name);
        let place = workspace.join(&reached);
        let is_folder = match std::fs::symlink_metadata(&place) {
            Ok(found) if found.is_symlink() => {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            Ok(found) => found.is_dir(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir(&place)?;
                true
            }
            Err(error) => return Err(error),
        };
        let is_covered = reached == path || !is_folder;
        *covers.entry(reached.clone()).or_default() |= is_covered;
        if !is_folder {
            // What should be a folder is a file (a git worktree's pointer): the file is kept.
            break;
        }
    }
    Ok(())
}
