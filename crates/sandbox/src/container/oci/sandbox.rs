//! One container of an OCI runtime, from its start to its end.

use super::{Runtime, config, exec, refused};
use crate::container::layout::Bundle;
use crate::container::process::{Running, pipe_in, pipe_out};
use crate::native::{Group, Identity, Standing, Watched, tree_usage};
use crate::provider::{DestroyReason, ExecHandle, Outcome, Sandbox, SandboxError, Teardown, Usage};
use crate::spec::{ExecSpec, SandboxId, SandboxSpec};
use async_trait::async_trait;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

/// A kernel in user space takes a moment to start, seconds on a drowning host.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// A runtime that does not end by then is killed itself; the sweep removes the rest.
const END_WITHIN: Duration = Duration::from_secs(10);
const REMOVAL_TRIES: u32 = 500;
const REMOVAL_PAUSE: Duration = Duration::from_millis(1);

/// Everything that a container is made from.
pub struct Making {
    pub runtime: Runtime,
    pub standing: Standing,
    #[expect(dead_code, reason = "held for its claim on a user number")]
    pub identity: Identity,
    /// The user and group inside.
    pub inner: (u32, u32),
    pub group: Group,
    pub bundle: Bundle,
}

/// A running container.
pub struct Container {
    pub id: SandboxId,
    pub making: Making,
    /// Its name for the runtime.
    pub name: String,
    pub running: Running,
    /// While this is open the container may live: it is the input of its first process.
    lifeline: Mutex<Option<OwnedFd>>,
    starved: OnceLock<Outcome>,
    pub next_exec: AtomicU64,
    /// The processes of ours that entered the container: what they started is its too.
    pub entered: Mutex<Vec<u32>>,
    cleared: AtomicBool,
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Making {
    pub async fn start(self, spec: &SandboxSpec) -> Result<Arc<Container>, SandboxError> {
        let name = format!("{}.{}", std::process::id(), spec.id.as_str());
        match self.try_start(spec, &name) {
            Ok((running, lifeline, output)) => {
                let container = Arc::new(Container {
                    id: spec.id.clone(),
                    making: self,
                    name,
                    running,
                    lifeline: Mutex::new(Some(lifeline)),
                    starved: OnceLock::new(),
                    next_exec: AtomicU64::new(1),
                    entered: Mutex::default(),
                    cleared: AtomicBool::new(false),
                });
                container.wait_until_ready(output).await?;
                Ok(container)
            }
            Err(error) => {
                self.bundle.remove();
                self.group.remove();
                Err(error)
            }
        }
    }

    fn try_start(
        &self,
        spec: &SandboxSpec,
        name: &str,
    ) -> Result<(Running, OwnedFd, crate::native::Stream), SandboxError> {
        let configuration = config::of(self, spec)?;
        let starting = |cause: io::Error| SandboxError::Build {
            stage: format!(
                "start `{}` (is it installed? `sandbox.runtime` names it)",
                self.runtime.program.display()
            ),
            cause,
        };
        let attempt = || -> io::Result<_> {
            std::fs::write(
                self.bundle.folder.join("config.json"),
                configuration.to_string(),
            )?;
            let log = std::fs::File::create(self.bundle.folder.join("log"))?;
            let (lifeline, input) = pipe_in()?;
            let (output, theirs) = pipe_out()?;
            let mut command = self.runtime.command(self.standing);
            command.arg("run").arg("--bundle").arg(&self.bundle.folder);
            command.arg(name);
            command.stdin(input).stdout(theirs).stderr(log);
            Ok((Running::start(&mut command)?, lifeline, output))
        };
        attempt().map_err(starting)
    }
}

impl Container {
    async fn wait_until_ready(
        self: &Arc<Self>,
        mut output: crate::native::Stream,
    ) -> Result<(), SandboxError> {
        const READY: &[u8] = b"ready\n";
        let mut heard = [0; READY.len()];
        let ready = tokio::time::timeout(READY_WITHIN, output.read_exact(&mut heard)).await;
        match ready {
            Ok(Ok(_)) if heard == *READY => {
                tokio::spawn(guard(self.clone()));
                Ok(())
            }
            Ok(_) => {
                let log = self.making.bundle.folder.join("log");
                let words = std::fs::read_to_string(log).unwrap_or_default();
                self.clear().await;
                Err(refused(&self.making.runtime, &words))
            }
            Err(_) => {
                self.clear().await;
                Err(SandboxError::Slow(READY_WITHIN))
            }
        }
    }

    pub fn bounds_memory(&self) -> bool {
        self.making.group.bounds_memory()
    }

    /// Why everything inside was killed, if a watchdog did it.
    pub fn starved(&self) -> Option<Outcome> {
        self.starved.get().copied()
    }

    /// Lets go of the container: its first process ends with its input, and everything with it.
    pub fn kill(&self) {
        drop(lock(&self.lifeline).take());
        self.making.group.kill();
    }

    /// Ends the container and removes everything of it. May be called again.
    pub async fn clear(&self) {
        self.kill();
        if self.cleared.swap(true, Ordering::Relaxed) {
            return;
        }
        if tokio::time::timeout(END_WITHIN, self.running.wait())
            .await
            .is_err()
        {
            self.running.kill();
        }
        let (runtime, standing, name) = (
            self.making.runtime.clone(),
            self.making.standing,
            self.name.clone(),
        );
        let forgotten = tokio::task::spawn_blocking(move || forget(&runtime, standing, &name));
        let _ = forgotten.await;
        self.making.bundle.remove();
        for _ in 0..REMOVAL_TRIES {
            if self.making.group.remove() {
                return;
            }
            tokio::time::sleep(REMOVAL_PAUSE).await;
        }
        tracing::warn!(container = self.name, "a cgroup stays until the next sweep");
    }

    fn usage_now(&self) -> Usage {
        let counted = self.making.group.usage();
        if counted.memory_bytes > 0 && counted.processes > 0 && !counted.cpu.is_zero() {
            return counted;
        }
        let mut roots = vec![self.running.pid()];
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
        let mut command = self.making.runtime.command(self.making.standing);
        let told = command
            .arg(verb)
            .arg(&self.name)
            .stdin(Stdio::null())
            .output();
        match told {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(refused(
                &self.making.runtime,
                &String::from_utf8_lossy(&output.stderr),
            )),
            Err(error) => Err(refused(&self.making.runtime, &error.to_string())),
        }
    }
}

/// A container that ends by itself is put away too.
async fn guard(container: Arc<Container>) {
    container.running.wait().await;
    container.clear().await;
}

/// Has the runtime forget a container, whatever state it is in.
pub fn forget(runtime: &Runtime, standing: Standing, name: &str) {
    let mut command = runtime.command(standing);
    command.args(["delete", "--force", name]);
    let _ = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

impl Watched for Container {
    fn has_ended(&self) -> bool {
        lock(&self.lifeline).is_none()
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
pub struct OciSandbox(pub Arc<Container>);

impl Drop for OciSandbox {
    fn drop(&mut self) {
        // The guard hears of the end and puts the rest away.
        self.0.kill();
    }
}

#[async_trait]
impl Sandbox for OciSandbox {
    fn id(&self) -> &SandboxId {
        &self.0.id
    }

    async fn exec(&self, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
        exec::exec(&self.0, spec).await
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
