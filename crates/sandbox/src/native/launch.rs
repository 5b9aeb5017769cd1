//! Starts the guest: one `posix_spawn` of a sealed memory file, with an empty environment.
//!
//! INVARIANT: the platform process never forks. A fork would copy its secrets, and its
//! page tables: the larger the server, the slower every sandbox.

use super::host;
use super::session::Guest;
use super::wire::{CONTROL_FD, LIFELINE_FD, PLAN_FD, Plan, Wire};
use crate::provider::SandboxError;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

static GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wardroom-guest"));

/// The guest's program, for containers that somebody else makes.
pub fn guest_bytes() -> &'static [u8] {
    GUEST
}

/// Starts a guest; its helper is told of by the second.
pub fn launch(plan: &Plan) -> Result<(Guest, OwnedFd), SandboxError> {
    let attempt = host("start the sandbox's helper");
    spawn(plan).map_err(attempt)
}

fn spawn(plan: &Plan) -> io::Result<(Guest, OwnedFd)> {
    let plan = sealed("wardroom-plan", &plan.to_wire(), MemfdFlags::empty())?;
    let (control, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    rustix::io::ioctl_fionbio(&control, true)?;
    let (held, lifeline) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let pid = spawn_guest([
        (null.as_fd(), 0),
        (null.as_fd(), 1),
        (null.as_fd(), 2),
        (theirs.as_fd(), CONTROL_FD),
        (plan.as_fd(), PLAN_FD),
        (held.as_fd(), LIFELINE_FD),
    ])?;
    let helper = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let guest = Guest {
        control,
        lifeline: Some(lifeline),
        born: None,
    };
    Ok((guest, helper))
}

/// A memory file that nobody can change any more, read from its start.
pub fn sealed(name: &str, contents: &[u8], extra: MemfdFlags) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | extra;
    let mut file = File::from(rustix::fs::memfd_create(name, flags)?);
    file.write_all(contents)?;
    file.rewind()?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(file.into())
}

/// The guest's program, written once per process. It is the probe's program too.
pub fn guest_program() -> io::Result<BorrowedFd<'static>> {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return Ok(program.as_fd());
    }
    // Kernels before 6.3 do not know the flag, and need none.
    let program = sealed("wardroom-guest", GUEST, MemfdFlags::EXEC)
        .or_else(|_| sealed("wardroom-guest", GUEST, MemfdFlags::empty()))?;
    Ok(PROGRAM.get_or_init(|| program).as_fd())
}

fn spawn_guest(descriptors: [(BorrowedFd<'_>, RawFd); 6]) -> io::Result<Pid> {
    // Above every target number, so that no placement overwrites a source.
    const ABOVE: RawFd = 16;
    let program = rustix::io::fcntl_dupfd_cloexec(guest_program()?, ABOVE)?;
    let sources = descriptors
        .iter()
        .map(|(source, _)| rustix::io::fcntl_dupfd_cloexec(source, ABOVE))
        .collect::<Result<Vec<_>, _>>()?;
    let placements: Vec<(RawFd, RawFd)> = sources
        .iter()
        .zip(&descriptors)
        .map(|(source, (_, target))| (source.as_raw_fd(), *target))
        .collect();
    let path = format!("/proc/self/fd/{}\0", program.as_raw_fd());
    posix_spawn(path.as_bytes(), &placements)
}

fn posix_spawn(path: &[u8], placements: &[(RawFd, RawFd)]) -> io::Result<Pid> {
    let argv = [c"wardroom-guest".as_ptr().cast_mut(), std::ptr::null_mut()];
    let env = [std::ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: both objects are initialised before use and destroyed after it; `path` ends
    // with NUL, the two arrays end with null, and all of them live across the call.
    let error = unsafe {
        let mut actions = MaybeUninit::uninit();
        let mut attributes = MaybeUninit::uninit();
        libc::posix_spawn_file_actions_init(actions.as_mut_ptr());
        libc::posix_spawnattr_init(attributes.as_mut_ptr());
        for (source, target) in placements {
            libc::posix_spawn_file_actions_adddup2(actions.as_mut_ptr(), *source, *target);
        }
        set_clean_signals(attributes.as_mut_ptr());
        let error = libc::posix_spawn(
            &mut pid,
            path.as_ptr().cast(),
            actions.as_ptr(),
            attributes.as_ptr(),
            argv.as_ptr(),
            env.as_ptr(),
        );
        libc::posix_spawn_file_actions_destroy(actions.as_mut_ptr());
        libc::posix_spawnattr_destroy(attributes.as_mut_ptr());
        error
    };
    match (error, Pid::from_raw(pid)) {
        (0, Some(pid)) => Ok(pid),
        (error, _) => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Ordinary signals and a session of its own, so that a terminal's interrupt meant for the
/// platform does not end the sandbox.
///
/// # Safety
/// `attributes` must be initialised.
unsafe fn set_clean_signals(attributes: *mut libc::posix_spawnattr_t) {
    const SET_SESSION: libc::c_short = 0x80;
    // SAFETY: the signal sets are initialised by the calls that fill them.
    unsafe {
        let mut none = MaybeUninit::uninit();
        let mut all = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigfillset(all.as_mut_ptr());
        libc::posix_spawnattr_setsigmask(attributes, none.as_ptr());
        libc::posix_spawnattr_setsigdefault(attributes, all.as_ptr());
        let flags = (libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF) as libc::c_short;
        libc::posix_spawnattr_setflags(attributes, flags | SET_SESSION);
    }
}
