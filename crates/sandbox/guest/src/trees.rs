//! The host's files and folders that will appear inside, as detached mounts.
//!
//! Root takes them in the helper, where folders closed to others can still be passed; an
//! ordinary user takes them in PID 1, where its user namespace owns the mounts.

use crate::helper::map_ids;
use crate::sys::{self, At, Done, Side, shown};
use crate::wire::{Layers, OVERLAY_ID_ON_DISK, Plan, Tree, VolumeAt};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The detached mounts, in the order of the plan. A skipped tree is `None`.
#[derive(Default)]
pub struct Parts {
    pub trees: Vec<Option<OwnedFd>>,
    pub layers: Option<OwnedFd>,
}

pub fn prepare_as_root(plan: &Plan) -> Done<Parts> {
    // SAFETY: an empty list of groups needs no memory.
    if unsafe { libc::setgroups(0, std::ptr::null()) } < 0 {
        return Err(io::Error::last_os_error()).at(|| "drop the groups".into());
    }
    if plan.layers.is_some() || plan.volume.is_some() {
        take_private_mounts()?;
    }
    if let Some(volume) = &plan.volume {
        mount_volume(volume)?;
    }
    Ok(Parts {
        trees: clone_all(plan)?,
        layers: plan
            .layers
            .as_ref()
            .map(|layers| layers_as_root(plan, layers))
            .transpose()?,
    })
}

pub fn prepare_inside(plan: &Plan) -> Done<Parts> {
    Ok(Parts {
        trees: clone_all(plan)?,
        layers: plan.layers.as_ref().map(layers_inside).transpose()?,
    })
}

fn clone_all(plan: &Plan) -> Done<Vec<Option<OwnedFd>>> {
    plan.trees
        .iter()
        .map(|tree| clone_one(plan, tree))
        .collect()
}

fn clone_one(plan: &Plan, tree: &Tree) -> Done<Option<OwnedFd>> {
    let name = || format!("open {}", shown(&tree.source));
    let source = sys::text(&tree.source).at(name)?;
    let clone = match sys::clone_tree(sys::HERE, &source) {
        Err(error) if tree.optional && error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.at(name)?,
    };
    let read_only = if tree.read_only {
        sys::MOUNT_ATTR_RDONLY
    } else {
        0
    };
    let attributes = read_only | sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV;
    sys::set_mount(clone.as_raw_fd(), sys::EMPTY, attributes, None, true)
        .at(|| format!("protect {}", shown(&tree.source)))?;
    if let Some(owner) = tree.owner {
        show_as_own(plan, clone.as_fd(), owner, &tree.source)?;
    }
    Ok(Some(clone))
}

/// Shows the files of one owner as the sandbox's own, and back again on disk.
fn show_as_own(plan: &Plan, tree: BorrowedFd<'_>, owner: (u32, u32), source: &[u8]) -> Done {
    let map = id_map(owner, (plan.host_uid, plan.host_gid))?;
    sys::set_mount(tree.as_raw_fd(), sys::EMPTY, 0, Some(map.as_fd()), true)
        .at(|| format!("map the owner of {}", shown(source)))
}

/// A user namespace that exists only to carry a map.
fn id_map(on_disk: (u32, u32), shown_as: (u32, u32)) -> Done<OwnedFd> {
    let side = sys::clone_into(libc::CLONE_NEWUSER, None).at(|| "make an id map".into())?;
    let Side::Parent { pid, pidfd } = side else {
        wait_to_be_killed()
    };
    // The overlay makes its own files in the work folder as root, who needs a number on the
    // disk too: always the same, so that the next sandbox can clear them away.
    let uids = [(on_disk.0, shown_as.0), (OVERLAY_ID_ON_DISK, 0)];
    let gids = [(on_disk.1, shown_as.1), (OVERLAY_ID_ON_DISK, 0)];
    let namespace = map_ids(pid, &uids, &gids).and_then(|()| {
        sys::text(format!("/proc/{pid}/ns/user").as_bytes())
            .and_then(|path| sys::open(sys::HERE, &path, libc::O_RDONLY))
            .at(|| "open an id map".into())
    });
    sys::kill_by_pidfd(pidfd.as_fd());
    sys::wait_for(pid);
    namespace
}

fn wait_to_be_killed() -> ! {
    // The helper kills this process within a millisecond; should the helper be gone, the
    // parent-death signal of a single-threaded parent is reliable.
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
    loop {
        // SAFETY: no memory is involved.
        unsafe { libc::pause() };
    }
}

/// What the helper mounts from here on is seen by nobody else, and ends with it.
fn take_private_mounts() -> Done {
    // SAFETY: no memory is involved.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } < 0 {
        return Err(io::Error::last_os_error()).at(|| "take a private mount namespace".into());
    }
    sys::propagate(libc::MS_SLAVE).at(|| "make mounts private".into())
}

