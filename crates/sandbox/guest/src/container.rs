//! The guest in a container that somebody else made (runc, Podman, gVisor): there it builds
//! nothing and only locks.
//!
//! Where descriptors can be passed its first process is PID 1 as in a native sandbox. gVisor
//! passes none out, so there it only lives as long as its input, and as the wrapper of a command
//! it goes through the one-way door and becomes the command.

use crate::sys::{self, At, Done, Failure, Reaped};
use crate::wire::{Plan, Wire};
use crate::{init, lockdown, network, packet};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

pub const INIT: &str = "wardroom-init";
pub const HOLD: &str = "wardroom-hold";
pub const LOCK: &str = "wardroom-lock";
const PLAN: &str = "/run/guest/plan";
const CONTROL: &[u8] = b"/run/guest/control";
/// What shells answer for a command that cannot be executed.
const NOT_EXECUTED: i32 = 127;

/// The first process: reaches the platform, goes through the door, and serves it. The other end
/// of the socket is the container's life.
pub fn init() -> i32 {
    let control = match reach() {
        Ok(control) => control,
        Err(failure) => {
            tell(&failure);
            return 1;
        }
    };
    // The platform's word that it holds us by our number.
    if !lockdown::wait_for_gate(control.as_fd()) {
        return 1;
    }
    let control = control.as_fd();
    if let Err(failure) = enter(control).and_then(|signals| init::serve(control, signals)) {
        packet::report_failure(control, &failure);
    }
    1
}

fn reach() -> Done<OwnedFd> {
    sys::close_from(3, false).at(|| "close inherited descriptors".into())?;
    sys::connect_in_packets(CONTROL).at(|| "reach the platform".into())
}

fn enter(control: BorrowedFd<'_>) -> Done<OwnedFd> {
    let plan = plan()?;
    let sockets = network::open_egress(plan.egress)?;
    let signals = sys::child_signals().at(|| "watch children".into())?;
    let landlock_abi = lockdown::lock(&plan)?;
    packet::ready(control, landlock_abi, &sockets);
    Ok(signals)
}

/// The first process where nothing can be passed: says that it is ready, buries the dead, and ends
/// with its input.
pub fn hold() -> i32 {
    match begin().and_then(|signals| wait_for_the_end(&signals)) {
        Ok(()) => 0,
        Err(failure) => {
            tell(&failure);
            1
        }
    }
}

fn begin() -> Done<OwnedFd> {
    let signals = sys::child_signals().at(|| "watch children".into())?;
    lockdown::lock(&plan()?)?;
    say("ready\n");
    Ok(signals)
}

fn wait_for_the_end(signals: &OwnedFd) -> Done {
    let input = io::stdin();
    loop {
        let (asked, ended) = sys::wait_readable(input.as_fd(), signals.as_fd(), -1)
            .at(|| "wait for the end".into())?;
        if ended {
            sys::drain(signals.as_fd());
            while let Reaped::One(_) = sys::reap() {}
        }
        if asked {
            let mut buffer = [0_u8; 64];
            // SAFETY: the buffer is ours and its length is right.
            let count =
                unsafe { libc::read(input.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
            if count <= 0 {
                return Ok(());
            }
        }
    }
}

/// Becomes the command that the arguments name, on the far side of the door.
pub fn lock() -> i32 {
    let failure = match become_command() {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    tell(&failure);
    NOT_EXECUTED
}

enum Never {}

fn become_command() -> Done<Never> {
    let words: Vec<CString> = std::env::args_os()
        .skip(1)
        .filter_map(|word| CString::new(word.into_vec()).ok())
        .collect();
    let named = words
        .first()
        .map(|word| word.to_string_lossy().into_owned());
    let named = named.unwrap_or_default();
    let mut argv: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
    argv.push(std::ptr::null());
    lockdown::lock(&plan()?)?;
    // A kernel without this call has nothing else open either: the engine passed three streams.
    let _ = sys::close_from(3, true);
    sys::reset_signals();
    // SAFETY: the array ends with null, and its strings live across the call.
    unsafe { libc::execvp(argv[0], argv.as_ptr()) };
    Err(io::Error::last_os_error()).at(|| format!("start `{named}`"))
}

fn plan() -> Done<Plan> {
    let bytes = std::fs::read(PLAN).at(|| "read the plan".into())?;
    Plan::from_wire(&bytes).map_err(|_| Failure {
        stage: "understand the plan".into(),
        errno: libc::EBADMSG,
    })
}

fn tell(failure: &Failure) {
    let cause = io::Error::from_raw_os_error(failure.errno);
    eprintln!("the sandbox could not {}: {cause}", failure.stage);
}

fn say(word: &str) {
    use std::io::Write;
    let mut out = io::stdout();
    let _ = out.write_all(word.as_bytes()).and_then(|()| out.flush());
}
