//! One command in an engine's container. Its three streams come as one, and are taken apart here.

use super::sandbox::Container;
use super::{config, refused};
use crate::container::words;
use crate::native::Watched;
use crate::provider::{ExecControl, ExecHandle, ExecReport, Outcome, SandboxError};
use crate::spec::{ExecSpec, OutputCap, Stdin, TerminalSize};
use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio_stream::StreamExt;

const BUFFER_BYTES: usize = 64 * 1024;
/// What is bounded anyway fits, so that one stream that nobody reads does not hold up the other.
const KEPT_BYTES_MAX: u64 = 1024 * 1024;
const NOT_YET: Duration = Duration::from_millis(20);
const TRIES: u32 = 250;
const KILLED: i64 = 128 + libc::SIGKILL as i64;

struct Entered {
    container: Arc<Container>,
    begun: Instant,
    cause: OnceLock<Outcome>,
    dropped: AtomicU64,
    report: watch::Sender<Option<ExecReport>>,
}

pub async fn exec(container: &Arc<Container>, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
    let command = words::of(&spec)?;
    if container.has_ended() {
        return Err(SandboxError::Ended);
    }
    let docker = &container.making.docker;
    let wanted = ExecConfig {
        attach_stdin: Some(spec.stdin == Stdin::Piped),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        env: Some(command.env),
        cmd: Some(command.argv),
        user: Some(config::user(container.making.inner)),
        working_dir: Some(command.folder),
        ..ExecConfig::default()
    };
    let created = docker.create_exec(&container.making.name, wanted).await;
    let id = created.map_err(refused("take a command"))?.id;
    let started = docker.start_exec(&id, None).await;
    let StartExecResults::Attached { output, input } =
        started.map_err(refused("start a command"))?
    else {
        return Err(SandboxError::Ended);
    };
    let entered = Arc::new(Entered {
        container: container.clone(),
        begun: Instant::now(),
        cause: OnceLock::new(),
        dropped: AtomicU64::new(0),
        report: watch::Sender::new(None),
    });
    let (stdout, ours_out) = stream(spec.stdout_cap);
    let (stderr, ours_err) = stream(spec.stderr_cap);
    let sinks = [
        Sink::new(ours_out, spec.stdout_cap),
        Sink::new(ours_err, spec.stderr_cap),
    ];
    tokio::spawn(follow(entered.clone(), id, Box::pin(output), sinks));
    if let Some(timeout) = spec.timeout {
        tokio::spawn(end_after(entered.clone(), timeout));
    }
    let stdin = (spec.stdin == Stdin::Piped).then(|| feed(input));
    Ok(ExecHandle {
        stdin: stdin.map(|stdin| Box::pin(stdin) as crate::provider::Input),
        stdout: Some(Box::pin(stdout)),
        stderr: Some(Box::pin(stderr)),
        control: Box::new(Grip(entered)),
    })
}

fn stream(cap: OutputCap) -> (DuplexStream, DuplexStream) {
    let kept = match cap {
        OutputCap::Unlimited => BUFFER_BYTES,
        OutputCap::KillBeyond(cap) | OutputCap::DropBeyond(cap) => {
            cap.clamp(1, KEPT_BYTES_MAX) as usize
        }
    };
    tokio::io::duplex(kept)
}

/// Passes on what is written, and the end of it.
fn feed(mut input: Pin<Box<dyn AsyncWrite + Send>>) -> DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(BUFFER_BYTES);
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut theirs, &mut input).await;
        let _ = input.shutdown().await;
    });
    ours
}

/// Where one of the two streams goes.
struct Sink {
    to: Option<DuplexStream>,
    cap: OutputCap,
    passed: u64,
}

impl Sink {
    fn new(to: DuplexStream, cap: OutputCap) -> Self {
        Self {
            to: Some(to),
            cap,
            passed: 0,
        }
    }