/// The platform has mounted the same device, so that this is the same file system.
fn mount_volume(volume: &VolumeAt) -> Done {
    let name = || "mount the volume of the workspace".to_owned();
    let (device, place) = (sys::text(&volume.device), sys::text(&volume.place));
    let (device, place) = (device.at(name)?, place.at(name)?);
    let context = sys::open_filesystem(c"ext4").at(name)?;
    sys::set_option(context.as_fd(), c"source", Some(&device)).at(name)?;
    let attributes = sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV;
    let mount = sys::finish_filesystem(context.as_fd(), attributes).at(name)?;
    sys::attach(mount.as_fd(), sys::HERE, &place).at(name)
}

/// Root: both layers are id-mapped, so that inside everything belongs to the sandbox's
/// user and on disk to the folder's owner. The mounts live in a private namespace of the
/// helper, because an overlay takes only layers that are attached somewhere.
fn layers_as_root(plan: &Plan, layers: &Layers) -> Done<OwnedFd> {
    let (folder, upper, work) = upper_and_work(layers)?;
    for (source, owner) in [
        (&layers.lower, layers.lower_owner),
        (&folder, layers.upper_owner),
    ] {
        let name = || format!("open {}", shown(source));
        let path = sys::text(source).at(name)?;
        let clone = sys::clone_tree(sys::HERE, &path).at(name)?;
        if let Some(owner) = owner {
            show_as_own(plan, clone.as_fd(), owner, source)?;
        }
        sys::attach(clone.as_fd(), sys::HERE, &path).at(|| format!("attach {}", shown(source)))?;
    }
    let inside = open_folder(&folder)?;
    let beneath = |name: &[u8]| {
        sys::text(name)
            .and_then(|name| sys::open_beneath(inside.as_raw_fd(), &name, FOLDER))
            .at(|| format!("open {}", shown(name)))
    };
    mount_layers(
        open_folder(&layers.lower)?,
        beneath(&upper)?,
        beneath(&work)?,
        &[],
    )
}

/// Ordinary user: the overlay lives in the user namespace and keeps its marks in `user.*`.
fn layers_inside(layers: &Layers) -> Done<OwnedFd> {
    let (lower, upper) = (open_folder(&layers.lower)?, open_folder(&layers.upper)?);
    mount_layers(lower, upper, open_folder(&layers.work)?, &[c"userxattr"])
}

const FOLDER: libc::c_int = libc::O_PATH | libc::O_DIRECTORY;

fn open_folder(path: &[u8]) -> Done<OwnedFd> {
    sys::text(path)
        .and_then(|path| sys::open(sys::HERE, &path, FOLDER))
        .at(|| format!("open {}", shown(path)))
}

/// The folder that holds both, and their names in it: one mount must hold them.
fn upper_and_work(layers: &Layers) -> Done<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let split = |path: &[u8]| {
        let slash = path.iter().rposition(|byte| *byte == b'/')?;
        Some((path[..slash].to_vec(), path[slash + 1..].to_vec()))
    };
    match (split(&layers.upper), split(&layers.work)) {
        (Some((folder, upper)), Some((other, work))) if folder == other => {
            Ok((folder, upper, work))
        }
        _ => Err(io::Error::from_raw_os_error(libc::EXDEV))
            .at(|| "find the upper and the work folder side by side".into()),
    }
}

/// Layers go in by descriptor: no path needs escaping, and `mountinfo` shows none.
fn mount_layers(
    lower: OwnedFd,
    upper: OwnedFd,
    work: OwnedFd,
    flags: &[&std::ffi::CStr],
) -> Done<OwnedFd> {
    let path = |fd: &OwnedFd| CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let name = || "mount the copy-on-write workspace".to_owned();
    let context = sys::open_filesystem(c"overlay").at(|| "open overlayfs".into())?;
    for flag in flags {
        sys::set_option(context.as_fd(), flag, None).at(name)?;
    }
    for (key, fd) in [
        (c"lowerdir", &lower),
        (c"upperdir", &upper),
        (c"workdir", &work),
    ] {
        let path = path(fd)
            .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
            .at(name)?;
        sys::set_option(context.as_fd(), key, Some(&path))
            .at(|| format!("{} ({})", name(), key.to_string_lossy()))?;
    }
    for (key, value) in PLAIN_LANGUAGE {
        sys::set_option(context.as_fd(), key, Some(value))
            .at(|| format!("{} ({})", name(), key.to_string_lossy()))?;
    }
    let attributes = sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV;
    let layers = sys::finish_filesystem(context.as_fd(), attributes).at(name)?;
    // An overlay that cannot use its work folder comes up read-only without a word.
    match sys::is_read_only(layers.as_fd()).at(name)? {
        false => Ok(layers),
        true => Err(io::Error::from_raw_os_error(libc::EROFS)).at(name),
    }
}

/// Options of every overlay, so that its upper folder speaks only what the view reads.
const PLAIN_LANGUAGE: &[(&std::ffi::CStr, &std::ffi::CStr)] = &[
    (c"redirect_dir", c"nofollow"),
    (c"metacopy", c"off"),
    (c"index", c"off"),
];
