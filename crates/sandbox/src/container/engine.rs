//! Podman and Docker, by the socket of their engine. The socket is as good as root: it stays with
//! the server, and nothing of it is ever shown to a container.

mod config;
mod image;
mod making;

use super::layout::Kernel;
use super::probe::{self, Tried};
use crate::backend::{Backend, Provider};
use crate::capability::{Capabilities, Tier};
use crate::provider::{Created, SandboxError, SweepReport};
use crate::spec::{SandboxId, SandboxSpec};
use async_trait::async_trait;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker};
use making::Making;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use tokio::sync::OnceCell;

/// What marks our containers: the process that made it, and for which sandbox.
const LABEL: &str = "wardroom.sandbox";
const TIMEOUT_S: u64 = 120;

/// Makes sandboxes by an engine.
pub type EngineProvider = Provider<Engine>;

#[derive(Debug)]
pub struct Engine {
    name: &'static str,
    socket: PathBuf,
    bundles: PathBuf,
    docker: OnceCell<Docker>,
}

/// An engine said no, in its own words.
fn refused(attempt: &str) -> impl Fn(bollard::errors::Error) -> SandboxError {
    let attempt = attempt.to_owned();
    move |error| SandboxError::Build {
        stage: attempt.clone(),
        cause: std::io::Error::other(error.to_string()),
    }
}

impl EngineProvider {
    /// `socket`: none means where the engine usually listens.
    pub fn podman(socket: Option<PathBuf>, folder: &Path) -> Self {
        let usual = || match rustix::process::geteuid().is_root() {
            true => PathBuf::from("/run/podman/podman.sock"),
            false => {
                let own = std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default();
                PathBuf::from(own).join("podman/podman.sock")
            }
        };
        Self::of("podman", socket.unwrap_or_else(usual), folder)
    }

    /// As [`Self::podman`].
    pub fn docker(socket: Option<PathBuf>, folder: &Path) -> Self {
        let socket = socket.unwrap_or_else(|| "/run/docker.sock".into());
        Self::of("docker", socket, folder)
    }

    fn of(name: &'static str, socket: PathBuf, folder: &Path) -> Self {
        Self::from(Engine {
            name,
            socket,
            bundles: folder.join("bundles"),
            docker: OnceCell::new(),
        })
    }
}

impl Engine {
    /// The engine, once it answers.
    async fn engine(&self) -> Result<&Docker, SandboxError> {
        let shown = self.socket.display();
        let stage = format!(
            "reach the engine of {} at {shown} (is it running? `sandbox.socket` names another place)",
            self.name
        );
        self.docker
            .get_or_try_init(|| async {
                let docker =
                    Docker::connect_with_unix(&shown.to_string(), TIMEOUT_S, API_DEFAULT_VERSION)?;
                docker.negotiate_version().await
            })
            .await
            .map_err(refused(&stage))
    }
}

#[async_trait]
impl Backend for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn begin(&self, spec: &SandboxSpec) -> Result<Created, SandboxError> {
        super::check(spec, Kernel::Host)?;
        let docker = self.engine().await?.clone();
        let making = Making::of(docker, self.name == "podman", &self.bundles, spec)?;
        let spec = spec.clone();
        super::to_the_end(async move { making::begin(making, &spec).await }).await
    }

    async fn try_out(&self) -> Result<Capabilities, SandboxError> {
        probe::probe(self).await
    }

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        let docker = self.engine().await?;
        let ours = HashMap::from([("label", vec![LABEL])]);
        let all = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&ours)
            .build();
        let listed = docker.list_containers(Some(all)).await;
        let mut removed = Vec::new();
        for container in listed.map_err(refused("list its containers"))? {
            let Some(name) = container
                .labels
                .and_then(|labels| labels.get(LABEL).cloned())
            else {
                continue;
            };
            if !super::is_stale(&name, live) {
                continue;
            }
            let force = RemoveContainerOptionsBuilder::new()
                .force(true)
                .v(true)
                .build();
            if docker.remove_container(&name, Some(force)).await.is_ok() {
                removed.push(format!("container {name}"));
            }
        }
        removed.extend(super::sweep_bundles(&self.bundles, live, |_| {}));
        Ok(SweepReport { removed })
    }
}

impl Tried for Engine {
    fn tier(&self) -> Tier {
        Tier::Namespaces
    }

    /// The engine keeps the groups; a trial tells whether it does.
    fn counts(&self) -> bool {
        true
    }
}
