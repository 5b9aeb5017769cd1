//! Programs that we start, in a clean environment, with their output kept for the reader.

use crate::failure::{Failure, Outcome};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often a quiet command says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long we listen on after a command has ended, for what it left in its pipes.
const DRAIN: Duration = Duration::from_secs(2);
/// How often we look whether a command has ended.
const LOOK: Duration = Duration::from_millis(100);

/// A cargo command in the checkout.
pub fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program(root, &cargo.to_string_lossy());
    command.args(arguments);
    command
}

/// A program in the checkout, free of what `cargo run` put into our own environment: build scripts
/// watch some of those variables, and would run again after every `cargo xtask`.
pub fn program(root: &Path, name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    command
}

/// Whether a program starts and ends well; its output is nobody's business.
pub fn succeeds(mut command: Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs a command for its standard output; what it says on standard error is shown.
pub fn answer(command: &mut Command) -> Outcome<String> {
    let words = words(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::to(format!("start `{words}`")))?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "`{words}` ended with {}",
            output.status
        )));
    }
    String::from_utf8(output.stdout).map_err(Failure::to(format!("read what `{words}` printed")))
}

/// What a command left behind.
pub struct Report {
    pub succeeded: bool,
    pub lines: Vec<String>,
}

/// Runs a command with all output into `log`, a heartbeat on the terminal while it lasts.
pub fn record(command: &mut Command, log: &mut File) -> Outcome<Report> {
    let words = words(command);
    writeln!(log, "$ {words}").map_err(Failure::to("write the log"))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::to(format!("start `{words}`")))?;
    let (sender, receiver) = channel();
    forward(child.stdout.take(), &sender);
    forward(child.stderr.take(), &sender);
    drop(sender);
    let lines = follow(&mut child, &receiver, log)?;
    let status = child
        .wait()
        .map_err(Failure::to(format!("wait for `{words}`")))?;
    Ok(Report {
        succeeded: status.success(),
        lines,
    })
}

/// The command as one would type it.
fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy()),
    );
    words.join(" ")
}

fn forward(pipe: Option<impl Read + Send + 'static>, sender: &Sender<String>) {
    let Some(pipe) = pipe else { return };
    let sender = sender.clone();
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}

/// Collects lines until both pipes are closed. A grandchild may hold a pipe open for ever, so an
/// ended command is listened to only a little longer.
fn follow(child: &mut Child, lines: &Receiver<String>, log: &mut File) -> Outcome<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    let started = Instant::now();
    let mut last_sign = started;
    let mut ended: Option<Instant> = None;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                writeln!(log, "{line}").map_err(Failure::to("write the log"))?;
                kept.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(kept),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_some_and(|at| at.elapsed() > DRAIN) {
            return Ok(kept);
        }
        if ended.is_none() && matches!(child.try_wait(), Ok(Some(_))) {
            ended = Some(Instant::now());
        }
        if last_sign.elapsed() > HEARTBEAT {
            last_sign = Instant::now();
            let seconds = started.elapsed().as_secs();
            eprintln!(
                "    {seconds} s: {}",
                kept.last().map_or("", String::as_str)
            );
        }
    }
}
