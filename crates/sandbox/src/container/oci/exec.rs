//! One command in a container: the runtime enters it, and the guest locks it before it runs.

use super::config;
use super::sandbox::{Container, lock};
use crate::container::process::{Running, pipe_in, pipe_out};
use crate::container::words;
use crate::native::{CappedOutput, Stream, Watched};
use crate::provider::{ExecControl, ExecHandle, ExecReport, Outcome, Output, SandboxError};
use crate::spec::{ExecSpec, OutputCap, Stdin, TerminalSize};
use async_trait::async_trait;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What shells and runtimes answer for a process that was killed.
const KILLED: i32 = 128 + libc::SIGKILL;

/// A command that was entered into the container.
struct Entered {
    container: Arc<Container>,
    running: Running,
    begun: Instant,
    oom_kills_before: u64,
    /// Why it was killed, if we did it.
    cause: OnceLock<Outcome>,
    dropped: Arc<AtomicU64>,
    report: watch::Sender<Option<ExecReport>>,
}

pub async fn exec(container: &Arc<Container>, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
    let process = process_of(container, &spec)?;
    if container.has_ended() {
        return Err(SandboxError::Ended);
    }
    let entering = |cause| SandboxError::Host {
        attempt: "enter the container",
        cause,
    };
    let number = container.next_exec.fetch_add(1, Ordering::Relaxed);
    let file = container
        .making
        .bundle
        .folder
        .join(format!("exec-{number}"));
    std::fs::write(&file, process).map_err(entering)?;
    enter(container, &spec, &file).map_err(entering)
}

/// The process as the runtime reads it.
fn process_of(container: &Container, spec: &ExecSpec) -> Result<String, SandboxError> {
    let command = words::of(spec)?;
    let process = config::process(
        container.making.inner,
        &command.argv,
        &command.env,
        &command.folder,
    );
    Ok(process.to_string())
}

fn enter(container: &Arc<Container>, spec: &ExecSpec, process: &Path) -> io::Result<ExecHandle> {
    let (stdout, their_stdout) = pipe_out()?;
    let (stderr, their_stderr) = pipe_out()?;
    let (stdin, their_stdin) = match spec.stdin {
        Stdin::Empty => (None, Stdio::null()),
        Stdin::Piped => pipe_in().map(|(ours, theirs)| (Some(ours), theirs))?,
    };
    let mut command = container.making.runtime.command(container.making.standing);
    command.arg("exec").arg("--process").arg(process);
    command.arg(&container.name);
    command
        .stdin(their_stdin)
        .stdout(their_stdout)
        .stderr(their_stderr);
    let running = Running::start(&mut command)?;
    // The command holds our ends of the pipes until it is dropped.
    drop(command);
    lock(&container.entered).push(running.pid());
    let entered = Arc::new(Entered {
        oom_kills_before: container.making.group.oom_kills(),
        container: container.clone(),
        running,
        begun: Instant::now(),
        cause: OnceLock::new(),
        dropped: Arc::default(),
        report: watch::Sender::new(None),
    });
    tokio::spawn(follow(entered.clone(), spec.timeout));
    let stdin = stdin.map(Stream::new).transpose()?;
    Ok(ExecHandle {
        stdin: stdin.map(|stream| Box::pin(stream) as crate::provider::Input),
        stdout: Some(output(&entered, stdout, spec.stdout_cap)),
        stderr: Some(output(&entered, stderr, spec.stderr_cap)),
        control: Box::new(Grip(entered)),
    })
}

fn output(entered: &Arc<Entered>, stream: Stream, cap: OutputCap) -> Output {
    let mut report = entered.report.subscribe();
    let ended = async move {
        let _ = report.wait_for(Option::is_some).await;
    };
    let killed = entered.clone();
    Box::pin(CappedOutput::new(
        stream,
        cap,
        Box::pin(ended),
        entered.dropped.clone(),
        Box::new(move || killed.stop(Outcome::OutputCapped)),
    ))
}

async fn follow(entered: Arc<Entered>, timeout: Option<Duration>) {
    let code = match timeout {
        None => entered.running.wait().await,
        Some(timeout) => match tokio::time::timeout(timeout, entered.running.wait()).await {
            Ok(code) => code,
            Err(_) => {
                entered.stop(Outcome::TimedOut);
                entered.running.wait().await
            }
        },
    };
    entered.finish(code);
}

impl Entered {
    /// A runtime offers no way to end one command with all that it started, so its container ends.
    fn stop(&self, cause: Outcome) {
        let _ = self.cause.set(cause);
        self.container.kill();
        self.running.kill();
    }

    fn finish(&self, code: i32) {
        let pid = self.running.pid();
        lock(&self.container.entered).retain(|entered| *entered != pid);
        let group = &self.container.making.group;
        let oom_kills = group.oom_kills().saturating_sub(self.oom_kills_before);
        let outcome = match (self.cause.get(), self.container.starved()) {
            (Some(cause), _) => *cause,
            (None, Some(starved)) => starved,
            (None, None) if oom_kills > 0 && code != 0 => Outcome::OutOfMemory,
            (None, None) if self.container.has_ended() && code != 0 => Outcome::Lost,
            (None, None) if code == KILLED => Outcome::Signaled(libc::SIGKILL),
            (None, None) => Outcome::Exited(code),
        };
        let report = ExecReport {
            outcome,
            // Runtimes do not tell what one command used.
            cpu: Duration::ZERO,
            rss_max_bytes: 0,
            wall: self.begun.elapsed(),
            oom_kills,
            dropped_bytes: self.dropped.load(Ordering::Relaxed),
        };
        self.report.send_replace(Some(report));
    }
}

/// The handle's grip on the command.
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

    /// Only the end can be sent: whoever wants a command to end gets that.
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
