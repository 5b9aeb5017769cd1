//! The native backend: Linux namespaces, a system-call filter, Landlock and cgroups, by a
//! launcher of our own. Works as root and as an ordinary user; needs no daemon, no set-uid
//! program and no configuration.
//!
//! What it is not: a kernel of its own. A bug in the host's kernel is a way out.

mod cgroup;
mod control;
mod disk;
mod exec;
mod identity;
mod launch;
mod placeholder;
mod plan;
mod probe;
mod remains;
mod seccomp;
mod session;
mod stream;
mod tree;
mod watchdog;
mod wire;

use crate::capability::Capabilities;
use crate::provider::{Created, SandboxError, SandboxProvider, SweepReport};
use crate::spec::{Demands, SandboxId, SandboxSpec};
use async_trait::async_trait;
pub(crate) use cgroup::{Group, common_hierarchy};
pub(crate) use exec::parse as parse_command;
pub(crate) use identity::{Identity, Standing};
pub(crate) use launch::guest_bytes;
pub(crate) use plan::root_plan;
use remains::Holdings;
use session::{Begun, NativeSandbox};
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
pub(crate) use stream::{CappedOutput, Stream, watched};
use tokio::sync::OnceCell;
pub(crate) use tree::usage as tree_usage;
pub(crate) use watchdog::{Watched, allowance, watch, watch_disk};
pub(crate) use wire::{Plan, Text, Wire};

/// Removes the groups of sandboxes that no longer live.
pub(crate) fn sweep_groups(is_live: impl Fn(&str) -> bool) -> Vec<String> {
    cgroup::sweep(cgroup::common_hierarchy(), is_live)
}

/// Turns an error of the host into one that says what was attempted.
fn host<E: Into<io::Error>>(attempt: &'static str) -> impl Fn(E) -> SandboxError {
    move |cause| SandboxError::Host {
        attempt,
        cause: cause.into(),
    }
}

/// Makes native sandboxes. Cheap to share; keep one per process, for it remembers the probe.
#[derive(Debug, Default)]
pub struct NativeProvider {
    capabilities: OnceCell<Capabilities>,
}

impl NativeProvider {
    pub fn new() -> Self {
        Self::default()
    }

    async fn begin(&self, spec: &SandboxSpec) -> Result<Begun, SandboxError> {
        let standing = Standing::of_this_process()?;
        let allowance = watchdog::allowance(&spec.workspace, &spec.limits).await;
        let identity = Identity::take(standing)?;
        let group = Group::make(cgroup::hierarchy(), spec.id.as_str(), &spec.limits)
            .map_err(host("make a cgroup for the sandbox"))?;
        let plan = match plan::plan(spec, standing, &identity, &group) {
            Ok(plan) => plan,
            Err(error) => {
                group.remove();
                return Err(error);
            }
        };
        let placeholders = placeholder::Placeholders::foresee(&spec.workspace, &spec.protected);
        let holdings = Holdings {
            identity,
            group,
            placeholders,
        };
        let begun = session::begin(spec.id.clone(), &plan, holdings).await?;
        if !begun.session.group().bounds_memory() {
            watchdog::watch(&begun.session, spec.limits.memory_bytes);
        }
        if let Some(allowance) = allowance {
            watchdog::watch_disk(&begun.session, allowance);
        }
        Ok(begun)
    }
}

#[async_trait]
impl SandboxProvider for NativeProvider {
    fn name(&self) -> &'static str {
        "native"
    }

    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        self.capabilities
            .get_or_try_init(|| probe::probe(self))
            .await
            .copied()
    }

    /// The minimum (namespaces, filter, no network) cannot be missing from a sandbox that
    /// was made, so only further demands need the probe.
    async fn create(&self, spec: SandboxSpec) -> Result<Created, SandboxError> {
        if spec.demands != Demands::default() {
            let capabilities = self.probe().await?;
            capabilities
                .meet(&spec.demands)
                .and_then(|()| capabilities.meet_disk(spec.demands.disk, &spec.workspace))
                .map_err(SandboxError::Unsupported)?;
        }
        let begun = self.begin(&spec).await?;
        let sandbox = Arc::new(NativeSandbox(begun.session));
        Ok(Created {
            sandbox,
            egress: begun.egress,
        })
    }

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        let is_live = |id: &str| live.iter().any(|known| known.as_str() == id);
        Ok(SweepReport {
            removed: cgroup::sweep(cgroup::hierarchy(), is_live),
        })
    }
}
