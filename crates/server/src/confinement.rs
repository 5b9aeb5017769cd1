//! What confines commands, as the configuration has it: the backend, its limits, and what must be
//! enforced for a task to run at all.

use crate::config::{Config, Requirement, SandboxBackend};
use std::sync::Arc;
use wardroom_api::sandbox::{Border, Confinement, Enforced, Offer};
use wardroom_executors::StandardLevel;
use wardroom_sandbox::view::OverlaySupport;
use wardroom_sandbox::volume::Room;
use wardroom_sandbox::{
    Capabilities, Demand, Demands, Enforcement, EngineProvider, Limits, NativeProvider,
    OciProvider, SandboxProvider, Tier,
};

const MIB: u64 = 1024 * 1024;

/// The backend. Keep one per process: it remembers its probe.
pub fn provider(config: &Config) -> Arc<dyn SandboxProvider> {
    let folder = config.data_dir.join("containers");
    let socket = config.sandbox.socket.clone();
    match config.sandbox.backend {
        SandboxBackend::Oci => Arc::new(OciProvider::new(&config.sandbox.runtime, &folder)),
        SandboxBackend::Podman => Arc::new(EngineProvider::podman(socket, &folder)),
        SandboxBackend::Docker => Arc::new(EngineProvider::docker(socket, &folder)),
        // INVARIANT: `check` has refused Kubernetes.
        SandboxBackend::Native | SandboxBackend::Kubernetes => Arc::new(native(config)),
    }
}

fn native(config: &Config) -> NativeProvider {
    match room(config) {
        Some(_) => NativeProvider::over_volumes(),
        None => NativeProvider::new(),
    }
}

/// What a view gets as a volume of its own, where the kernel has to hold its space.
pub fn room(config: &Config) -> Option<Room> {
    // An ordinary user mounts nothing of the kind; then the demand is refused with how to get it.
    let could = config.sandbox.backend == SandboxBackend::Native
        && OverlaySupport::of_this_process() == OverlaySupport::Privileged;
    (could && config.sandbox.require.contains(&Requirement::Disk)).then(|| Room {
        bytes: config.sandbox.disk_max_mib.saturating_mul(MIB),
        files: config.sandbox.files_max,
    })
}

/// How views are kept apart from their workspace: containers mount no layers.
pub fn overlay(config: &Config) -> OverlaySupport {
    match config.sandbox.backend {
        SandboxBackend::Native => OverlaySupport::of_this_process(),
        other => OverlaySupport::None {
            because: format!("the {other} backend mounts no overlay"),
        },
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

/// What agents of level `STANDARD` are given.
pub(crate) fn standard(config: &Config) -> StandardLevel {
    StandardLevel {
        programs: config.sandbox.standard_programs.clone(),
        reads: config.sandbox.standard_reads.clone(),
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
    let offer = |(name, offer): (&str, wardroom_sandbox::Offer)| Offer {
        name: name.to_owned(),
        refused: match offer {
            wardroom_sandbox::Offer::Given => None,
            wardroom_sandbox::Offer::Refused(why) => Some(why.to_owned()),
        },
    };
    Confinement {
        backend: backend.to_owned(),
        border: capabilities.tier.to_string(),
        borders: capabilities.rows().into_iter().map(border).collect(),
        offers: capabilities.offers().into_iter().map(offer).collect(),
        unmet: capabilities
            .meet_for_views(demands)
            .err()
            .map(|shortfall| shortfall.to_string()),
    }
}
