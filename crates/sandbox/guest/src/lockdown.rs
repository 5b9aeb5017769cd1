//! The one-way door. PID 1 goes through it once; every command inherits the far side.

use crate::sys::{self, At, Done};
use crate::wire::Plan;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Gives up every privilege for ever. Returns the Landlock version found (0: none).
pub fn lock(plan: &Plan) -> Done<u32> {
    for (resource, value) in &plan.rlimits {
        sys::set_limit(*resource, *value).at(|| format!("set limit {resource}"))?;
    }
    drop_capabilities()?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).at(|| "forbid new privileges".into())?;
    sys::prctl(libc::PR_SET_DUMPABLE, 0).at(|| "hide the memory of PID 1".into())?;
    let landlock_abi = restrict_files(plan)?;
    filter_syscalls(&plan.seccomp)?;
    Ok(landlock_abi)
}

/// Becomes the sandbox's user, keeping the powers of the user namespace for now.
pub fn take_identity(id: u32) -> Done {
    sys::prctl(libc::PR_SET_KEEPCAPS, 1).at(|| "keep capabilities".into())?;
    // SAFETY: no memory is involved.
    let changed = unsafe { libc::setresgid(id, id, id) == 0 && libc::setresuid(id, id, id) == 0 };
    if !changed {
        return Err(io::Error::last_os_error()).at(|| "become the sandbox's user".into());
    }
    set_capabilities(u64::MAX).at(|| "raise capabilities".into())?;
    sys::prctl(libc::PR_SET_KEEPCAPS, 0).at(|| "keep capabilities".into())
}

fn drop_capabilities() -> Done {
    const CAPABILITIES_MAX: libc::c_ulong = 64;
    for capability in 0..CAPABILITIES_MAX {
        if sys::prctl(libc::PR_CAPBSET_DROP, capability).is_err() {
            break; // beyond the last one that this kernel knows
        }
    }
    set_capabilities(0).at(|| "drop capabilities".into())
}

/// Sets the effective and permitted sets to those of `wanted` that are permitted.
fn set_capabilities(wanted: u64) -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0_u32];
    let mut sets = [0_u32; 6];
    // SAFETY: version 3 reads and writes two groups of three words.
    unsafe {
        libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr());
    }
    for (group, mask) in [(0, wanted as u32), (3, (wanted >> 32) as u32)] {
        let permitted = sets[group + 1] & mask;
        sets[group] = permitted;
        sets[group + 1] = permitted;
        sets[group + 2] = 0;
    }
    // SAFETY: as above.
    match unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn filter_syscalls(filter: &[u8]) -> Done {
    const SET_MODE_FILTER: libc::c_uint = 1;
    // Speculation stays as it is for everyone else; the filter guards the interface.
    const FLAG_SPEC_ALLOW: libc::c_uint = 4;
    // The program needs the alignment of `sock_filter`, which a byte vector does not have.
    let words: Vec<[u32; 2]> = filter
        .chunks_exact(8)
        .map(|step| {
            let word = |at: usize| {
                u32::from_ne_bytes([step[at], step[at + 1], step[at + 2], step[at + 3]])
            };
            [word(0), word(4)]
        })
        .collect();
    let program = libc::sock_fprog {
        len: words.len() as libc::c_ushort,
        filter: words.as_ptr().cast_mut().cast(),
    };
    let pointer: *const libc::sock_fprog = &program;
    let install = |flags: libc::c_uint| {
        // SAFETY: the program and its steps live across the call.
        unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, pointer) }
    };
    // A kernel in user space may not know the flag, and need none.
    if install(FLAG_SPEC_ALLOW) == 0 || install(0) == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).at(|| "install the syscall filter".into())
    }
}

