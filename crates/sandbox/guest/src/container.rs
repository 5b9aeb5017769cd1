//! The guest in a container that somebody else made (runc, gVisor, Podman): there it builds
//! nothing and only locks. As the first process it lives as long as its input; as the wrapper of
//! a command it goes through the one-way door and becomes the command.

use crate::lockdown;
use crate::sys::{self, At, Done, Failure, Reaped};
use crate::wire::{Plan, Wire};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;

pub const INIT: &str = "wardroom-init";
pub const LOCK: &str = "wardroom-lock";
const PLAN: &str = "/run/guest/plan";
/// What shells answer for a command that cannot be executed.
const NOT_EXECUTED: i32 = 127;

/// The first process: says that it is ready, buries the dead, and ends with its input. Whoever
/// holds the other end of that holds the container's life.
pub fn init() -> i32 {
    match begin().and_then(|signals| serve(&signals)) {
        Ok(()) => 0,
        Err(failure) => {
            tell(&failure);
            1
        }
    }
}

fn begin() -> Done<std::os::fd::OwnedFd> {
    let signals = sys::child_signals().at(|| "watch children".into())?;
    lockdown::lock(&plan()?)?;
    say("ready\n");
    Ok(signals)
}

fn serve(signals: &std::os::fd::OwnedFd) -> Done {
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
