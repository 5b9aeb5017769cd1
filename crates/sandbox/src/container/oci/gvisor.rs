//! A container on gVisor's kernel, which lets no descriptor out: its first process lives as long as
//! its input, and the runtime enters each command, which the guest locks before it runs.

use super::config;
use super::making::{Making, Started};
use super::refused;
use crate::container::process::{Running, pipe_in, pipe_out};
use crate::container::words;
use crate::native::{CappedOutput, Ground, Stream, tree_usage};
use crate::provider::{
    Created, DestroyReason, ExecControl, ExecHandle, ExecReport, Outcome, Output, Sandbox,
    SandboxError, Teardown, Usage,
};
use crate::spec::{ExecSpec, OutputCap, SandboxId, SandboxSpec, Stdin, TerminalSize};
use crate::watchdog::{Guards, Watched};
use async_trait::async_trait;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

/// A kernel in user space takes a moment to start, seconds on a drowning host.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// A running container.
struct Container {
    id: SandboxId,
    started: Started,
    /// While this is open the container may live: it is the input of its first process.
    lifeline: Mutex<Option<OwnedFd>>,
    starved: OnceLock<Outcome>,
    next_exec: AtomicU64,
    /// The processes of ours that entered the container: what they started is its too.
    entered: Mutex<Vec<u32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub async fn begin(making: Making, spec: &SandboxSpec) -> Result<Created, SandboxError> {
    let guards = Guards::of(spec).await;
    let piping = |cause| SandboxError::Host {
        attempt: "make pipes for a container",
        cause,
    };
    let (lifeline, input) = pipe_in().map_err(piping)?;
    let (mut output, theirs) = pipe_out().map_err(piping)?;
    let container = Arc::new(Container {
        id: spec.id.clone(),
        started: making.start(spec, (input, theirs))?,
        lifeline: Mutex::new(Some(lifeline)),
        starved: OnceLock::new(),
        next_exec: AtomicU64::new(1),
        entered: Mutex::default(),
    });
    const READY: &[u8] = b"ready\n";
    let mut heard = [0; READY.len()];
    let ready = tokio::time::timeout(READY_WITHIN, output.read_exact(&mut heard)).await;
    let failed = match ready {
        Ok(Ok(_)) if heard == *READY => None,
        Ok(_) => Some(container.started.making.refusal()),
        Err(_) => Some(SandboxError::Slow(READY_WITHIN)),
    };
    if let Some(error) = failed {
        container.clear().await;
        return Err(error);
    }
    tokio::spawn(guard(container.clone()));
    guards.watch(&container);
    Ok(Created {
        sandbox: Arc::new(GvisorSandbox(container)),
        egress: None,
    })
}

/// A container that ends by itself is put away too.
async fn guard(container: Arc<Container>) {
    container.started.running.wait().await;
    container.clear().await;
}

impl Container {
    /// Lets go of the container: its first process ends with its input, and everything with it.
    fn kill(&self) {
        drop(lock(&self.lifeline).take());
        self.started.group().kill();
    }

    /// Ends the container and removes everything of it. May be called again.
    async fn clear(&self) {
        self.kill();
        self.started.clear().await;
    }

    fn usage_now(&self) -> Usage {
        let counted = self.started.group().usage();
        if counted.memory_bytes > 0 && counted.processes > 0 && !counted.cpu.is_zero() {
            return counted;
        }
        let mut roots = vec![self.started.running.pid()];
        roots.extend(lock(&self.entered).iter().copied());
        let mut sum = Usage::default();
        for found in roots.into_iter().map(tree_usage) {
            sum.memory_bytes += found.memory_bytes;
            sum.processes += found.processes;
            sum.cpu += found.cpu;
        }
        match counted.memory_bytes {
            0 => sum,
            memory_bytes => Usage {
                memory_bytes,
                ..sum
            },
        }
    }

    fn tell_runtime(&self, verb: &str) -> Result<(), SandboxError> {
        let making = &self.started.making;
        let mut command = making.runtime.command(making.standing);
        let told = command
            .arg(verb)
            .arg(&making.name)
            .stdin(Stdio::null())
            .output();
        let words = match told {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        Err(refused(&making.runtime, &words))
    }
}

impl Watched for Container {
    fn has_ended(&self) -> bool {
        lock(&self.lifeline).is_none()
    }

    fn bounds_memory(&self) -> bool {
        self.started.group().bounds_memory()
    }

    fn memory_now(&self) -> u64 {
        self.usage_now().memory_bytes
    }

    fn kill_because(&self, starved: Outcome) {
        let _ = self.starved.set(starved);
        self.kill();
    }
}

/// The handle that owns the container: when it goes, the container goes.
struct GvisorSandbox(Arc<Container>);

impl Drop for GvisorSandbox {
    fn drop(&mut self) {
        // The guard hears of the end and puts the rest away.
        self.0.kill();
    }
}

#[async_trait]
impl Sandbox for GvisorSandbox {
    fn id(&self) -> &SandboxId {
        &self.0.id
    }

    async fn exec(&self, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
        exec(&self.0, spec)
    }

    async fn usage(&self) -> Result<Usage, SandboxError> {
        if self.0.has_ended() {
            return Err(SandboxError::Ended);
        }
        let container = self.0.clone();
        tokio::task::spawn_blocking(move || container.usage_now())
            .await
            .map_err(|_| SandboxError::Ended)
    }

    async fn freeze(&self, on: bool) -> Result<(), SandboxError> {
        let container = self.0.clone();
        let verb = if on { "pause" } else { "resume" };
        tokio::task::spawn_blocking(move || container.tell_runtime(verb))
            .await
            .map_err(|_| SandboxError::Ended)?
    }

    async fn destroy(&self, why: DestroyReason) -> Result<Teardown, SandboxError> {
        let usage = self.usage().await.unwrap_or_default();
        let begun = Instant::now();
        self.0.clear().await;
        let took = begun.elapsed();
        tracing::debug!(sandbox = %self.0.id, ?why, ?took, "container destroyed");
        Ok(Teardown { took, usage })
    }
}

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

fn exec(container: &Arc<Container>, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
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
        .started
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
        container.started.making.inner,
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
    let mut command = container
        .started
        .making
        .runtime
        .command(container.started.making.standing);
    command.arg("exec").arg("--process").arg(process);
    command.arg(&container.started.making.name);
    command
        .stdin(their_stdin)
        .stdout(their_stdout)
        .stderr(their_stderr);
    let running = Running::start(&mut command)?;
    // The command holds our ends of the pipes until it is dropped.
    drop(command);
    lock(&container.entered).push(running.pid());
    let entered = Arc::new(Entered {
        oom_kills_before: container.started.making.group.oom_kills(),
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
        let group = &self.container.started.making.group;
        let oom_kills = group.oom_kills().saturating_sub(self.oom_kills_before);
        let outcome = match (self.cause.get(), self.container.starved.get()) {
            (Some(cause), _) => *cause,
            (None, Some(starved)) => *starved,
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
