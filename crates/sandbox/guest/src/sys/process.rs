//! Processes: cloned, run, killed and buried.

use super::{checked, owned};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

#[derive(Default)]
#[repr(C)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Which of the two processes one is after a clone.
pub enum Side {
    Child,
    Parent { pid: i32, pidfd: OwnedFd },
}

/// Clones this process into new namespaces, born inside `cgroup` when one is given.
///
/// Sound because the guest has one thread: the child owns a full copy of everything.
pub fn clone_into(namespaces: libc::c_int, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut pidfd: RawFd = -1;
    let slot: *mut RawFd = &mut pidfd;
    let mut arguments = CloneArguments {
        flags: (namespaces | libc::CLONE_PIDFD) as u64,
        pidfd: slot as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..Default::default()
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    let pointer: *const CloneArguments = &arguments;
    match checked(call!(
        libc::SYS_clone3,
        pointer,
        size_of::<CloneArguments>()
    ))? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent {
            pid: pid as i32,
            pidfd: owned(pidfd.into())?,
        }),
    }
}

/// Runs `act` in a child that borrows our memory, and returns once the child has executed a
/// program or ended. We stand still meanwhile, so `act` may leave word in our variables.
///
/// Cheaper than a fork, which copies page tables: this is the price of every command.
pub fn run_until_exec(act: &mut dyn FnMut()) -> io::Result<i32> {
    const STACK_BYTES: usize = 64 * 1024;
    extern "C" fn child(act: *mut libc::c_void) -> libc::c_int {
        // SAFETY: this is the pointer made below, and its target outlives the child's use of
        // our memory, because we stand still until then.
        let act = unsafe { &mut *act.cast::<&mut dyn FnMut()>() };
        act();
        127
    }
    let mut stack = vec![0_u128; STACK_BYTES / size_of::<u128>()];
    let top = stack.as_mut_ptr_range().end;
    let mut act = act;
    let argument: *mut &mut dyn FnMut() = &mut act;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone, aligned, and lives until the child has left it.
    checked(unsafe { libc::clone(child, top.cast(), flags, argument.cast()) }.into())
        .map(|pid| pid as i32)
}

/// A child that only waits to be killed.
pub fn fork_waiting() -> io::Result<i32> {
    // SAFETY: one thread, so no lock can be held by a thread that does not exist in the child.
    match checked(unsafe { libc::fork() }.into())? {
        0 => loop {
            // SAFETY: no memory is involved.
            unsafe { libc::pause() };
        },
        pid => Ok(pid as i32),
    }
}

pub fn kill_by_pidfd(pidfd: BorrowedFd<'_>) {
    let none = std::ptr::null::<libc::siginfo_t>();
    let _ = call!(
        libc::SYS_pidfd_send_signal,
        pidfd.as_raw_fd(),
        libc::SIGKILL,
        none,
        0
    );
}

pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    checked(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// Waits until the given child is gone.
pub fn wait_for(pid: i32) {
    let mut status = 0;
    // SAFETY: `status` is ours.
    while unsafe { libc::waitpid(pid, &mut status, 0) } < 0
        && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
    {}
}

/// A child that has ended.
pub struct Ended {
    pub pid: i32,
    pub wait_status: i32,
    pub rss_max_kib: u64,
    pub cpu_us: u64,
}

/// What `reap` found.
pub enum Reaped {
    One(Ended),
    NoneEnded,
    NoChildren,
}

/// Takes one ended child, if there is one. Never waits.
pub fn reap() -> Reaped {
    let mut wait_status = 0;
    // SAFETY: all-zero is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both out-parameters are ours.
    let pid = unsafe { libc::wait4(-1, &mut wait_status, libc::WNOHANG, &mut usage) };
    match pid {
        0 => Reaped::NoneEnded,
        pid if pid < 0 => Reaped::NoChildren,
        pid => Reaped::One(Ended {
            pid,
            wait_status,
            rss_max_kib: usage.ru_maxrss as u64,
            cpu_us: microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
        }),
    }
}

fn microseconds(time: libc::timeval) -> u64 {
    time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64
}

/// Lets the others run for a moment.
pub fn pause(milliseconds: i32) {
    // SAFETY: no descriptor is waited for, so no memory is involved.
    unsafe { libc::poll(std::ptr::null_mut(), 0, milliseconds) };
}
