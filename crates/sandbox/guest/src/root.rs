//! The sandbox's root: a tmpfs with what the plan names, and nothing else of the host.

use crate::protect;
use crate::sys::{self, At, Done, shown};
use crate::trees::{self, Parts};
use crate::wire::{Plan, Scratch, Tree};
use std::ffi::{CStr, CString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Where the new root stands while it is built; any folder that exists will do, because
/// everything wanted from the host has been opened before.
const STAGES: [&CStr; 6] = [c"/mnt", c"/tmp", c"/run", c"/var", c"/home", c"/usr"];
const QUIET: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;
const NOTHING: &CStr = c"dev/.nothing";

/// Builds the root and enters it. Paths are relative to the stage until the pivot.
pub fn build(plan: &Plan, parts: Parts) -> Done {
    sys::propagate(libc::MS_PRIVATE).at(|| "make mounts private".into())?;
    let parts = if plan.privileged {
        parts
    } else {
        trees::prepare_inside(plan)?
    };
    let devices = open_devices(plan)?;
    enter_stage()?;
    for folder in &plan.folders {
        make_folders(folder)?;
    }
    for (tree, part) in plan.trees.iter().zip(&parts.trees) {
        if let Some(part) = part {
            attach(tree, part.as_fd())?;
        }
    }
    if let Some(layers) = &parts.layers {
        attach_at(b"workspace", layers.as_fd())?;
    }
    write_files(plan)?;
    build_devices(plan, devices)?;
    plan.scratch.iter().try_for_each(mount_scratch)?;
    protect::cover(&plan.protected)?;
    if plan.workspace_read_only {
        sys::set_mount(sys::HERE, c"workspace", sys::MOUNT_ATTR_RDONLY, None, true)
            .at(|| "make the workspace read-only".into())?;
    }
    build_proc(plan)?;
    drop(parts);
    sys::pivot_here().at(|| "enter the new root".into())?;
    for place in [c"/", c"/dev"] {
        sys::set_mount(sys::HERE, place, sys::MOUNT_ATTR_RDONLY, None, false)
            .at(|| "make the root read-only".into())?;
    }
    Ok(())
}

fn enter_stage() -> Done {
    let stage = STAGES
        .into_iter()
        .find(|stage| sys::mount(c"tmpfs", stage, QUIET, c"mode=755,size=4m,nr_inodes=2k").is_ok())
        .ok_or(std::io::Error::last_os_error())
        .at(|| "mount the root".into())?;
    sys::change_folder(stage).at(|| "enter the root".into())
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

fn make_folders(path: &[u8]) -> Done {
    fs::create_dir_all(path_of(path)).at(|| format!("make /{}", shown(path)))
}

fn attach(tree: &Tree, part: BorrowedFd<'_>) -> Done {
    let mode = sys::mode_of(part).at(|| format!("look at {}", shown(&tree.source)))?;
    if sys::is_folder(mode) {
        make_folders(&tree.target)?;
    } else {
        make_file(&tree.target, b"")?;
    }
    attach_at(&tree.target, part)
}

fn attach_at(target: &[u8], part: BorrowedFd<'_>) -> Done {
    sys::text(target)
        .and_then(|path| sys::attach(part, sys::HERE, &path))
        .at(|| format!("attach /{}", shown(target)))
}

fn make_file(path: &[u8], contents: &[u8]) -> Done {
    if let Some(parent) = path_of(path).parent() {
        make_folders(parent.as_os_str().as_bytes())?;
    }
    fs::write(path_of(path), contents).at(|| format!("write /{}", shown(path)))
}

fn write_files(plan: &Plan) -> Done {
    for (path, contents) in &plan.files {
        make_file(path, contents)?;
    }
    for (target, link) in &plan.links {
        std::os::unix::fs::symlink(path_of(target), path_of(link))
            .at(|| format!("link /{}", shown(link)))?;
    }
    Ok(())
}

fn open_devices(plan: &Plan) -> Done<Vec<std::os::fd::OwnedFd>> {
    let open = |name: &Vec<u8>| {
        let path = [b"/dev/", name.as_slice()].concat();
        sys::text(&path)
            .and_then(|path| sys::clone_tree(sys::HERE, &path))
            .at(|| format!("open {}", shown(&path)))
    };
    plan.devices.iter().map(open).collect()
}

/// A minimal `/dev`: the harmless devices of the host, and a terminal multiplexer of its own.
fn build_devices(plan: &Plan, devices: Vec<std::os::fd::OwnedFd>) -> Done {
    make_folders(b"dev")?;
    let options = c"mode=755,size=64k,nr_inodes=64";
    sys::mount(c"tmpfs", c"dev", libc::MS_NOSUID | libc::MS_NOEXEC, options)
        .at(|| "mount /dev".into())?;
    for (name, device) in plan.devices.iter().zip(devices) {
        let target = [b"dev/", name.as_slice()].concat();
        make_file(&target, b"")?;
        attach_at(&target, device.as_fd())?;
    }
    make_folders(b"dev/pts")?;
    sys::mount(
        c"devpts",
        c"dev/pts",
        libc::MS_NOSUID | libc::MS_NOEXEC,
        c"newinstance,ptmxmode=0666,mode=620",
    )
    .at(|| "mount /dev/pts".into())?;
    for (target, link) in [
        ("pts/ptmx", "dev/ptmx"),
        ("/proc/self/fd", "dev/fd"),
        ("/proc/self/fd/0", "dev/stdin"),
        ("/proc/self/fd/1", "dev/stdout"),
        ("/proc/self/fd/2", "dev/stderr"),
    ] {
        std::os::unix::fs::symlink(target, link).at(|| format!("link /{link}"))?;
    }
    Ok(())
}

fn mount_scratch(scratch: &Scratch) -> Done {
    make_folders(&scratch.target)?;
    let options = format!(
        "size={},nr_inodes={},mode={:o}",
        scratch.bytes, scratch.inodes, scratch.mode
    );
    let name = || format!("mount /{}", shown(&scratch.target));
    let target = sys::text(&scratch.target).at(name)?;
    let options = CString::new(options).unwrap_or_default();
    sys::mount(c"tmpfs", &target, QUIET, &options).at(name)
}

/// A `/proc` of its own, with what tells about the host covered and its switches read-only.
fn build_proc(plan: &Plan) -> Done {
    make_folders(b"proc")?;
    sys::mount(c"proc", c"proc", QUIET | libc::MS_NOEXEC, c"").at(|| {
        "mount /proc (inside a container it must not be masked: run with `unmask=ALL`)".into()
    })?;
    sys::make_folder(sys::HERE, NOTHING).at(|| "make an empty folder".into())?;
    for name in &plan.proc_masked {
        mask(name)?;
    }
    for name in &plan.proc_read_only {
        let path = sys::text(&[b"proc/", name.as_slice()].concat()).at(|| "name".into())?;
        let Ok(clone) = sys::clone_tree(sys::HERE, &path) else {
            continue;
        };
        sys::set_mount(
            clone.as_raw_fd(),
            sys::EMPTY,
            sys::MOUNT_ATTR_RDONLY,
            None,
            true,
        )
        .and_then(|()| sys::attach(clone.as_fd(), sys::HERE, &path))
        .at(|| format!("make /proc/{} read-only", shown(name)))?;
    }
    Ok(())
}

/// Covers a file with the null device, or a folder with an empty one that is read-only.
fn mask(name: &[u8]) -> Done {
    let path = sys::text(&[b"proc/", name].concat()).at(|| "name".into())?;
    let Ok(there) = sys::open(sys::HERE, &path, libc::O_PATH) else {
        return Ok(());
    };
    let is_folder = sys::mode_of(there.as_fd()).is_ok_and(sys::is_folder);
    sys::clone_tree(sys::HERE, if is_folder { NOTHING } else { c"dev/null" })
        .and_then(|clone| {
            if is_folder {
                let read_only = sys::MOUNT_ATTR_RDONLY;
                sys::set_mount(clone.as_raw_fd(), sys::EMPTY, read_only, None, true)?;
            }
            sys::attach(clone.as_fd(), sys::HERE, &path)
        })
        .at(|| format!("cover /proc/{}", shown(name)))
}
