//! One command in a running sandbox, from the platform's side.

use super::session::{Session, lock};
use super::stream::{CappedOutput, Stream};
use super::wire::{Command, PACKET_BYTES_MAX, Request, Wire};
use super::{host, launch};
use crate::provider::{ExecControl, ExecHandle, ExecReport, Outcome, Output, SandboxError};
use crate::spec::{ExecSpec, Leftovers, MalformedSpec, OutputCap, Stdin, TerminalSize, WORKSPACE};
use crate::watchdog::Watched;
use async_trait::async_trait;
use rustix::fs::MemfdFlags;
use rustix::pipe::PipeFlags;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// A killed command that has not ended by then takes the sandbox with it.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The number of a command within its sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(pub u64);

type Start = io::Result<Option<OwnedFd>>;

/// Where the reports about one command arrive.
pub struct Exec {
    begun: Instant,
    oom_kills_before: u64,
    start: Mutex<Option<oneshot::Sender<Start>>>,
    /// Why we killed it, if we did. The first reason stays.
    cause: Mutex<Option<Outcome>>,
    dropped: Arc<AtomicU64>,
    report: watch::Sender<Option<ExecReport>>,
}

impl Exec {
    fn new(oom_kills_before: u64) -> (Arc<Self>, oneshot::Receiver<Start>) {
        let (sender, receiver) = oneshot::channel();
        let exec = Self {
            begun: Instant::now(),
            oom_kills_before,
            start: Mutex::new(Some(sender)),
            cause: Mutex::default(),
            dropped: Arc::default(),
            report: watch::Sender::new(None),
        };
        (Arc::new(exec), receiver)
    }

    pub fn started(&self, start: Start) {
        let failed = start.is_err();
        if let Some(sender) = lock(&self.start).take() {
            let _ = sender.send(start);
        }
        if failed {
            self.finish(Outcome::Lost, Duration::ZERO, 0, 0);
        }
    }

    pub fn exited(&self, wait_status: i32, rss_max_kib: u64, cpu_us: u64, oom_kills: u64) {
        let oom_kills = oom_kills.saturating_sub(self.oom_kills_before);
        let outcome = judge(wait_status, *lock(&self.cause), oom_kills > 0);
        self.finish(
            outcome,
            Duration::from_micros(cpu_us),
            rss_max_kib * 1024,
            oom_kills,
        );
    }

    /// The sandbox has ended and this command with it.
    pub fn lose(&self, starved: Option<Outcome>, oom_kills: u64) {
        let oom_kills = oom_kills.saturating_sub(self.oom_kills_before);
        let lost = match starved {
            Some(starved) => starved,
            None if oom_kills > 0 => Outcome::OutOfMemory,
            None => Outcome::Lost,
        };
        let outcome = lock(&self.cause).unwrap_or(lost);
        self.finish(outcome, Duration::ZERO, 0, oom_kills);
    }

    fn finish(&self, outcome: Outcome, cpu: Duration, rss_max_bytes: u64, oom_kills: u64) {
        // Whoever still waits for the start learns that there will be none.
        drop(lock(&self.start).take());
        let dropped_bytes = self.dropped.load(Ordering::Relaxed);
        let wall = self.begun.elapsed();
        let report = ExecReport {
            outcome,
            cpu,
            rss_max_bytes,
            wall,
            oom_kills,
            dropped_bytes,
        };
        self.report
            .send_if_modified(|slot| slot.is_none() && slot.replace(report).is_none());
    }

    fn blame(&self, cause: Outcome) {
        lock(&self.cause).get_or_insert(cause);
    }
}

/// What a wait status means, given why we killed the command, if we did.
fn judge(wait_status: i32, cause: Option<Outcome>, oom: bool) -> Outcome {
    let signal = libc::WIFSIGNALED(wait_status).then(|| libc::WTERMSIG(wait_status));
    let ended = match signal {
        Some(signal) => Outcome::Signaled(signal),
        None => Outcome::Exited(libc::WEXITSTATUS(wait_status)),
    };
    match cause {
        // Output is missing however the command ended.
        Some(Outcome::OutputCapped) => Outcome::OutputCapped,
        Some(cause) if signal.is_some() => cause,
        _ if oom && ended != Outcome::Exited(0) => Outcome::OutOfMemory,
        _ => ended,
    }
}

/// Starts a command and returns once it runs.
pub async fn exec(session: &Arc<Session>, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
    let command = parse(&spec)?;
    if session.has_ended() {
        return Err(SandboxError::Ended);
    }
    let (ours, theirs) = plumb(&spec).map_err(host("make pipes for a command"))?;
    launch_command(session, &spec, command, ours, theirs).await
}

