//! Podman and Docker, by the socket of their engine. The socket is as good as root: it stays with
//! the server, and nothing of it is ever shown to a container.

mod config;
mod exec;
mod image;
mod sandbox;

use super::claim;
use super::layout::{Bundle, Kernel};
use super::probe::{self, Tried};
use crate::capability::{Capabilities, Tier};
use crate::native::{Standing, allowance, watch_disk};
use crate::provider::{Created, Sandbox, SandboxError, SandboxProvider, SweepReport};
use crate::spec::{Demands, SandboxId, SandboxSpec};
use async_trait::async_trait;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker};
use sandbox::EngineSandbox;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// What marks our containers: the process that made it, and for which sandbox.
const LABEL: &str = "wardroom.sandbox";
const TIMEOUT_S: u64 = 120;

/// Makes sandboxes by an engine.
#[derive(Debug)]
pub struct EngineProvider {
    name: &'static str,
    socket: PathBuf,
    bundles: PathBuf,
    docker: OnceCell<Docker>,
    capabilities: OnceCell<Capabilities>,
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
        Self::new("podman", socket.unwrap_or_else(usual), folder)
    }

    /// As [`Self::podman`].
    pub fn docker(socket: Option<PathBuf>, folder: &Path) -> Self {
        let socket = socket.unwrap_or_else(|| "/run/docker.sock".into());
        Self::new("docker", socket, folder)
    }

    fn new(name: &'static str, socket: PathBuf, folder: &Path) -> Self {
        Self {
            name,
            socket,
            bundles: folder.join("bundles"),
            docker: OnceCell::new(),
            capabilities: OnceCell::new(),
        }
    }

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

    async fn begin(&self, spec: &SandboxSpec) -> Result<EngineSandbox, SandboxError> {
        super::check(spec)?;
        let docker = self.engine().await?;
        let (standing, identity) = claim::take()?;
        super::make_folder(&self.bundles, 0o711)?;
        // An ordinary user's engine maps him to its root; root's takes the host's own number.
        let inner = match standing {
            Standing::Root => (identity.uid, identity.gid),
            Standing::User { .. } => (0, 0),
        };
        let name = format!("{}.{}", std::process::id(), spec.id.as_str());
        let allowance = allowance(&spec.workspace, &spec.limits).await;
        let bundle = Bundle::make(
            self.bundles.join(&name),
            spec,
            &identity,
            inner,
            Kernel::Host,
        )?;
        let making = sandbox::Making {
            docker: docker.clone(),
            is_podman: self.name == "podman",
            identity,
            inner,
            bundle,
            name,
        };
        let sandbox = making.start(spec).await?;
        if let Some(allowance) = allowance {
            watch_disk(&Arc::new(sandbox.0.clone()), allowance);
        }
        Ok(sandbox)
    }
}

#[async_trait]
impl SandboxProvider for EngineProvider {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        self.capabilities
            .get_or_try_init(|| probe::probe(self))
            .await
            .copied()
    }

    async fn create(&self, spec: SandboxSpec) -> Result<Created, SandboxError> {
        if spec.demands != Demands::default() {
            let capabilities = self.probe().await?;
            capabilities
                .meet(&spec.demands)
                .and_then(|()| capabilities.meet_disk(spec.demands.disk, &spec.workspace))
                .map_err(SandboxError::Unsupported)?;
        }
        Ok(Created {
            sandbox: Arc::new(self.begin(&spec).await?),
            egress: None,
        })
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

#[async_trait]
impl Tried for EngineProvider {
    async fn begin_trial(&self, spec: &SandboxSpec) -> Result<Arc<dyn Sandbox>, SandboxError> {
        Ok(Arc::new(self.begin(spec).await?))
    }

    fn tier(&self) -> Tier {
        Tier::Namespaces
    }

    /// The engine keeps the groups; a trial tells whether it does.
    fn counts(&self) -> bool {
        true
    }
}
