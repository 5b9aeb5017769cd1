//! Protected paths that are absent are made, empty, while the sandbox lives. This removes
//! them again. The workspace is the sandbox's to write, so every step is beneath it and
//! follows no link.

use crate::spec::{RelPath, WorkspaceMount};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Paths that did not exist before, and the folder they will appear in.
#[derive(Debug, Default)]
pub struct Placeholders {
    folder: PathBuf,
    /// Parents before children.
    absent: Vec<PathBuf>,
}

impl Placeholders {
    pub fn foresee(workspace: &WorkspaceMount, protected: &[RelPath]) -> Self {
        let (folder, layers): (&Path, Vec<&Path>) = match workspace {
            WorkspaceMount::Scratch { .. }
            | WorkspaceMount::Bind {
                read_only: true, ..
            } => {
                return Self::default();
            }
            WorkspaceMount::Bind { dir, .. } => (dir, vec![dir]),
            WorkspaceMount::Overlay { lower, upper, .. } => (upper, vec![lower, upper]),
        };
        let layers: Vec<File> = layers.into_iter().flat_map(File::open).collect();
        let is_absent = |path: &Path| layers.iter().all(|layer| !exists(layer, path));
        let mut absent: Vec<PathBuf> = protected
            .iter()
            .flat_map(|path| path.as_path().ancestors())
            .filter(|path| !path.as_os_str().is_empty() && is_absent(path))
            .map(Path::to_path_buf)
            .collect();
        absent.sort();
        absent.dedup();
        Self {
            folder: folder.to_path_buf(),
            absent,
        }
    }

    /// Removes what is still there and empty; what somebody filled stays.
    pub fn remove(&self) {
        let Ok(folder) = File::open(&self.folder) else {
            return;
        };
        for path in self.absent.iter().rev() {
            let parent = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let parent = beneath(&folder, parent.unwrap_or(Path::new(".")));
            if let (Ok(parent), Some(name)) = (parent, path.file_name()) {
                let _ = rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR);
            }
        }
    }
}

fn exists(layer: &File, path: &Path) -> bool {
    !matches!(beneath(layer, path), Err(rustix::io::Errno::NOENT))
}

fn beneath(folder: &File, path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat2(
        folder,
        path,
        OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
    )
}
