//! Backends that have somebody else make the container: an OCI runtime by its command line (which
//! gives gVisor without a daemon), or the engine of Podman and Docker by its socket.
//!
//! The same guest as everywhere is the first process. On the host's kernel it serves us over a
//! socket as in the native backend, so commands, terminals and the way out through the proxy are
//! the very same. gVisor lets no descriptor out, so there a runtime enters each command, and there
//! is no way out. What no container has is a copy-on-write mount: a view is a copy here.

mod claim;
mod covers;
mod layout;
mod door;
mod probe;

mod process;
mod words;
mod oci;

mod engine;

pub use engine::EngineProvider;
pub use oci::OciProvider;

use crate::capability::Shortfall;
use crate::provider::{Created, SandboxError};
use crate::spec::{Demand, EgressSpec, SandboxId, SandboxSpec, WorkspaceMount};
use layout::Kernel;
use std::collections::HashSet;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Why gVisor has no way out.
const NO_WAY_OUT: &str = "gVisor hands no sockets out of its kernel: use `backend = \"native\"`, \
                          `podman`, or `runtime = \"runc\"`, or leave `sandbox.allow_domains` empty";

/// Refuses what no container on this kernel can be.
fn check(spec: &SandboxSpec, kernel: Kernel) -> Result<(), SandboxError> {
    let missing = |what, why| {
        Err(SandboxError::Unsupported(Shortfall {
            what,
            wanted: Demand::Any,
            why,
        }))
    };
    if matches!(spec.workspace, WorkspaceMount::Overlay { .. }) {
        return missing(
            "a copy-on-write mount",
            "containers work on copies: this is a fault of Wardroom",
        );
    }
    if kernel == Kernel::UserSpace && spec.egress != EgressSpec::None {
        return missing("a way out through the proxy", NO_WAY_OUT);
    }
    Ok(())
}

/// What the first process needs of the powers over its own network to open the way out; it gives
/// them up before anything else runs.
const POWERS_FOR_EGRESS: [&str; 3] = ["NET_ADMIN", "NET_BIND_SERVICE", "SETPCAP"];

fn powers(spec: &SandboxSpec) -> impl Iterator<Item = String> {
    let wanted = spec.egress != EgressSpec::None;
    let all = POWERS_FOR_EGRESS
        .into_iter()
        .map(|name| format!("CAP_{name}"));
    all.filter(move |_| wanted)
}

/// Makes a container in a task of its own: whoever gives up waiting leaves no half of one behind.
async fn to_the_end(
    begin: impl Future<Output = Result<Created, SandboxError>> + Send + 'static,
) -> Result<Created, SandboxError> {
    let begun = tokio::spawn(begin).await;
    begun.unwrap_or(Err(SandboxError::Ended))
}

/// A folder of ours, with those above it.
fn make_folder(folder: &Path, mode: u32) -> Result<(), SandboxError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)
        .map_err(|cause| SandboxError::Host {
            attempt: "make a folder for containers",
            cause,
        })
}

/// Containers are named `PID.ID`: the process that made it, and for which sandbox.
fn name_of(id: &SandboxId) -> String {
    format!("{}.{}", std::process::id(), id.as_str())
}

fn is_stale(name: &str, live: &HashSet<SandboxId>) -> bool {
    let Some((maker, id)) = name.split_once('.') else {
        return false;
    };
    if maker == std::process::id().to_string() {
        return !live.iter().any(|known| known.as_str() == id);
    }
    !Path::new("/proc").join(maker).exists()
}

/// Removes what stale containers were made from, and lets `forget` do the rest.
fn sweep_bundles(bundles: &Path, live: &HashSet<SandboxId>, forget: impl Fn(&str)) -> Vec<String> {
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(bundles).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_stale(&name, live) {
            forget(&name);
            let _ = std::fs::remove_dir_all(entry.path());
            removed.push(format!("container {name}"));
        }
    }
    removed
}
