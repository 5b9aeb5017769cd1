//! What confines commands, as the configuration has it: the backend, its limits, and what must be
//! enforced for a task to run at all.

use crate::config::{Config, Requirement, SandboxBackend};
use std::sync::Arc;
use wardroom_api::sandbox::{Border, Confinement, Enforced};
use wardroom_sandbox::{
    Capabilities, Demand, Demands, Enforcement, Limits, NativeProvider, SandboxProvider, Tier,
};

const MIB: u64 = 1024 * 1024;

/// The backend. Keep one per process: it remembers its probe.
pub fn provider(config: &Config) -> Arc<dyn SandboxProvider> {
    match config.sandbox.backend {
        // INVARIANT: `check` has refused every other backend.
        SandboxBackend::Native
        | SandboxBackend::Oci
        | SandboxBackend::Podman
        | SandboxBackend::Docker
        | SandboxBackend::Kubernetes => Arc::new(NativeProvider::new()),
    }
}

/// The bounds of one sandbox.
pub fn limits(config: &Config) -> Limits {
    Limits {
        memory_bytes: config.sandbox.memory_max_mib * MIB,
        processes: config.sandbox.processes_max,
        workspace_bytes: config.sandbox.disk_max_mib * MIB,
        workspace_inodes: config.sandbox.files_max,
        ..Limits::default()
    }
}

/// What the kernel must enforce.
pub fn demands(config: &Config) -> Demands {
    let mut demands = Demands::default();
    for requirement in &config.sandbox.require {
        match requirement {
            Requirement::Memory => demands.memory = Demand::Kernel,
            Requirement::Processes => demands.processes = Demand::Kernel,
            Requirement::Cpu => demands.cpu = Demand::Kernel,
            Requirement::Disk => demands.disk = Demand::Kernel,
            Requirement::OwnKernel => demands.tier = Tier::UserKernel,
        }
    }
    demands
}

/// What was found by trying, for those who ask.
pub fn on_the_wire(backend: &str, capabilities: &Capabilities, demands: &Demands) -> Confinement {
    let border = |(name, enforcement): (&str, Enforcement)| {
        let (enforced, why) = match enforcement {
            Enforcement::Kernel => (Enforced::Kernel, None),
            Enforcement::BestEffort(why) => (Enforced::BestEffort, Some(why.to_owned())),
            Enforcement::None(why) => (Enforced::None, Some(why.to_owned())),
        };
        Border {
            name: name.to_owned(),
            enforced,
            why,
        }
    };
    Confinement {
        backend: backend.to_owned(),
        border: capabilities.tier.to_string(),
        borders: capabilities.rows().into_iter().map(border).collect(),
        unmet: capabilities
            .meet_for_views(demands)
            .err()
            .map(|shortfall| shortfall.to_string()),
    }
}
