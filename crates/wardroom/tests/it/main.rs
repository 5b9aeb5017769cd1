//! The binary as a script sees it: what it prints where, and how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it finds a fault"
)]

mod configuration;
mod offline;
mod policies;
mod server;
mod secrets;
mod usage;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How the binary ended.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Runs the binary with a data directory of its own and nothing of the user's environment.
fn wardroom(data: &Path, arguments: &[&str]) -> Run {
    wardroom_with(data, arguments, "", &[])
}

fn wardroom_with(data: &Path, arguments: &[&str], stdin: &str, env: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardroom"));
    command
        .args(arguments)
        .env_clear()
        .env("WARDROOM_DATA", data)
        .env("PATH", "/usr/bin:/bin");
    command.envs(env.iter().copied());
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A verb that reads nothing may be gone before all is written.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let ended = child.wait_with_output().unwrap();
    Run {
        code: ended.status.code().unwrap(),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

impl Run {
    /// The whole of stdout as one JSON document.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
