//! A small reader and writer beneath one folder, for what the server itself keeps
//! there: artifacts and attachments. It has the same single door as everything
//! else here.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, Stat};
use rustix::io::Errno;

use super::error::FsError;
use super::files::create_file;
use super::node::{kind_of, mode_of};
use super::path::RelPath;
use super::root::{Root, canonical};

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub path: RelPath,
    pub kind: Kind,
    pub mode: u32,
    pub bytes: u64,
    pub modified_s: i64,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Link,
    Other,
}

/// Files beneath one folder.
#[derive(Debug)]
pub struct WorkspaceFs {
    root: Root,
}

impl WorkspaceFs {
    pub fn open(folder: &Path) -> Result<WorkspaceFs, FsError> {
        let root = canonical(folder)
            .and_then(|path| Root::open(&path))
            .map_err(|error| FsError::io("open the folder", folder.display(), error))?;
        Ok(WorkspaceFs { root })
    }

    /// A regular file of at most `cap_bytes`; a larger one is an error.
    pub fn read(&self, path: &RelPath, cap_bytes: u64) -> Result<Vec<u8>, FsError> {
        self.root.read(path, cap_bytes)
    }

    /// A regular file, open, for callers that stream.
    pub fn file(&self, path: &RelPath) -> Result<File, FsError> {
        self.root.file(path)
    }

    /// What stands there; `None` if nothing.
    pub fn stat(&self, path: &RelPath) -> Result<Option<Listed>, FsError> {
        Ok(self
            .root
            .stat(path)?
            .map(|stat| listed(path.clone(), &stat)))
    }

    /// What a folder holds, sorted by name.
    pub fn list(&self, folder: &RelPath) -> Result<Vec<Listed>, FsError> {
        let entries = self.root.list(folder)?;
        Ok(entries
            .into_iter()
            .map(|(path, stat)| listed(path, &stat))
            .collect())
    }

    /// Replaces or creates a file in one step, making folders on the way. A reader
    /// sees the old or the new bytes, also after a crash.
    pub fn write_atomic(&self, path: &RelPath, bytes: &[u8]) -> Result<(), FsError> {
        for folder in path
            .ancestors()
            .collect::<Vec<_>>()
            .iter()
            .rev()
            .filter(|folder| !folder.is_root())
        {
            make_folder(&self.root, folder)?;
        }
        replace_file(&self.root, path, |mut file| {
            file.write_all(bytes)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))?;
            file.sync_all()
        })
    }
}

fn listed(path: RelPath, stat: &Stat) -> Listed {
    let kind = match kind_of(stat) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    Listed {
        path,
        kind,
        mode: mode_of(stat),
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        modified_s: stat.st_mtime,
    }
}

fn make_folder(root: &Root, folder: &RelPath) -> Result<(), FsError> {
    match rustix::fs::mkdirat(
        root.parent(folder)?,
        folder.name(),
        Mode::from_raw_mode(0o755),
    ) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(FsError::io("create the folder", folder, error)),
    }
}

/// Writes a new file beside the old one and renames it over it; `write` must end
/// with a sync. A folder in the way is an error, a link is replaced, not followed.
pub(super) fn replace_file(
    root: &Root,
    path: &RelPath,
    write: impl FnOnce(File) -> io::Result<()>,
) -> Result<(), FsError> {
    let parent = root.parent(path)?;
    let temporary = [
        b".wardroom-".as_slice(),
        &path.name()[..path.name().len().min(200)],
        b".new",
    ]
    .concat();
    match rustix::fs::unlinkat(&parent, temporary.as_slice(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(FsError::io("clear the way for", path, error)),
    }
    let file = create_file(parent.as_fd(), &temporary, path)?;
    let written = write(file).and_then(|()| {
        rustix::fs::renameat(&parent, temporary.as_slice(), &parent, path.name())?;
        rustix::fs::fsync(&parent)?;
        Ok(())
    });
    if written.is_err() {
        let _ = rustix::fs::unlinkat(&parent, temporary.as_slice(), AtFlags::empty());
    }
    written.map_err(|error| FsError::io("write", path, error))
}
