//! One running sandbox, seen from the platform: its control socket, its commands, its end.

use super::cgroup::Group;
use super::control::Control;
use super::exec::{Exec, Ticket};
use super::wire::{Report, Request};
use super::{host, tree};
use crate::provider::{
    Created, DestroyReason, ExecHandle, Outcome, Sandbox, SandboxError, Teardown, Usage,
};
use crate::spec::{EgressListeners, EgressSpec, ExecSpec, SandboxId, SandboxSpec};
use crate::watchdog::Watched;
use async_trait::async_trait;
use rustix::process::Signal;
use std::collections::HashMap;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// From the spawn until PID 1 is locked down: milliseconds, seconds on a drowning host.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// What a sandbox stands on, whoever made it, and how that is put away.
#[async_trait]
pub trait Ground: Send + Sync {
    /// Empty where the host offers none.
    fn group(&self) -> &Group;

    /// Waits for the end of everything inside, which is near, and puts everything away.
    async fn clear(&self);
}

/// A guest that has just been started, by whatever means.
pub struct Guest {
    pub control: OwnedFd,
    /// While this is open the sandbox may live. None where the guest goes with the socket.
    pub lifeline: Option<OwnedFd>,
    /// PID 1, where it is known before it speaks.
    pub born: Option<Born>,
}

/// PID 1: the host's number of it, and a hold on it.
pub struct Born {
    pub pid: u32,
    pub pidfd: OwnedFd,
}

