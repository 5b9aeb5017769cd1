//! An OCI runtime by its command line, without a daemon: `runsc` gives a kernel in user space,
//! `crun` and `runc` the host's own.

mod config;
mod making;
mod gvisor;

use super::layout::Kernel;
use super::probe::{self, Tried};
use crate::backend::{Backend, Provider};
use crate::capability::{Capabilities, Tier};
use crate::native::{Standing, common_hierarchy};
use crate::provider::{Created, SandboxError, SweepReport};
use crate::spec::{Limits, SandboxId, SandboxSpec};
use async_trait::async_trait;
use making::Making;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// Makes sandboxes by an OCI runtime.
pub type OciProvider = Provider<Runtime>;

/// The runtime's program and where it keeps what it knows.
#[derive(Debug, Clone)]
pub struct Runtime {
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
        Self::from(Runtime {
            program,
            is_gvisor,
            state: folder.join("state"),
            bundles: folder.join("bundles"),
        })
    }
}

#[async_trait]
impl Backend for Runtime {
    fn name(&self) -> &'static str {
        "oci"
    }

    async fn begin(&self, spec: &SandboxSpec) -> Result<Created, SandboxError> {
        let kernel = self.kernel();
        super::check(spec, kernel)?;
        let (runtime, spec) = (self.clone(), spec.clone());
        super::to_the_end(async move {
            match kernel {
                Kernel::Host => making::begin(Making::of(&runtime, &spec)?, &spec).await,
                Kernel::UserSpace => gvisor::begin(Making::of(&runtime, &spec)?, &spec).await,
            }
        })
        .await
    }

    async fn try_out(&self) -> Result<Capabilities, SandboxError> {
        probe::probe(self).await
    }

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        let (runtime, live) = (self.clone(), live.clone());
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
        making::forget(runtime, standing, name);
    }));
    removed
}

impl Tried for Runtime {
    fn tier(&self) -> Tier {
        match self.is_gvisor {
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