/// Runs the guest itself inside, as a probe; it finds its program in its input.
pub async fn probe(
    session: &Arc<Session>,
    attempt: &str,
    amount: u64,
) -> Result<ExecReport, SandboxError> {
    let spec = ExecSpec::new(["wardroom-probe", attempt, &amount.to_string()]);
    let command = Command {
        program: Some(b"/proc/self/fd/0".to_vec()),
        ..parse(&spec)?
    };
    let (ours, mut theirs) = plumb(&spec).map_err(host("make pipes for a command"))?;
    let program = launch::guest_program().and_then(|program| program.try_clone_to_owned());
    theirs[0] = program.map_err(host("share the guest's program"))?;
    match launch_command(session, &spec, command, ours, theirs).await {
        Ok(probe) => Ok(probe.wait().await),
        // A trial may fill its space before PID 1 has told of its start.
        Err(SandboxError::Ended) => session.starved().map(ended_by).ok_or(SandboxError::Ended),
        Err(error) => Err(error),
    }
}

fn ended_by(outcome: Outcome) -> ExecReport {
    ExecReport {
        outcome,
        cpu: Duration::ZERO,
        rss_max_bytes: 0,
        wall: Duration::ZERO,
        oom_kills: 0,
        dropped_bytes: 0,
    }
}

async fn launch_command(
    session: &Arc<Session>,
    spec: &ExecSpec,
    command: Command,
    ours: Ends,
    theirs: Vec<OwnedFd>,
) -> Result<ExecHandle, SandboxError> {
    let (exec, started) = Exec::new(session.group().oom_kills());
    let ticket = session.enroll(exec.clone());
    // From here on, giving up kills the command.
    let mut grip = Grip {
        session: session.clone(),
        exec,
        ticket,
        terminal: None,
    };
    let program = String::from_utf8_lossy(&command.argv[0]).into_owned();
    if send(
        session,
        Command {
            exec: ticket.0,
            ..command
        },
        &theirs,
    )
    .await
    .is_err()
    {
        session.forget(ticket);
        grip.exec.lose(None, 0);
        return Err(SandboxError::Ended);
    }
    drop(theirs);
    let start = started.await.map_err(|_| SandboxError::Ended)?;
    let master = start.map_err(|cause| SandboxError::Exec { program, cause })?;
    if let Some(timeout) = spec.timeout {
        tokio::spawn(end_after(
            session.clone(),
            grip.exec.clone(),
            ticket,
            timeout,
        ));
    }
    let watched = host("watch a command");
    grip.terminal = master.map(Stream::new).transpose().map_err(&watched)?;
    handle(grip, spec, ours).map_err(watched)
}

async fn end_after(session: Arc<Session>, exec: Arc<Exec>, ticket: Ticket, timeout: Duration) {
    let mut report = exec.report.subscribe();
    if tokio::time::timeout(timeout, report.wait_for(Option::is_some))
        .await
        .is_err()
    {
        stop(session, exec, ticket, Outcome::TimedOut);
    }
}

/// Kills a command, and the whole sandbox if that does not help. Returns at once.
fn stop(session: Arc<Session>, exec: Arc<Exec>, ticket: Ticket, cause: Outcome) {
    exec.blame(cause);
    session.demand(&Request::Kill { exec: ticket.0 });
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    runtime.spawn(async move {
        let mut report = exec.report.subscribe();
        let ended = report.wait_for(Option::is_some);
        if tokio::time::timeout(KILL_GRACE, ended).await.is_err() {
            session.kill();
        }
    });
}

/// The command in the form in which it crosses the border, checked.
pub fn parse(spec: &ExecSpec) -> Result<Command, MalformedSpec> {
    let argv: Vec<Vec<u8>> = spec
        .argv
        .iter()
        .map(|word| word.as_bytes().to_vec())
        .collect();
    if argv.first().is_none_or(Vec::is_empty) {
        return Err(MalformedSpec::EmptyCommand);
    }
    let cwd = Path::new(WORKSPACE).join(&spec.cwd);
    let command = Command {
        exec: 0,
        program: None,
        argv,
        env: environment(spec)?,
        cwd: cwd.as_os_str().as_bytes().to_vec(),
        terminal: spec.terminal.map(|size| (size.rows, size.columns)),
        sweep_leftovers: spec.leftovers == Leftovers::Kill,
    };
    let parts = command
        .argv
        .iter()
        .chain(&command.env)
        .chain([&command.cwd]);
    if parts.flatten().any(|byte| *byte == 0) {
        return Err(MalformedSpec::NulByte);
    }
    Ok(command)
}