    async fn take(&mut self, bytes: &[u8], entered: &Entered) {
        let room = match self.cap {
            OutputCap::Unlimited => u64::MAX,
            OutputCap::KillBeyond(cap) | OutputCap::DropBeyond(cap) => cap - self.passed,
        };
        let count = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let (kept, dropped) = bytes.split_at(count);
        if let Some(to) = &mut self.to
            && to.write_all(kept).await.is_err()
        {
            self.to = None;
        }
        self.passed += kept.len() as u64;
        if !dropped.is_empty() {
            entered
                .dropped
                .fetch_add(dropped.len() as u64, Ordering::Relaxed);
            if matches!(self.cap, OutputCap::KillBeyond(_)) {
                entered.stop(Outcome::OutputCapped);
            }
        }
    }
}

type Said =
    Pin<Box<dyn tokio_stream::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

async fn follow(entered: Arc<Entered>, id: String, mut output: Said, mut sinks: [Sink; 2]) {
    while let Some(Ok(said)) = output.next().await {
        let (sink, bytes) = match said {
            LogOutput::StdErr { message } => (1, message),
            LogOutput::StdOut { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message } => (0, message),
        };
        sinks[sink].take(&bytes, &entered).await;
    }
    let code = code_of(&entered.container, &id).await;
    entered.finish(code);
    drop(sinks);
}

/// The engine may learn of the end a moment after the streams have.
async fn code_of(container: &Container, id: &str) -> Option<i64> {
    for _ in 0..TRIES {
        let found = container.making.docker.inspect_exec(id).await.ok()?;
        if found.running == Some(false) {
            return found.exit_code;
        }
        tokio::time::sleep(NOT_YET).await;
    }
    None
}

async fn end_after(entered: Arc<Entered>, timeout: Duration) {
    let mut report = entered.report.subscribe();
    let ended = report.wait_for(Option::is_some);
    if tokio::time::timeout(timeout, ended).await.is_err() {
        entered.stop(Outcome::TimedOut);
    }
}

impl Entered {
    /// An engine offers no way to end one command with all that it started, so its container ends.
    fn stop(&self, cause: Outcome) {
        let _ = self.cause.set(cause);
        self.container.kill();
    }

    fn finish(&self, code: Option<i64>) {
        let outcome = match (self.cause.get(), self.container.starved(), code) {
            (Some(cause), _, _) => *cause,
            (None, Some(starved), _) => starved,
            (None, None, None) => Outcome::Lost,
            (None, None, Some(code)) if code != 0 && self.container.has_ended() => Outcome::Lost,
            (None, None, Some(KILLED)) => Outcome::Signaled(libc::SIGKILL),
            (None, None, Some(code)) => Outcome::Exited(i32::try_from(code).unwrap_or(-1)),
        };
        let report = ExecReport {
            outcome,
            // Engines do not tell what one command used.
            cpu: Duration::ZERO,
            rss_max_bytes: 0,
            wall: self.begun.elapsed(),
            oom_kills: 0,
            dropped_bytes: self.dropped.load(Ordering::Relaxed),
        };
        self.report.send_replace(Some(report));
    }
}

struct Grip(Arc<Entered>);

#[async_trait]
impl ExecControl for Grip {
    async fn wait(&self) -> ExecReport {
        let mut report = self.0.report.subscribe();
        let ended = report.wait_for(Option::is_some).await;
        ended.ok().and_then(|slot| *slot).unwrap_or(ExecReport {
            outcome: Outcome::Lost,
            cpu: Duration::ZERO,
            rss_max_bytes: 0,
            wall: self.0.begun.elapsed(),
            oom_kills: 0,
            dropped_bytes: 0,
        })
    }

    fn kill(&self) {
        if self.0.report.borrow().is_none() {
            self.0.stop(Outcome::Cancelled);
        }
    }

    /// Only the end can be sent.
    fn signal(&self, signal: i32) {
        if matches!(signal, libc::SIGKILL | libc::SIGTERM | libc::SIGINT) {
            self.kill();
        }
    }

    fn resize(&self, _: TerminalSize) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        self.kill();
    }
}
