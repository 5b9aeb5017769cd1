//! The native backend: Linux namespaces, a system-call filter, Landlock and cgroups, by a
//! launcher of our own. Works as root and as an ordinary user; needs no daemon, no set-uid
//! program and no configuration.
//!
//! What it is not: a kernel of its own. A bug in the host's kernel is a way out.

mod cgroup;
mod control;
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
mod wire;

use crate::backend::{Backend, Provider};
use crate::capability::Capabilities;
use crate::provider::{Created, SandboxError, SweepReport};
use crate::spec::{SandboxId, SandboxSpec};
use crate::watchdog::Guards;
use async_trait::async_trait;
pub(crate) use cgroup::{Group, common_hierarchy};
pub(crate) use exec::parse as parse_command;
pub(crate) use identity::{Identity, Standing};
pub(crate) use launch::guest_bytes;
pub(crate) use placeholder::Placeholders;
pub(crate) use plan::root_plan;
use remains::{Holdings, Remains};
pub(crate) use session::{Begun, Born, Ground, Guest, meet};
use std::collections::HashSet;
use std::io;
pub(crate) use stream::{CappedOutput, Stream, watched};
pub(crate) use tree::usage as tree_usage;
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

/// Makes native sandboxes.
pub type NativeProvider = Provider<Native>;

#[derive(Debug, Default)]
pub struct Native {
    /// Views lie in volumes, as far as a trial shows that they hold.
    volumes: bool,
}

impl NativeProvider {
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, for workspaces that lie in volumes: the kernel holds their space, where a trial
    /// shows that it does, and where that is demanded no other workspace is written.
    pub fn over_volumes() -> Self {
        Native { volumes: true }.into()
    }
}

impl Native {
    async fn begin_session(&self, spec: &SandboxSpec) -> Result<Begun, SandboxError> {
        let guards = Guards::of(spec).await;
        let standing = Standing::of_this_process()?;
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
        let placeholders = Placeholders::foresee(&spec.workspace_from_here(), &spec.protected);
        let holdings = Holdings {
            identity,
            group,
            placeholders,
            volume: spec.volume.clone(),
        };
        let (guest, helper) = launch::launch(&plan)?;
        let begun = meet(spec, guest, Remains::of(helper, holdings)).await?;
        guards.watch(&begun.session);
        Ok(begun)
    }
}

#[async_trait]
impl Backend for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    async fn begin(&self, spec: &SandboxSpec) -> Result<Created, SandboxError> {
        self.begin_session(spec).await.map(Created::from)
    }

    async fn try_out(&self) -> Result<Capabilities, SandboxError> {
        probe::probe(self).await
    }

    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError> {
        let is_live = |id: &str| live.iter().any(|known| known.as_str() == id);
        Ok(SweepReport {
            removed: cgroup::sweep(cgroup::hierarchy(), is_live),
        })
    }
}