#[repr(C)]
#[derive(Default)]
struct RulesetAttributes {
    files: u64,
    network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathRule {
    allowed: u64,
    parent: i32,
}

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_FOLDER: u64 = 1 << 3;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEVICE: u64 = 1 << 15;
const READING: u64 = EXECUTE | READ_FILE | READ_FOLDER | IOCTL_DEVICE;
/// Signals to processes and abstract sockets outside of the sandbox.
const SCOPES: u64 = 0b11;

/// Landlock, as much of it as the kernel has. Beside the file rules, being in any Landlock
/// domain forbids every change of the mount tree.
fn restrict_files(plan: &Plan) -> Done<u32> {
    let Some(abi) = landlock_abi() else {
        return match plan.executable {
            None => Ok(0),
            Some(_) => Err(io::Error::from_raw_os_error(libc::ENOSYS))
                .at(|| "forbid programs (this kernel has no Landlock)".into()),
        };
    };
    let files = file_rights(abi);
    // What may be read anywhere, and done where writing is allowed.
    let forbidden = if plan.executable.is_some() {
        EXECUTE
    } else {
        0
    };
    let attributes = RulesetAttributes {
        files,
        network: 0,
        scoped: if abi >= 6 { SCOPES } else { 0 },
    };
    let size = match abi {
        1..=3 => 8,
        4 | 5 => 16,
        _ => size_of::<RulesetAttributes>(),
    };
    let pointer: *const RulesetAttributes = &attributes;
    // SAFETY: the attributes live across the call; the size is at most theirs.
    let ruleset =
        match unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, pointer, size, 0) } {
            fd if fd < 0 => return Err(io::Error::last_os_error()).at(|| "make file rules".into()),
            // SAFETY: the descriptor is new and ours.
            fd => unsafe { OwnedFd::from_raw_fd(fd as i32) },
        };
    allow(&ruleset, b"/", files & READING & !forbidden)?;
    // Devices and `/proc` are guarded by their own permissions and read-only mounts.
    for place in [&b"/dev"[..], b"/proc"] {
        allow(
            &ruleset,
            place,
            files & (READING | WRITE_FILE | TRUNCATE) & !forbidden,
        )?;
    }
    for place in &plan.writable {
        allow(&ruleset, place, files & !forbidden)?;
    }
    for program in plan.executable.iter().flatten() {
        allow(&ruleset, program, EXECUTE | READ_FILE)?;
    }
    // SAFETY: no memory is involved.
    match unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) } {
        0 => Ok(abi),
        _ => Err(io::Error::last_os_error()).at(|| "apply file rules".into()),
    }
}

fn landlock_abi() -> Option<u32> {
    const ASK_VERSION: libc::c_uint = 1;
    let none = std::ptr::null::<RulesetAttributes>();
    // SAFETY: with this flag the kernel reads no memory.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            none,
            0_usize,
            ASK_VERSION,
        )
    };
    u32::try_from(abi).ok().filter(|abi| *abi > 0)
}

fn file_rights(abi: u32) -> u64 {
    let count = match abi {
        1 => 13,
        2 => 14,
        3 | 4 => 15,
        _ => 16,
    };
    (1 << count) - 1
}

fn allow(ruleset: &OwnedFd, place: &[u8], allowed: u64) -> Done {
    const BENEATH: libc::c_int = 1;
    let name = || format!("allow {}", sys::shown(place));
    let folder = sys::text(place)
        .and_then(|path| sys::open(sys::HERE, &path, libc::O_PATH))
        .at(name)?;
    let rule = PathRule {
        allowed,
        parent: folder.as_raw_fd(),
    };
    let (ruleset, pointer): (_, *const PathRule) = (ruleset.as_raw_fd(), &rule);
    // SAFETY: the rule lives across the call.
    match unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset, BENEATH, pointer, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()).at(name),
    }
}

/// Dies with the helper. Sound here, unlike in the platform: the helper has one thread.
pub fn die_with_parent() {
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
}

/// Waits for the helper's word that the user is mapped. False: the helper has gone.
pub fn wait_for_gate(gate: BorrowedFd<'_>) -> bool {
    let mut byte = [0_u8];
    // SAFETY: the buffer is ours and its length is right.
    unsafe { libc::read(gate.as_raw_fd(), byte.as_mut_ptr().cast(), 1) == 1 }
}
