//! Paths of the workspace that stay as they are, even when they are not there yet.
//!
//! A read-only mount covers the path itself. Each folder above it becomes a mount point
//! too, because a folder that merely *contains* a mount point may be renamed away, and a
//! fresh, writable one put in its place. An absent path is made first, empty; the platform
//! removes it again when the sandbox ends.

use crate::sys::{self, At, Done, shown};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const LOOK: libc::c_int = libc::O_PATH | libc::O_NOFOLLOW;

/// Covers the protected paths beneath `workspace` (relative to the current folder).
pub fn cover(protected: &[Vec<u8>]) -> Done {
    let mut pinned = BTreeSet::new();
    for path in protected {
        cover_one(path, &mut pinned).at(|| {
            format!(
                "protect {} in the workspace (a symbolic link cannot be)",
                shown(path)
            )
        })?;
    }
    Ok(())
}

fn cover_one(path: &[u8], pinned: &mut BTreeSet<Vec<u8>>) -> io::Result<()> {
    let ends = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at);
    for end in ends {
        let above = &path[..end];
        if pinned.contains(above) {
            continue;
        }
        let folder = open_or_make(above)?;
        if !sys::is_folder(sys::mode_of(folder.as_fd())?) {
            // What should be a folder is a file (a git worktree's pointer): keep the file.
            return remount(&folder, sys::MOUNT_ATTR_RDONLY);
        }
        remount(&folder, 0)?;
        pinned.insert(above.to_vec());
    }
    remount(&open_or_make(path)?, sys::MOUNT_ATTR_RDONLY)
}

/// Puts a copy of the mount over the path itself.
fn remount(place: &OwnedFd, attributes: u64) -> io::Result<()> {
    let clone = sys::clone_tree(place.as_raw_fd(), sys::EMPTY)?;
    if attributes != 0 {
        sys::set_mount(clone.as_raw_fd(), sys::EMPTY, attributes, None, true)?;
    }
    sys::attach(clone.as_fd(), place.as_raw_fd(), sys::EMPTY)
}

/// Opens a path beneath the workspace, or makes it as an empty folder.
fn open_or_make(path: &[u8]) -> io::Result<OwnedFd> {
    let workspace = sys::open(sys::HERE, c"workspace", libc::O_PATH | libc::O_DIRECTORY)?;
    let name = sys::text(path)?;
    let opened = match sys::open_beneath(workspace.as_raw_fd(), &name, LOOK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (parent, last) = match path.iter().rposition(|byte| *byte == b'/') {
                Some(at) => (&path[..at], &path[at + 1..]),
                None => (&b"."[..], path),
            };
            let parent = sys::open_beneath(workspace.as_raw_fd(), &sys::text(parent)?, LOOK)?;
            sys::make_folder(parent.as_raw_fd(), &sys::text(last)?)?;
            sys::open_beneath(workspace.as_raw_fd(), &name, LOOK)?
        }
        other => other?,
    };
    if sys::mode_of(opened.as_fd())? & libc::S_IFMT == libc::S_IFLNK {
        return Err(io::Error::from_raw_os_error(libc::ELOOP));
    }
    Ok(opened)
}
