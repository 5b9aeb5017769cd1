//! Backends that have somebody else make the container: an OCI runtime by its command line (which
//! gives gVisor without a daemon), or the engine of Podman and Docker by its socket.
//!
//! The same guest as everywhere is the first process and the wrapper of every command, so filter,
//! limits and the tie to our life are the same. What these backends do not have: a copy-on-write
//! mount (a view is a copy here), a terminal, and egress.

mod claim;
mod layout;
mod words;
mod probe;

mod process;
mod oci;

mod engine;

pub use engine::EngineProvider;
pub use oci::OciProvider;

use crate::capability::Shortfall;
use crate::provider::SandboxError;
use crate::spec::{Demand, EgressSpec, SandboxId, SandboxSpec, WorkspaceMount};
use std::collections::HashSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Refuses what no container here can be.
fn check(spec: &SandboxSpec) -> Result<(), SandboxError> {
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
    if spec.egress != EgressSpec::None {
        return missing(
            "a way out through the proxy",
            "containers have no network at all: use `backend = \"native\"`, or leave \
             `sandbox.allow_domains` empty",
        );
    }
    Ok(())
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
