//! One container of an OCI runtime: what it is made from, its start, and what is left of it.

use super::{Runtime, config, refused};
use crate::container::claim;
use crate::container::door::Door;
use crate::container::layout::{Bundle, Kernel};
use crate::container::process::Running;
use crate::native::{Ground, Group, Identity, Standing, common_hierarchy, meet};
use crate::provider::{Created, SandboxError};
use crate::spec::SandboxSpec;
use crate::watchdog::Guards;
use async_trait::async_trait;
use rustix::event::Timespec;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A runtime that does not end by then is killed itself; the sweep removes the rest.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Without a runtime to wait with, nobody is blocked for longer than this.
const BLOCKED_MAX: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
const REMOVAL_TRIES: u32 = 500;
const REMOVAL_PAUSE: Duration = Duration::from_millis(1);

/// Everything that a container is made from.
pub struct Making {
    pub runtime: Runtime,
    pub standing: Standing,
    pub identity: Identity,
    /// The user and group inside.
    pub inner: (u32, u32),
    pub group: Group,
    pub bundle: Bundle,
    /// Its name for the runtime.
    pub name: String,
}

impl Making {
    pub fn of(runtime: &Runtime, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let (standing, identity) = claim::take()?;
        crate::container::make_folder(&runtime.state, 0o700)?;
        crate::container::make_folder(&runtime.bundles, 0o711)?;
        let inner = claim::inside(standing, &identity);
        let name = crate::container::name_of(&spec.id);
        let bounds = runtime.bounds(&spec.limits);
        let group = Group::make(common_hierarchy(), spec.id.as_str(), &bounds);
        let group = group.map_err(|cause| SandboxError::Host {
            attempt: "make a cgroup for the sandbox",
            cause,
        })?;
        let folder = runtime.bundles.join(&name);
        match Bundle::make(folder, spec, &identity, inner, runtime.kernel()) {
            Ok(bundle) => Ok(Self {
                runtime: runtime.clone(),
                standing,
                identity,
                inner,
                group,
                bundle,
                name,
            }),
            Err(error) => {
                group.remove();
                Err(error)
            }
        }
    }

    /// Has the runtime run it, in the foreground.
    pub fn start(
        self,
        spec: &SandboxSpec,
        (input, output): (Stdio, Stdio),
    ) -> Result<Started, SandboxError> {
        match self.try_start(spec, input, output) {
            Ok(running) => Ok(Started {
                making: self,
                running,
                cleared: AtomicBool::new(false),
            }),
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
        input: Stdio,
        output: Stdio,
    ) -> Result<Running, SandboxError> {
        let configuration = config::of(self, spec)?.to_string();
        let file = |name: &str| self.bundle.folder.join(name);
        let log = std::fs::write(file("config.json"), configuration)
            .and_then(|()| std::fs::File::create(file("log")));
        let started = log.and_then(|log| {
            let mut command = self.runtime.command(self.standing);
            command.arg("run").arg("--bundle").arg(&self.bundle.folder);
            command.arg(&self.name);
            Running::start(command.stdin(input).stdout(output).stderr(log))
        });
        started.map_err(|cause| SandboxError::Build {
            stage: format!(
                "start `{}` (is it installed? `sandbox.runtime` names it)",
                self.runtime.program.display()
            ),
            cause,
        })
    }

    /// Why it did not come up, in the runtime's own words.
    pub fn refusal(&self) -> SandboxError {
        let words = std::fs::read_to_string(self.bundle.folder.join("log"));
        refused(&self.runtime, &words.unwrap_or_default())
    }
}

/// A container on the host's kernel, which serves us as a native sandbox does.
pub async fn begin(making: Making, spec: &SandboxSpec) -> Result<Created, SandboxError> {
    let guards = Guards::of(spec).await;
    let door = match Door::open(&making.bundle, &making.identity) {
        Ok(door) => door,
        Err(error) => {
            making.bundle.remove();
            making.group.remove();
            return Err(error);
        }
    };
    let started = making.start(spec, (Stdio::null(), Stdio::null()))?;
    let ended = async {
        started.running.wait().await;
        started.making.refusal()
    };
    match door.admit(ended).await {
        Ok(guest) => {
            let begun = meet(spec, guest, started).await?;
            guards.watch(&begun.session);
            Ok(begun.into())
        }
        Err(error) => {
            started.running.kill();
            started.clear().await;
            Err(error)
        }
    }
}

/// A container that the runtime was asked for, and its process that waits for the end.
pub struct Started {
    pub making: Making,
    pub running: Running,
    cleared: AtomicBool,
}

#[async_trait]
impl Ground for Started {
    fn group(&self) -> &Group {
        &self.making.group
    }

    /// May be called again.
    async fn clear(&self) {
        if self.cleared.swap(true, Ordering::Relaxed) {
            return;
        }
        let ended = tokio::time::timeout(END_WITHIN, self.running.wait()).await;
        if ended.is_err() {
            self.running.kill();
        }
        let making = &self.making;
        let (runtime, standing, name) =
            (making.runtime.clone(), making.standing, making.name.clone());
        let forgotten = tokio::task::spawn_blocking(move || forget(&runtime, standing, &name));
        let _ = forgotten.await;
        making.bundle.remove();
        for _ in 0..REMOVAL_TRIES {
            if making.group.remove() {
                return;
            }
            tokio::time::sleep(REMOVAL_PAUSE).await;
        }
        tracing::warn!(
            container = making.name,
            "a cgroup stays until the next sweep"
        );
    }
}

/// Only where the server's own runtime ended before the container did. Whatever held it is let go
/// of by then, so it is about to end.
impl Drop for Started {
    fn drop(&mut self) {
        if self.cleared.swap(true, Ordering::Relaxed) {
            return;
        }
        self.running.wait_blocked(BLOCKED_MAX);
        let making = &self.making;
        forget(&making.runtime, making.standing, &making.name);
        making.bundle.remove();
        let _ = making.group.remove();
    }
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

pub const fn program(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Host => "wardroom-init",
        Kernel::UserSpace => "wardroom-hold",
    }
}
