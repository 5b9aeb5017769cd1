//! The guest: the only program of Wardroom that stands at the sandbox's border.
//!
//! It begins as the *helper*, outside: started with an empty environment and six
//! descriptors, it makes the namespaces and then only waits. Its child is *PID 1* of the
//! sandbox: it builds the root, locks itself down once, and runs commands on request.
//! Whatever it does stands in the plan that it was given; it decides nothing.
//!
//! INVARIANT: single-threaded from start to end, so that cloning without exec is sound.

mod command;
mod container;
mod helper;
mod init;
mod lockdown;
mod network;
mod packet;
mod probe;
mod protect;
mod root;
mod sys;
mod trees;
#[path = "../../src/native/wire.rs"]
mod wire;

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

fn main() {
    let mut arguments = std::env::args();
    let role = arguments.next().unwrap_or_default();
    let role = role.rsplit('/').next().unwrap_or_default();
    if role == container::INIT {
        std::process::exit(container::init());
    }
    if role == container::HOLD {
        std::process::exit(container::hold());
    }
    if role == container::LOCK {
        std::process::exit(container::lock());
    }
    if role == probe::NAME {
        let attempt = arguments.next().unwrap_or_default();
        let amount = arguments
            .next()
            .and_then(|amount| amount.parse().ok())
            .unwrap_or(0);
        std::process::exit(probe::run(&attempt, amount));
    }
    guard();
}

fn guard() {
    // SAFETY: the platform starts this program with exactly these descriptors open, and
    // nothing else in it has touched them yet.
    let (control, plan, lifeline) = unsafe {
        (
            OwnedFd::from_raw_fd(wire::CONTROL_FD),
            OwnedFd::from_raw_fd(wire::PLAN_FD),
            OwnedFd::from_raw_fd(wire::LIFELINE_FD),
        )
    };
    // What was inherited goes first, or it would take the copy along that tells what failed.
    let inherited = helper::close_inherited();
    let reporter = control.as_fd().try_clone_to_owned();
    let Ok(reporter) = reporter else {
        std::process::exit(1)
    };
    if let Err(failure) = inherited.and_then(|()| helper::run(control, &plan, &lifeline)) {
        packet::report_failure(reporter.as_fd(), &failure);
        std::process::exit(1);
    }
}
