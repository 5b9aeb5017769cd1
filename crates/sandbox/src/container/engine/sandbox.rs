//! One container of an engine, from its start to its end.

use super::{config, exec, image, refused};
use crate::container::layout::Bundle;
use crate::native::{Identity, Watched};
use crate::provider::{DestroyReason, ExecHandle, Outcome, Sandbox, SandboxError, Teardown, Usage};
use crate::spec::{ExecSpec, SandboxId, SandboxSpec};
use async_trait::async_trait;
use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    StatsOptionsBuilder,
};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use tokio_stream::StreamExt;

const READY_WITHIN: Duration = Duration::from_secs(60);

pub struct Making {
    pub docker: Docker,
    pub is_podman: bool,
    #[expect(dead_code, reason = "held for its claim on a user number")]
    pub identity: Identity,
    pub inner: (u32, u32),
    pub bundle: Bundle,
    /// Its name for the engine.
    pub name: String,
}

type Lifeline = Pin<Box<dyn AsyncWrite + Send>>;

pub struct Container {
    pub id: SandboxId,
    pub making: Making,
    /// The input of its first process; none once it is to end.
    lifeline: Mutex<Option<Lifeline>>,
    starved: OnceLock<Outcome>,
    cleared: AtomicBool,
}

impl Making {
    pub async fn start(self, spec: &SandboxSpec) -> Result<EngineSandbox, SandboxError> {
        let started = tokio::time::timeout(READY_WITHIN, self.try_start(spec)).await;
        match started.unwrap_or(Err(SandboxError::Slow(READY_WITHIN))) {
            Ok(lifeline) => Ok(EngineSandbox(Arc::new(Container {
                id: spec.id.clone(),
                making: self,
                lifeline: Mutex::new(Some(lifeline)),
                starved: OnceLock::new(),
                cleared: AtomicBool::new(false),
            }))),
            Err(error) => {
                remove(&self.docker, &self.name).await;
                self.bundle.remove();
                Err(error)
            }
        }
    }

    async fn try_start(&self, spec: &SandboxSpec) -> Result<Lifeline, SandboxError> {
        let image = image::ensure(&self.docker, &self.bundle, self.is_podman).await?;
        let named = CreateContainerOptionsBuilder::new()
            .name(&self.name)
            .build();
        let body = config::of(self, spec, &image);
        let created = self.docker.create_container(Some(named), body).await;
        created.map_err(refused("be made by its engine"))?;
        let streams = AttachContainerOptionsBuilder::new()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let attached = self
            .docker
            .attach_container(&self.name, Some(streams))
            .await;
        let AttachContainerResults { mut output, input } =
            attached.map_err(refused("be attached to"))?;
        let started = self.docker.start_container(&self.name, None).await;
        started.map_err(refused("be started by its engine"))?;
        let mut heard = Vec::new();
        while let Some(Ok(said)) = output.next().await {
            if let LogOutput::StdErr { message }
            | LogOutput::StdOut { message }
            | LogOutput::Console { message } = said
            {
                heard.extend_from_slice(&message);
            }
            if heard.ends_with(b"ready\n") {
                return Ok(input);
            }
        }
        Err(SandboxError::Build {
            stage: "become ready".to_owned(),
            cause: std::io::Error::other(String::from_utf8_lossy(&heard).into_owned()),
        })
    }
}

async fn remove(docker: &Docker, name: &str) {
    let force = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    if let Err(error) = docker.remove_container(name, Some(force)).await {
        tracing::debug!(name, %error, "a container was not removed");
    }
}

impl Container {
    pub fn starved(&self) -> Option<Outcome> {
        self.starved.get().copied()
    }

    /// Ends the container and removes everything of it. May be called again.
    pub async fn clear(&self) {
        self.let_go();
        if !self.cleared.swap(true, Ordering::Relaxed) {
            remove(&self.making.docker, &self.making.name).await;
            self.making.bundle.remove();
        }
    }

    fn let_go(&self) {
        let held = self
            .lifeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(held);
    }

    /// Ends everything inside; returns at once.
    pub fn kill(self: &Arc<Self>) {
        self.let_go();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let container = self.clone();
            runtime.spawn(async move { container.clear().await });
        }
    }

    async fn usage_now(&self) -> Option<Usage> {
        let once = StatsOptionsBuilder::new()
            .stream(false)
            .one_shot(true)
            .build();
        let mut stats = Box::pin(self.making.docker.stats(&self.making.name, Some(once)));
        let found = stats.next().await?.ok()?;
        let memory = found.memory_stats.and_then(|memory| memory.usage);
        let processes = found.pids_stats.and_then(|pids| pids.current);
        let cpu = found.cpu_stats.and_then(|cpu| cpu.cpu_usage?.total_usage);
        Some(Usage {
            memory_bytes: memory.unwrap_or(0),
            processes: u32::try_from(processes.unwrap_or(0)).unwrap_or(u32::MAX),
            cpu: Duration::from_nanos(cpu.unwrap_or(0)),
        })
    }
}

impl Watched for Arc<Container> {
    fn has_ended(&self) -> bool {
        self.lifeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// The engine bounds it.
    fn memory_now(&self) -> u64 {
        0
    }

    fn kill_because(&self, starved: Outcome) {
        let _ = self.starved.set(starved);
        self.kill();
    }
}

/// The handle that owns the container: when it goes, the container goes.
pub struct EngineSandbox(pub Arc<Container>);

impl Drop for EngineSandbox {
    fn drop(&mut self) {
        self.0.kill();
    }
}

#[async_trait]
impl Sandbox for EngineSandbox {
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
        self.0.usage_now().await.ok_or(SandboxError::Ended)
    }

    async fn freeze(&self, on: bool) -> Result<(), SandboxError> {
        let (docker, name) = (&self.0.making.docker, &self.0.making.name);
        let done = match on {
            true => docker.pause_container(name).await,
            false => docker.unpause_container(name).await,
        };
        done.map_err(refused("be frozen by its engine"))
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
