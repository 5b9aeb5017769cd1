//! Mounts: trees taken, changed and attached, filesystems made, the root swapped.

use super::{EMPTY, change_folder, checked, owned};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

const AT_RECURSIVE: libc::c_int = 0x8000;
const OPEN_TREE_CLONE: libc::c_int = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_int = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: libc::c_int = 0x40;
pub const MOUNT_ATTR_RDONLY: u64 = 0x1;
pub const MOUNT_ATTR_NOSUID: u64 = 0x2;
pub const MOUNT_ATTR_NODEV: u64 = 0x4;
pub const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;

/// A detached copy of the tree at `path`, with everything mounted below it.
pub fn clone_tree(at: RawFd, path: &CStr) -> io::Result<OwnedFd> {
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC | AT_RECURSIVE | libc::AT_EMPTY_PATH;
    owned(call!(libc::SYS_open_tree, at, path.as_ptr(), flags))
}

/// Attaches a detached tree over the folder or file at `path`.
pub fn attach(tree: BorrowedFd<'_>, at: RawFd, path: &CStr) -> io::Result<()> {
    let mut flags = MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= MOVE_MOUNT_T_EMPTY_PATH;
    }
    let tree = tree.as_raw_fd();
    checked(call!(
        libc::SYS_move_mount,
        tree,
        EMPTY.as_ptr(),
        at,
        path.as_ptr(),
        flags
    ))
    .map(drop)
}

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Sets attributes on a mount, and on all below it when asked to.
pub fn set_mount(
    at: RawFd,
    path: &CStr,
    set: u64,
    id_map: Option<BorrowedFd<'_>>,
    recursive: bool,
) -> io::Result<()> {
    let attributes = MountAttributes {
        set: set
            | if id_map.is_some() {
                MOUNT_ATTR_IDMAP
            } else {
                0
            },
        clear: 0,
        propagation: 0,
        user_namespace: id_map.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    let size = size_of::<MountAttributes>();
    let pointer: *const MountAttributes = &attributes;
    checked(call!(
        libc::SYS_mount_setattr,
        at,
        path.as_ptr(),
        flags,
        pointer,
        size
    ))
    .map(drop)
}

pub fn mount(kind: &CStr, target: &CStr, flags: libc::c_ulong, options: &CStr) -> io::Result<()> {
    // SAFETY: all four strings live across the call and are NUL-terminated.
    let result = unsafe {
        libc::mount(
            kind.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        )
    };
    checked(result.into()).map(drop)
}

/// Changes how mounts propagate, everywhere below the root.
pub fn propagate(how: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the kernel reads only the target string; the null pointers are ignored for
    // a propagation change.
    let result = unsafe {
        libc::mount(
            std::ptr::null(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | how,
            std::ptr::null(),
        )
    };
    checked(result.into()).map(drop)
}

pub fn open_filesystem(kind: &CStr) -> io::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: libc::c_uint = 1;
    owned(call!(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC))
}

pub fn set_option(context: BorrowedFd<'_>, key: &CStr, value: Option<&CStr>) -> io::Result<()> {
    const SET_FLAG: libc::c_uint = 0;
    const SET_STRING: libc::c_uint = 1;
    let (command, value) = value.map_or((SET_FLAG, std::ptr::null()), |v| (SET_STRING, v.as_ptr()));
    let context = context.as_raw_fd();
    checked(call!(
        libc::SYS_fsconfig,
        context,
        command,
        key.as_ptr(),
        value,
        0
    ))
    .map(drop)
}

/// Creates the configured filesystem and returns it as a detached mount.
pub fn finish_filesystem(context: BorrowedFd<'_>, attributes: u64) -> io::Result<OwnedFd> {
    const CREATE: libc::c_uint = 6;
    const FSMOUNT_CLOEXEC: libc::c_uint = 1;
    let (context, none) = (context.as_raw_fd(), std::ptr::null::<libc::c_char>());
    checked(call!(libc::SYS_fsconfig, context, CREATE, none, none, 0))?;
    owned(call!(
        libc::SYS_fsmount,
        context,
        FSMOUNT_CLOEXEC,
        attributes as libc::c_uint
    ))
}

/// Whether a filesystem takes no writes.
pub fn is_read_only(mount: BorrowedFd<'_>) -> io::Result<bool> {
    let mut about = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the kernel fills the whole structure where it answers 0, and only then is it read.
    let flags = unsafe {
        checked(libc::fstatvfs(mount.as_raw_fd(), about.as_mut_ptr()).into())?;
        about.assume_init().f_flag
    };
    Ok(flags & libc::ST_RDONLY != 0)
}

/// Swaps the root for the current folder and lets go of the old one.
pub fn pivot_here() -> io::Result<()> {
    checked(call!(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
    // SAFETY: the string is a constant.
    checked(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }.into())?;
    change_folder(c"/")
}
