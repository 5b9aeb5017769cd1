//! The overlay's own language in an upper folder: removals, folders that replace,
//! and what must not be there. Also the attempt whether the kernel takes an
//! overlay of exactly these folders.

use std::os::fd::{AsFd, AsRawFd};

use rustix::fs::{FileType, Mode, Stat, XattrFlags};
use rustix::mount::{FsOpenFlags, fsconfig_create, fsconfig_set_string, fsopen};
use serde::{Deserialize, Serialize};

use super::error::FsError;
use super::files::xattr_names;
use super::node::kind_of;
use super::path::RelPath;
use super::root::Root;

/// Which attributes the overlay writes. Only these are obeyed when the upper
/// folder is read: the other kind can be set by the task itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// `trusted.overlay.*`: mounted by root.
    Trusted,
    /// `user.overlay.*`: mounted with `userxattr` inside a user namespace.
    User,
}

impl Marks {
    fn attribute(self, name: &str) -> Vec<u8> {
        match self {
            Marks::Trusted => format!("trusted.overlay.{name}").into_bytes(),
            Marks::User => format!("user.overlay.{name}").into_bytes(),
        }
    }
}

/// What one thing in the upper folder says about the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// The path is gone.
    Removed,
    /// This file or link stands there now.
    Present,
    /// This folder lies over the one of the workspace.
    Merged,
    /// This folder replaces whatever the workspace has there.
    Replaced,
    /// A pipe, socket or device: no workspace gets one.
    Special,
    /// A layout that these mounts never produce; it cannot be trusted.
    Unreadable(&'static str),
}

/// Reads one thing of the upper folder.
pub fn says(upper: &Root, path: &RelPath, stat: &Stat, marks: Marks) -> Result<Says, FsError> {
    match kind_of(stat) {
        FileType::CharacterDevice if stat.st_rdev == 0 => Ok(Says::Removed),
        FileType::RegularFile if stat.st_size == 0 => empty_file_says(upper, path, marks),
        FileType::RegularFile | FileType::Symlink => Ok(Says::Present),
        FileType::Directory => folder_says(upper, path, marks),
        _ => Ok(Says::Special),
    }
}

fn empty_file_says(upper: &Root, path: &RelPath, marks: Marks) -> Result<Says, FsError> {
    let names = attributes(upper.file(path)?.as_fd(), path)?;
    let has = |name: &str| names.contains(&marks.attribute(name));
    Ok(match (has("whiteout"), has("metacopy")) {
        (true, _) => Says::Removed,
        (_, true) => Says::Unreadable("a file whose content lies elsewhere (metacopy)"),
        _ => Says::Present,
    })
}

fn folder_says(upper: &Root, path: &RelPath, marks: Marks) -> Result<Says, FsError> {
    let folder = upper.dir(path)?;
    let names = attributes(folder.as_fd(), path)?;
    if names.contains(&marks.attribute("redirect")) {
        return Ok(Says::Unreadable(
            "a folder that stands for another one (redirect_dir)",
        ));
    }
    let opaque = marks.attribute("opaque");
    if !names.contains(&opaque) {
        return Ok(Says::Merged);
    }
    let mut value = [0; 8];
    let length = rustix::fs::fgetxattr(&folder, opaque.as_slice(), &mut value[..])
        .map_err(|error| FsError::io("read the attributes of", path, error))?;
    // The value "x" only says that removals inside may be attributes.
    Ok(if &value[..length] == b"y" {
        Says::Replaced
    } else {
        Says::Merged
    })
}

fn attributes(fd: std::os::fd::BorrowedFd<'_>, path: &RelPath) -> Result<Vec<Vec<u8>>, FsError> {
    xattr_names(fd).map_err(|error| FsError::io("read the attributes of", path, error))
}

/// Tries what an overlay needs of the upper folder: its attributes, and devices
/// 0/0 for removals. The reason is a clause for a sentence.
pub fn upper_can_hold_marks(view: &Root, upper: &RelPath, marks: Marks) -> Result<(), String> {
    let fd = view.dir(upper).map_err(|error| error.to_string())?;
    let attribute = marks.attribute("wardroom");
    rustix::fs::fsetxattr(&fd, attribute.as_slice(), b"y", XattrFlags::empty()).map_err(
        |error| format!("the file system of the data folder keeps no overlay attributes ({error})"),
    )?;
    let _ = rustix::fs::fremovexattr(&fd, attribute.as_slice());
    rustix::fs::mknodat(&fd, "probe", FileType::CharacterDevice, Mode::empty(), 0)
        .map_err(|error| format!("the data folder cannot hold overlay removals ({error})"))?;
    rustix::fs::unlinkat(&fd, "probe", rustix::fs::AtFlags::empty())
        .map_err(|error| error.to_string())
}

/// As root: lets the kernel build the overlay without attaching it anywhere.
pub fn kernel_takes(
    workspace: &Root,
    view: &Root,
    upper: &RelPath,
    work: &RelPath,
) -> Result<(), String> {
    let attempt = || -> Result<(), FsError> {
        let lower = workspace.dir(&RelPath::root())?;
        let (upper, work) = (view.dir(upper)?, view.dir(work)?);
        let layers = [
            ("lowerdir", &lower),
            ("upperdir", &upper),
            ("workdir", &work),
        ];
        build(&layers.map(|(key, fd)| (key, format!("/proc/self/fd/{}", fd.as_raw_fd()))))
            .map_err(|error| FsError::io("lay an overlay over", workspace.path().display(), error))
    };
    attempt().map_err(|error| format!("the kernel refuses an overlay ({error})"))
}

fn build(layers: &[(&str, String)]) -> rustix::io::Result<()> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in layers {
        fsconfig_set_string(context.as_fd(), *key, value.as_str())?;
    }
    for (key, value) in MOUNT_OPTIONS {
        fsconfig_set_string(context.as_fd(), *key, *value)?;
    }
    fsconfig_create(context.as_fd())
}

/// Options that every mount of a view must carry, so that the upper folder speaks
/// only the plain language that [`says`] reads.
pub const MOUNT_OPTIONS: &[(&str, &str)] = &[
    ("redirect_dir", "nofollow"),
    ("metacopy", "off"),
    ("index", "off"),
];

/// The flag that goes with [`Marks::User`].
pub const USER_FLAG: &str = "userxattr";
