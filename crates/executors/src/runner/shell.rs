//! The `shell` tool: one command line, its output streamed, its whole process group ended in time.

use super::{Finding, Sink, text};
use crate::protocol::{Answer, Call};
use crate::web::secret_mark;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long output may still trickle in after the command itself has ended: a daemon that keeps
/// the pipe open must not hold the task.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(100);
/// How often a running command is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(5);

/// Runs a command line and waits for its end or its time.
pub(crate) fn run(call: &Call, sink: &Sink) -> Finding {
    let line = call
        .arguments
        .get("command")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut child = match spawn(&with_placeholders(line, call), call) {
        Ok(child) => child,
        Err(error) => return Finding::bad(format!("the shell did not start: {error}")),
    };
    let output = Output::follow(&mut child, call, sink);
    let ended = wait(&mut child, Duration::from_millis(call.timeout_ms));
    let text = output.finish(call.text_bytes_max);
    finding(ended, text, call.timeout_ms)
}

/// The line as it runs: what stands for a secret in place of its name.
fn with_placeholders(line: &str, call: &Call) -> String {
    let names = call.placeholders.iter();
    names.fold(line.to_owned(), |line, (name, placeholder)| {
        line.replace(&secret_mark(name), placeholder)
    })
}

fn spawn(line: &str, call: &Call) -> std::io::Result<Child> {
    let shell = if Path::new("/bin/bash").exists() {
        "/bin/bash"
    } else {
        "/bin/sh"
    };
    Command::new(shell)
        .arg("-c")
        .arg(line)
        .envs(call.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

enum Ended {
    Exited(ExitStatus),
    TimedOut,
    Lost(std::io::Error),
}

fn wait(child: &mut Child, time_max: Duration) -> Ended {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::Exited(status),
            Ok(None) if began.elapsed() < time_max => std::thread::park_timeout(WATCH_EVERY),
            Ok(None) => {
                kill_group(child);
                let _ = child.wait();
                return Ended::TimedOut;
            }
            Err(error) => return Ended::Lost(error),
        }
    }
}

fn kill_group(child: &Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

fn finding(ended: Ended, text: String, timeout_ms: u64) -> Finding {
    let with = |line: String| {
        if text.is_empty() {
            line
        } else {
            format!("{text}\n{line}")
        }
    };
    match ended {
        Ended::Exited(status) => match (status.code(), status.signal()) {
            (Some(0), _) => {
                let text = if text.is_empty() {
                    "(no output)".to_owned()
                } else {
                    text
                };
                Finding::good(text, json!({"exit_code": 0}))
            }
            (Some(code), _) => Finding::failed(
                with(format!("[exit code {code}]")),
                json!({"exit_code": code}),
            ),
            (None, signal) => Finding::failed(
                with(format!("[ended by signal {}]", signal.unwrap_or_default())),
                json!({"signal": signal}),
            ),
        },
        Ended::TimedOut => Finding::failed(
            with(format!(
                "[stopped after {} s, its time limit]",
                timeout_ms / 1000
            )),
            json!({"timed_out": true}),
        ),
        Ended::Lost(error) => Finding::bad(with(format!("[the command was lost: {error}]"))),
    }
}

/// Both pipes of a command: streamed up to a cap, and kept for the model.
struct Output {
    pieces: Receiver<Vec<u8>>,
}

impl Output {
    fn follow(child: &mut Child, call: &Call, sink: &Sink) -> Self {
        let (sender, pieces) = channel();
        let streamed = std::sync::Arc::new(AtomicUsize::new(0));
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child
                .stdout
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        ];
        for pipe in pipes.into_iter().flatten() {
            let stream = Stream {
                action: call.action.clone(),
                bytes_max: call.output_bytes_max,
                streamed: streamed.clone(),
                sink: sink.clone(),
                sender: sender.clone(),
            };
            std::thread::spawn(move || stream.pump(pipe));
        }
        Self { pieces }
    }

    /// Everything that was said, as text, cut to what the model may read.
    fn finish(self, text_bytes_max: usize) -> String {
        let mut bytes = Vec::new();
        let until = Instant::now() + DRAIN_TIME_MAX;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => keep(&mut bytes, &piece, text_bytes_max),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        text::cut(String::from_utf8_lossy(&bytes).trim_end(), text_bytes_max)
    }
}

/// Keeps the beginning and the end of what came, so that a flood costs no memory.
fn keep(bytes: &mut Vec<u8>, piece: &[u8], text_bytes_max: usize) {
    bytes.extend_from_slice(piece);
    let most = text_bytes_max * 4;
    if bytes.len() > most {
        let half = text_bytes_max;
        let end = bytes.len() - half;
        bytes.drain(half..end);
    }
}

struct Stream {
    action: String,
    bytes_max: usize,
    streamed: std::sync::Arc<AtomicUsize>,
    sink: Sink,
    sender: Sender<Vec<u8>>,
}

impl Stream {
    fn pump(self, mut pipe: Box<dyn Read + Send>) {
        let mut buffer = [0; 8192];
        while let Ok(count) = pipe.read(&mut buffer) {
            if count == 0 {
                return;
            }
            let piece = &buffer[..count];
            if self.streamed.fetch_add(count, Ordering::Relaxed) < self.bytes_max {
                let data = base64::engine::general_purpose::STANDARD.encode(piece);
                let answer = Answer::Output {
                    action: self.action.clone(),
                    data,
                };
                if self.sink.send(&answer).is_err() {
                    return;
                }
            }
            if self.sender.send(piece.to_vec()).is_err() {
                // The command has ended; whoever still writes is a daemon of its own.
                return;
            }
        }
    }
}