impl Born {
    fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

pub struct Session {
    pub id: SandboxId,
    pub control: Control,
    init: Born,
    is_over: AtomicBool,
    lifeline: Mutex<Option<OwnedFd>>,
    execs: Mutex<HashMap<u64, Arc<Exec>>>,
    next_exec: AtomicU64,
    /// Why a watchdog killed it, if one did.
    starved: OnceLock<Outcome>,
    ended: watch::Sender<bool>,
    /// Put away last, when the fields above have let go of what holds it.
    ground: Box<dyn Ground>,
}

/// The first messages of a guest, until it is ready or has failed.
struct Greeting {
    init: Born,
    landlock_abi: u32,
    sockets: Vec<OwnedFd>,
}

/// A session and what came with it.
pub struct Begun {
    pub session: Arc<Session>,
    pub egress: Option<EgressListeners>,
    pub landlock_abi: u32,
}

impl From<Begun> for Created {
    fn from(begun: Begun) -> Self {
        Self {
            sandbox: Arc::new(LiveSandbox(begun.session)),
            egress: begun.egress,
        }
    }
}

/// Waits until a guest is locked down, and follows it from then on.
pub async fn meet(
    spec: &SandboxSpec,
    guest: Guest,
    ground: impl Ground + 'static,
) -> Result<Begun, SandboxError> {
    // Declared before what keeps the guest alive, and so put away after it.
    let ground = Box::new(ground);
    let Guest {
        control,
        lifeline,
        mut born,
    } = guest;
    let control = Control::new(control).map_err(host("watch the sandbox's control socket"))?;
    let greeted = tokio::time::timeout(READY_WITHIN, greet(&control, &mut born)).await;
    let greeting = greeted.unwrap_or(Err(SandboxError::Slow(READY_WITHIN)));
    let greeting = match greeting {
        Ok(greeting) => greeting,
        Err(error) => {
            drop((lifeline, control));
            born.iter().for_each(Born::kill);
            ground.clear().await;
            return Err(error);
        }
    };
    let is_proxied = spec.egress == EgressSpec::Proxied;
    let egress = is_proxied
        .then(|| listeners(greeting.sockets))
        .transpose()?;
    let session = Arc::new(Session {
        id: spec.id.clone(),
        control,
        init: greeting.init,
        is_over: AtomicBool::new(false),
        lifeline: Mutex::new(lifeline),
        execs: Mutex::default(),
        next_exec: AtomicU64::new(1),
        starved: OnceLock::new(),
        ended: watch::Sender::new(false),
        ground,
    });
    tokio::spawn(drive(session.clone()));
    Ok(Begun {
        session,
        egress,
        landlock_abi: greeting.landlock_abi,
    })
}

async fn greet(control: &Control, born: &mut Option<Born>) -> Result<Greeting, SandboxError> {
    loop {
        let next = control
            .receive()
            .await
            .map_err(host("hear from the sandbox's helper"))?;
        match next {
            Some((Report::Booted { pid }, descriptors)) => {
                let pidfd = descriptors.into_iter().next();
                *born = pidfd.map(|pidfd| Born { pid, pidfd });
            }
            Some((Report::Ready { landlock_abi }, sockets)) => {
                return Ok(Greeting {
                    init: born.take().ok_or_else(gone_early)?,
                    landlock_abi,
                    sockets,
                });
            }
            Some((Report::Failed { stage, errno }, _)) => {
                return Err(SandboxError::Build {
                    stage: String::from_utf8_lossy(&stage).into_owned(),
                    cause: io::Error::from_raw_os_error(errno),
                });
            }
            Some(_) | None => return Err(gone_early()),
        }
    }
}

fn gone_early() -> SandboxError {
    SandboxError::Build {
        stage: "stay alive while it was made".into(),
        cause: io::ErrorKind::UnexpectedEof.into(),
    }
}

fn listeners(sockets: Vec<OwnedFd>) -> Result<EgressListeners, SandboxError> {
    let [http, capture_80, capture_443, dns] =
        <[OwnedFd; 4]>::try_from(sockets).map_err(|_| gone_early())?;
    Ok(EgressListeners {
        http: TcpListener::from(http),
        capture_80: TcpListener::from(capture_80),
        capture_443: TcpListener::from(capture_443),
        dns: UdpSocket::from(dns),
    })
}

/// Listens to PID 1 until it is gone, then puts everything away.
async fn drive(session: Arc<Session>) {
    while let Ok(Some((report, descriptors))) = session.control.receive().await {
        session.hear(report, descriptors);
    }
    session.kill();
    let (starved, oom_kills) = (session.starved.get().copied(), session.group().oom_kills());
    let lost = std::mem::take(&mut *lock(&session.execs));
    lost.into_values()
        .for_each(|exec| exec.lose(starved, oom_kills));
    session.ground.clear().await;
    session.ended.send_replace(true);
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    fn hear(&self, report: Report, descriptors: Vec<OwnedFd>) {
        match report {
            Report::Started { exec } => {
                if let Some(found) = lock(&self.execs).get(&exec) {
                    found.started(Ok(descriptors.into_iter().next()));
                }
            }
            Report::ExecFailed { exec, errno } => {
                if let Some(found) = lock(&self.execs).remove(&exec) {
                    found.started(Err(io::Error::from_raw_os_error(errno)));
                }
            }
            Report::Exited {
                exec,
                wait_status,
                rss_max_kib,
                cpu_us,
            } => {
                let found = lock(&self.execs).remove(&exec);
                if let Some(found) = found {
                    let oom_kills = self.group().oom_kills();
                    found.exited(wait_status, rss_max_kib, cpu_us, oom_kills);
                }
            }
            Report::Failed { stage, errno } => {
                let stage = String::from_utf8_lossy(&stage).into_owned();
                tracing::error!(sandbox = %self.id, stage, errno, "the sandbox gave up");
            }
            Report::Booted { .. } | Report::Ready { .. } => {}
        }
    }

    /// Gives a new command its number and a place where its reports arrive.
    pub fn enroll(&self, exec: Arc<Exec>) -> Ticket {
        let number = self.next_exec.fetch_add(1, Ordering::Relaxed);
        lock(&self.execs).insert(number, exec);
        Ticket(number)
    }

    pub fn forget(&self, ticket: Ticket) {
        lock(&self.execs).remove(&ticket.0);
    }

    pub fn group(&self) -> &Group {
        self.ground.group()
    }

    /// Asks PID 1; a guest that does not even take the request loses the whole sandbox.
    pub fn demand(&self, request: &Request) {
        if self.control.try_send(request).is_err() {
            self.kill();
        }
    }

    /// Kills everything inside, by every means there is. Returns at once.
    pub fn kill(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(lock(&self.lifeline).take());
        self.group().kill();
        self.init.kill();
    }

    /// What a watchdog killed it for, if one did.
    pub fn starved(&self) -> Option<Outcome> {
        self.starved.get().copied()
    }

    pub fn usage_now(&self) -> Usage {
        let counted = self.group().usage();
        if counted.memory_bytes == 0 || counted.processes == 0 {
            return tree::usage(self.init.pid);
        }
        // The groups of v1 that bound processor time do not count it.
        let cpu = if counted.cpu.is_zero() {
            tree::cpu(self.init.pid)
        } else {
            counted.cpu
        };
        Usage { cpu, ..counted }
    }

    pub async fn wait_for_end(&self) {
        let mut ended = self.ended.subscribe();
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

impl Watched for Session {
    fn has_ended(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn bounds_memory(&self) -> bool {
        self.group().bounds_memory()
    }

    fn memory_now(&self) -> u64 {
        tree::usage(self.init.pid).memory_bytes
    }

    fn kill_because(&self, starved: Outcome) {
        let _ = self.starved.set(starved);
        self.kill();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The handle that owns the sandbox: when it goes, the sandbox goes.
pub struct LiveSandbox(pub Arc<Session>);

impl Drop for LiveSandbox {
    fn drop(&mut self) {
        self.0.kill();
    }
}

#[async_trait]
impl Sandbox for LiveSandbox {
    fn id(&self) -> &SandboxId {
        &self.0.id
    }

    async fn exec(&self, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
        super::exec::exec(&self.0, spec).await
    }

    async fn usage(&self) -> Result<Usage, SandboxError> {
        if self.0.has_ended() {
            Err(SandboxError::Ended)
        } else {
            Ok(self.0.usage_now())
        }
    }

    async fn freeze(&self, on: bool) -> Result<(), SandboxError> {
        let sent = self.0.control.send(&Request::Freeze { on }, &[]).await;
        sent.map_err(|_| SandboxError::Ended)
    }

    async fn destroy(&self, why: DestroyReason) -> Result<Teardown, SandboxError> {
        let usage = if self.0.has_ended() {
            Usage::default()
        } else {
            self.0.usage_now()
        };
        let begun = Instant::now();
        self.0.kill();
        self.0.wait_for_end().await;
        let took = begun.elapsed();
        tracing::debug!(sandbox = %self.0.id, ?why, ?took, "sandbox destroyed");
        Ok(Teardown { took, usage })
    }
}
