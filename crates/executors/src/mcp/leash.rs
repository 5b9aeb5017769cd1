//! The same binary between the server and a program that runs outside of a sandbox: whatever the
//! program starts ends with it, and all of it ends with us, even if we are killed.

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, wait,
};
use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The name under which the one binary is the leash.
pub const LEASH_NAME: &str = "wardroom-leash";
/// How often the rest of a family is looked for: each round kills a generation.
const ROUNDS_MAX: usize = 100;

/// Runs a program and everything that it starts, until it ends or our parent does. Answers the
/// code to exit with.
pub fn hold(arguments: impl Iterator<Item = OsString>) -> i32 {
    let mut arguments = arguments;
    let Some(program) = arguments.next() else {
        return 2;
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let held = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(run(command)));
    end_family();
    match held {
        Ok(Some(status)) => status.code().unwrap_or(1),
        Ok(None) => 1,
        Err(error) => {
            eprintln!("cannot run it: {error}");
            127
        }
    }
}

async fn run(command: Command) -> io::Result<Option<ExitStatus>> {
    let mut told = signal(SignalKind::terminate())?;
    let parent = getppid();
    set_child_subreaper(Some(getpid()))?;
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() != parent {
        return Ok(None);
    }
    let mut child = tokio::process::Command::from(command).spawn()?;
    // The program alone holds its streams: their ends are to be seen on the other side.
    let ended = tokio::select! {
        status = child.wait() => Some(status?),
        _ = told.recv() => None,
    };
    Ok(ended)
}

/// Kills our children, and theirs as they become ours, until there are none.
fn end_family() {
    for _ in 0..ROUNDS_MAX {
        let children = children();
        for child in &children {
            // One that has ended meanwhile is what we want.
            let _ = kill_process(*child, Signal::KILL);
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if children.is_empty() {
            return;
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing else runs in this process any more"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

fn children() -> Vec<Pid> {
    let own = getpid().as_raw_nonzero().get().to_string();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name stands in brackets and may hold anything, so what follows the last one counts.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1) == Some(&own)
    };
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(is_child)
        .filter_map(Pid::from_raw)
        .collect()
}
