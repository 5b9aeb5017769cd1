//! Whose the files of a container are: as root an unused user of the host, as in the native
//! backend; as an ordinary user himself.

use crate::native::{Identity, Standing};
use crate::provider::SandboxError;
use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Uid};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// As deep as a view may be: what is deeper stays whose it is, and cannot be written.
const DEPTH_MAX: usize = 192;

pub fn take() -> Result<(Standing, Identity), SandboxError> {
    let standing = Standing::of_this_process()?;
    Ok((standing, Identity::take(standing)?))
}

/// Who a command is inside. Root's runtimes take the host's own number; without root, a runtime
/// maps the user to its root, who has no capability and no way to one.
pub fn inside(standing: Standing, of: &Identity) -> (u32, u32) {
    match standing {
        Standing::Root => (of.uid, of.gid),
        Standing::User { .. } => (0, 0),
    }
}

/// Gives a copied workspace to the container's user. Links are given, never followed.
pub fn give(folder: &Path, to: &Identity) -> rustix::io::Result<()> {
    let top = rustix::fs::open(folder, FOLDER, Mode::empty())?;
    let (uid, gid) = (Uid::from_raw(to.uid), Gid::from_raw(to.gid));
    rustix::fs::fchown(&top, Some(uid), Some(gid))?;
    give_within(top, 0, uid, gid)
}

fn give_within(folder: OwnedFd, depth: usize, uid: Uid, gid: Gid) -> rustix::io::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::chownat(&folder, name, Some(uid), Some(gid), flags)?;
        if let Ok(inner) = rustix::fs::openat(folder.as_fd(), name, FOLDER, Mode::empty()) {
            give_within(inner, depth + 1, uid, gid)?;
        }
    }
    Ok(())
}
