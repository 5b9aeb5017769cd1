//! Sandboxes that are pipes into the world outside.

use crate::outside::World;
use async_trait::async_trait;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use wardroom_executors::RUNNER_NAME;
use wardroom_sandbox::{
    Capabilities, Created, DestroyReason, Enforcement, ExecControl, ExecHandle, ExecReport,
    ExecSpec, Offer, Outcome, Sandbox, SandboxError, SandboxId, SandboxProvider, SandboxSpec,
    SweepReport, Teardown, TerminalSize, Tier, Usage, WorkspaceMount,
};

/// Makes them. The world runs on a runtime of its own, for it outlives our processes.
pub(crate) struct Pipes {
    pub(crate) world: World,
    pub(crate) outside: Handle,
}

struct Pipe {
    id: SandboxId,
    world: World,
    outside: Handle,
    folder: Option<PathBuf>,
}

struct Control;

#[async_trait]
impl SandboxProvider for Pipes {
    fn name(&self) -> &'static str {
        "pipes"
    }

    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        Ok(Capabilities {
            tier: Tier::Namespaces,
            namespaces: Enforcement::Kernel,
            syscalls: Enforcement::Kernel,
            network: Enforcement::Kernel,
            filesystem: Enforcement::Kernel,
            memory: Enforcement::Kernel,
            processes: Enforcement::Kernel,
            cpu: Enforcement::Kernel,
            scratch: Enforcement::Kernel,
            disk: Enforcement::Kernel,
            way_out: Offer::Given,
            terminals: Offer::Given,
            landlock_abi: 4,
        })
    }

    async fn create(&self, spec: SandboxSpec) -> Result<Created, SandboxError> {
        let folder = match spec.workspace {
            WorkspaceMount::Bind { dir, .. } => Some(dir),
            WorkspaceMount::Overlay { upper, .. } => Some(upper),
            WorkspaceMount::Scratch { .. } => None,
        };
        let pipe = Pipe {
            id: spec.id,
            world: self.world.clone(),
            outside: self.outside.clone(),
            folder,
        };
        Ok(Created {
            sandbox: Arc::new(pipe),
            egress: None,
        })
    }

    async fn sweep(&self, _: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        Ok(SweepReport::default())
    }
}

#[async_trait]
impl Sandbox for Pipe {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    async fn exec(&self, spec: ExecSpec) -> Result<ExecHandle, SandboxError> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let program = spec
            .argv
            .first()
            .map(|word| word.to_string_lossy().into_owned());
        let is_runner = program.is_some_and(|program| program.ends_with(RUNNER_NAME));
        let world = self.world.clone();
        if is_runner {
            self.outside
                .spawn(world.serve_runner(theirs, self.folder.clone()));
        } else {
            self.outside.spawn(world.serve_tools(theirs));
        }
        let (output, input) = tokio::io::split(ours);
        Ok(ExecHandle {
            stdin: Some(Box::pin(input)),
            stdout: Some(Box::pin(output)),
            stderr: None,
            control: Box::new(Control),
        })
    }

    async fn usage(&self) -> Result<Usage, SandboxError> {
        Ok(Usage::default())
    }

    async fn freeze(&self, _: bool) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn destroy(&self, _: DestroyReason) -> Result<Teardown, SandboxError> {
        Ok(Teardown {
            took: Duration::ZERO,
            usage: Usage::default(),
        })
    }
}

#[async_trait]
impl ExecControl for Control {
    async fn wait(&self) -> ExecReport {
        ExecReport {
            outcome: Outcome::Lost,
            cpu: Duration::ZERO,
            rss_max_bytes: 0,
            wall: Duration::ZERO,
            oom_kills: 0,
            dropped_bytes: 0,
        }
    }

    fn kill(&self) {}

    fn signal(&self, _: i32) {}

    fn resize(&self, _: TerminalSize) -> io::Result<()> {
        Ok(())
    }
}
