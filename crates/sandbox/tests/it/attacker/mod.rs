//! The program that runs inside and tries. It prints `> name=result`, where a result is the
//! name of an error, or what was obtained.

use std::ffi::CString;
use std::io;

use calls::*;
use resources::*;
use surroundings::*;

fn say(name: &str, result: impl std::fmt::Display) {
    println!("> {name}={result}");
}

fn error_name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM".into(),
        Some(libc::EACCES) => "EACCES".into(),
        Some(libc::ENOSYS) => "ENOSYS".into(),
        Some(libc::ENOENT) => "ENOENT".into(),
        Some(libc::EROFS) => "EROFS".into(),
        Some(libc::ESRCH) => "ESRCH".into(),
        Some(libc::ENETUNREACH) => "ENETUNREACH".into(),
        Some(libc::ECONNREFUSED) => "ECONNREFUSED".into(),
        Some(libc::EXDEV) => "EXDEV".into(),
        Some(libc::EINVAL) => "EINVAL".into(),
        Some(libc::ENOSPC) => "ENOSPC".into(),
        Some(libc::EFBIG) => "EFBIG".into(),
        Some(libc::EMFILE) => "EMFILE".into(),
        Some(libc::EAGAIN) => "EAGAIN".into(),
        Some(libc::ENOMEM) => "ENOMEM".into(),
        Some(libc::ENXIO) => "ENXIO".into(),
        Some(libc::EBUSY) => "EBUSY".into(),
        Some(other) => format!("errno {other}"),
        None => error.to_string(),
    }
}

fn say_result<T>(name: &str, result: io::Result<T>) {
    match result {
        Ok(_) => say(name, "ALLOWED"),
        Err(error) => say(name, error_name(&error)),
    }
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

macro_rules! try_call {
    ($name:expr, $number:expr $(, $argument:expr)*) => {
        // SAFETY: the attempts pass numbers, null, or pointers to objects that are alive.
        say_result($name, checked(unsafe { libc::syscall($number $(, $argument)*) }))
    };
}

mod calls;
mod resources;
mod surroundings;

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

#[test]
#[ignore = "started by the escape tests, inside their sandboxes"]
fn attacker() {
    match std::env::var("ATTEMPT").as_deref() {
        Ok("namespaces") => namespaces(),
        Ok("mounts") => mounts(),
        Ok("devices") => devices(),
        Ok("identity") => identity(),
        Ok("set-id") => set_id(),
        Ok("kernel") => kernel(),
        Ok("foreign-calls") => foreign_calls(),
        Ok("terminal") => terminal(),
        Ok("sockets") => sockets(),
        Ok("pid-1") => pid_1(),
        Ok("kill") => kill(),
        Ok("rlimits") => rlimits(),
        Ok("descriptors") => descriptors(),
        Ok("files") => files(),
        Ok("writes") => writes(),
        Ok("connect") => connect(),
        Ok("fork-bomb") => fork_bomb(),
        Ok("eat-memory") => eat_memory(600),
        Ok("eat-memory-in-children") => eat_in_children(),
        Ok("eat-memory-file") => eat_memory_file(),
        Ok("exhaust") => exhaust(),
        Ok("stubborn") => stubborn(),
        Ok("ipc") => ipc(),
        Ok("level-0") => level_0(),
        other => panic!("no such attempt: {other:?}"),
    }
}
