//! An OCI runtime by its command line, without a daemon: `runsc` gives a kernel in user space,
//! `crun` and `runc` the host's own.

mod config;
mod exec;
mod sandbox;

use super::claim;
use super::layout::{Bundle, Kernel};
use super::probe::{self, Tried};
use crate::capability::{Capabilities, Tier};
use crate::native::{Group, Standing, allowance, common_hierarchy, watch, watch_disk};
use crate::provider::{Created, Sandbox, SandboxError, SandboxProvider, SweepReport};
use crate::spec::{Demands, Limits, SandboxId, SandboxSpec};
use async_trait::async_trait;
use sandbox::{Container, OciSandbox};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Makes sandboxes by an OCI runtime.
#[derive(Debug)]
pub struct OciProvider {
    runtime: Runtime,
    capabilities: OnceCell<Capabilities>,
}

/// The runtime's program and where it keeps what it knows.
#[derive(Debug, Clone)]
struct Runtime {
    program: PathBuf,
    /// gVisor: it takes other flags and has a kernel of its own.
    is_gvisor: bool,
    state: PathBuf,
    bundles: PathBuf,
}

impl Runtime {
    /// The bounds of the container's group. A kernel in user space lives in it too.
    fn bounds(&self, limits: &Limits) -> Limits {
        const ITS_THREADS: u32 = 64;
        const ITS_MEMORY: u64 = 64 << 20;
        match self.kernel() {
            Kernel::Host => *limits,
            Kernel::UserSpace => Limits {
                // Each process of its has one of the host beside it.
                processes: limits
                    .processes
                    .saturating_mul(2)
                    .saturating_add(ITS_THREADS),
                memory_bytes: limits.memory_bytes.saturating_add(ITS_MEMORY),
                ..*limits
            },
        }
    }

    fn kernel(&self) -> Kernel {
        match self.is_gvisor {
            true => Kernel::UserSpace,
            false => Kernel::Host,
        }
    }

    /// A command of the runtime with the flags that every one needs.
    fn command(&self, standing: Standing) -> std::process::Command {
        let mut command = super::process::command(&self.program);
        command.arg("--root").arg(&self.state);
        if self.is_gvisor {
            // Only the ptrace platform needs no hardware and no module.
            command.args(["--network=none", "--platform=ptrace"]);
            if standing != Standing::Root {
                command.args(["--rootless", "--ignore-cgroups"]);
            }
        }
        command
    }
}

impl OciProvider {
    /// `runtime` is a program (`runsc`, `crun`, `runc`), sought along the search path unless it is
    /// a path; `folder` is ours alone and keeps what containers are made from.
    pub fn new(runtime: impl Into<PathBuf>, folder: &Path) -> Self {
        let program: PathBuf = runtime.into();
        let is_gvisor = program
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("runsc"));
        Self {
            runtime: Runtime {
                program,
                is_gvisor,
                state: folder.join("state"),
                bundles: folder.join("bundles"),
            },
            capabilities: OnceCell::new(),
        }
    }

    async fn begin(&self, spec: &SandboxSpec) -> Result<Arc<Container>, SandboxError> {
        super::check(spec)?;
        let (standing, identity) = claim::take()?;
        self.make_folders()?;
        let inner = self.inner(standing, (identity.uid, identity.gid));
        let allowance = allowance(&spec.workspace, &spec.limits).await;
        let folder =
            self.runtime
                .bundles
                .join(format!("{}.{}", std::process::id(), spec.id.as_str()));
        let group = Group::make(
            common_hierarchy(),
            spec.id.as_str(),
            &self.runtime.bounds(&spec.limits),
        )
        .map_err(|cause| SandboxError::Host {
            attempt: "make a cgroup for the sandbox",
            cause,
        })?;
        let bundle = match Bundle::make(folder, spec, &identity, inner, self.runtime.kernel()) {
            Ok(bundle) => bundle,
            Err(error) => {
                group.remove();
                return Err(error);
            }
        };
        let making = sandbox::Making {
            runtime: self.runtime.clone(),
            standing,
            identity,
            inner,
            group,
            bundle,
        };
        let container = making.start(spec).await?;
        if !container.bounds_memory() {
            watch(&container, spec.limits.memory_bytes);
        }
        if let Some(allowance) = allowance {
            watch_disk(&container, allowance);
        }
        Ok(container)
    }

    /// Who a command is inside. Root's runtimes take the host's own number; without root, a
    /// runtime maps the user to its root, who has no capability and no way to one.
    fn inner(&self, standing: Standing, host: (u32, u32)) -> (u32, u32) {
        match standing {
            Standing::Root => host,
            Standing::User { .. } => (0, 0),
        }
    }

    fn make_folders(&self) -> Result<(), SandboxError> {
        super::make_folder(&self.runtime.state, 0o700)?;
        super::make_folder(&self.runtime.bundles, 0o711)
    }
}

#[async_trait]
impl SandboxProvider for OciProvider {
    fn name(&self) -> &'static str {
        "oci"
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
        let container = self.begin(&spec).await?;
        Ok(Created {
            sandbox: Arc::new(OciSandbox(container)),
            egress: None,
        })
    }

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        let (runtime, live) = (self.runtime.clone(), live.clone());
        let swept = tokio::task::spawn_blocking(move || sweep(&runtime, &live));
        Ok(SweepReport {
            removed: swept.await.unwrap_or_default(),
        })
    }
}

fn sweep(runtime: &Runtime, live: &HashSet<SandboxId>) -> Vec<String> {
    let Ok(standing) = Standing::of_this_process() else {
        return Vec::new();
    };
    let is_live = |id: &str| live.iter().any(|known| known.as_str() == id);
    let mut removed = crate::native::sweep_groups(is_live);
    removed.extend(super::sweep_bundles(&runtime.bundles, live, |name| {
        sandbox::forget(runtime, standing, name);
    }));
    removed
}

#[async_trait]
impl Tried for OciProvider {
    async fn begin_trial(&self, spec: &SandboxSpec) -> Result<Arc<dyn Sandbox>, SandboxError> {
        Ok(Arc::new(OciSandbox(self.begin(spec).await?)))
    }

    fn tier(&self) -> Tier {
        match self.runtime.is_gvisor {
            true => Tier::UserKernel,
            false => Tier::Namespaces,
        }
    }

    fn counts(&self) -> bool {
        Standing::of_this_process().is_ok_and(|it| it == Standing::Root)
            && common_hierarchy().bounds_memory()
    }
}

/// Why the runtime did not make a container, in its own words.
fn refused(runtime: &Runtime, words: &str) -> SandboxError {
    let words: String = words.trim().chars().take(600).collect();
    SandboxError::Build {
        stage: format!("be made by `{}`", runtime.program.display()),
        cause: io::Error::other(words),
    }
}