fn environment(spec: &ExecSpec) -> Result<Vec<Vec<u8>>, MalformedSpec> {
    let mut env = Vec::new();
    for (name, value) in ExecSpec::base_environment() {
        if spec.env.iter().all(|(own, _)| own != name) {
            env.push(format!("{name}={value}").into_bytes());
        }
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains('=') {
            return Err(MalformedSpec::Variable(name.clone()));
        }
        env.push([name.as_bytes(), b"=", value.as_bytes()].concat());
    }
    Ok(env)
}

/// Our ends of the streams; all empty with a terminal.
#[derive(Default)]
struct Ends {
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
}

fn plumb(spec: &ExecSpec) -> io::Result<(Ends, Vec<OwnedFd>)> {
    if spec.terminal.is_some() {
        return Ok((Ends::default(), Vec::new()));
    }
    let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC);
    let (stdin, their_stdin) = match spec.stdin {
        Stdin::Empty => (None, OwnedFd::from(File::open("/dev/null")?)),
        Stdin::Piped => pipe().map(|(read, write)| (Some(write), read))?,
    };
    let ((stdout, their_stdout), (stderr, their_stderr)) = (pipe()?, pipe()?);
    let ours = Ends {
        stdin,
        stdout: Some(stdout),
        stderr: Some(stderr),
    };
    Ok((ours, vec![their_stdin, their_stdout, their_stderr]))
}

async fn send(session: &Session, command: Command, streams: &[OwnedFd]) -> io::Result<()> {
    let mut descriptors: Vec<_> = streams.iter().map(AsFd::as_fd).collect();
    let bytes = command.to_wire();
    if bytes.len() < PACKET_BYTES_MAX {
        return session
            .control
            .send(&Request::Exec { command }, &descriptors)
            .await;
    }
    let spilled = launch::sealed("wardroom-command", &bytes, MemfdFlags::empty())?;
    descriptors.push(spilled.as_fd());
    let request = Request::ExecSpilled {
        bytes: bytes.len() as u64,
    };
    session.control.send(&request, &descriptors).await
}

fn handle(grip: Grip, spec: &ExecSpec, ours: Ends) -> io::Result<ExecHandle> {
    let output = |stream: Stream, cap: OutputCap| -> Output {
        let mut report = grip.exec.report.subscribe();
        let ended = async move {
            let _ = report.wait_for(Option::is_some).await;
        };
        let (session, exec, ticket) = (grip.session.clone(), grip.exec.clone(), grip.ticket);
        let dropped = exec.dropped.clone();
        let kill = move || stop(session.clone(), exec.clone(), ticket, Outcome::OutputCapped);
        Box::pin(CappedOutput::new(
            stream,
            cap,
            Box::pin(ended),
            dropped,
            Box::new(kill),
        ))
    };
    let stream = |end: Option<OwnedFd>| end.map(Stream::new).transpose();
    let stdin = stream(ours.stdin)?.or(grip.terminal.clone());
    let stdout = stream(ours.stdout)?.or(grip.terminal.clone());
    Ok(ExecHandle {
        stdin: stdin.map(|stream| Box::pin(stream) as crate::provider::Input),
        stdout: stdout.map(|stream| output(stream, spec.stdout_cap)),
        stderr: stream(ours.stderr)?.map(|stream| output(stream, spec.stderr_cap)),
        control: Box::new(grip),
    })
}

/// The handle's grip on the command.
struct Grip {
    session: Arc<Session>,
    exec: Arc<Exec>,
    ticket: Ticket,
    terminal: Option<Stream>,
}

impl Grip {
    fn has_ended(&self) -> bool {
        self.exec.report.borrow().is_some()
    }
}

#[async_trait]
impl ExecControl for Grip {
    async fn wait(&self) -> ExecReport {
        let mut report = self.exec.report.subscribe();
        // The sender lives in `self.exec`, so the wait can only end with a report.
        let ended = report
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|slot| *slot);
        ended.unwrap_or(ExecReport {
            outcome: Outcome::Lost,
            cpu: Duration::ZERO,
            rss_max_bytes: 0,
            wall: self.exec.begun.elapsed(),
            oom_kills: 0,
            dropped_bytes: 0,
        })
    }

    fn kill(&self) {
        if !self.has_ended() {
            stop(
                self.session.clone(),
                self.exec.clone(),
                self.ticket,
                Outcome::Cancelled,
            );
        }
    }

    fn signal(&self, signal: i32) {
        self.session.demand(&Request::Signal {
            exec: self.ticket.0,
            signal,
        });
    }

    fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let Some(terminal) = &self.terminal else {
            return Ok(());
        };
        let size = rustix::termios::Winsize {
            ws_row: size.rows,
            ws_col: size.columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(rustix::termios::tcsetwinsize(terminal.descriptor(), size)?)
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        self.kill();
    }
}
