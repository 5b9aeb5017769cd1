//! What an engine or a runtime really enforces here, by the same trials as in the native backend.

use crate::backend::Backend;
use crate::capability::{Capabilities, Enforcement, Offer, Tier};
use crate::container::layout::GUEST;
use crate::container::words::NO_TERMINAL;
use crate::provider::{DestroyReason, ExecReport, Outcome, Sandbox, SandboxError};
use crate::spec::{
    EgressSpec, ExecSpec, Limits, SandboxId, SandboxSpec, TerminalSize, WorkspaceMount,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// More than a kernel in user space needs for itself.
const MEMORY_BYTES: u64 = 192 * MIB;
/// Its threads count as processes of the host.
const PROCESSES: u32 = 200;
const CPU_PERCENT: u32 = 25;
const CPU_WALL_MS: u64 = 1000;

const NAMESPACES: i32 = 1;
const SYSCALLS: i32 = 2;
const NETWORK: i32 = 4;
const FILES: i32 = 8;

const OPEN: Enforcement =
    Enforcement::None("a trial got through: this runtime cannot be relied on here");
const WATCHED: &str = "a watchdog looks every 20 ms and ends a container that has grown too large; \
                       for a limit by the kernel run the server as root";
const NO_CPU: &str = "without a cgroup no runtime limits processor time: run the server as root";
const DISK: &str = "a watchdog counts several times a second and ends a container whose workspace \
                    has grown too large";
const NO_DISK: &str = "a trial wrote more than it was allowed, and nobody noticed";

const TERMINAL_FAILED: &str = "a trial was given none: use `backend = \"native\"`";
const WAY_OUT_FAILED: &str = "a trial could not open one, because the engine keeps the powers over its own \
                              network from a container's first process: use `backend = \"native\"` or \
                              `podman`, or leave `sandbox.allow_domains` empty";

/// What is tried.
pub trait Tried: Backend {
    fn tier(&self) -> Tier;
    /// Whether memory is counted by a group, and not by a watchdog.
    fn counts(&self) -> bool;
}

pub async fn probe(provider: &impl Tried) -> Result<Capabilities, SandboxError> {
    let folder = std::env::temp_dir().join(format!("wardroom-probe-box-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).map_err(|cause| SandboxError::Host {
        attempt: "make a folder for a trial",
        cause,
    })?;
    let found = try_all(provider, folder.clone()).await;
    let _ = std::fs::remove_dir_all(&folder);
    found
}

async fn try_all(provider: &impl Tried, dir: PathBuf) -> Result<Capabilities, SandboxError> {
    let workspace = WorkspaceMount::Bind {
        dir,
        read_only: false,
    };
    let mut spec = SandboxSpec::new(SandboxId::parse("probe-box")?, workspace);
    spec.limits = Limits {
        memory_bytes: MEMORY_BYTES,
        processes: PROCESSES,
        cpu_percent: CPU_PERCENT,
        tmp_bytes: MIB,
        workspace_bytes: MIB,
        ..Limits::default()
    };
    let is_gvisor = provider.tier() > Tier::Namespaces;
    let is_counted = provider.counts();
    let first = begin(provider, &mut spec, "first").await?;
    let escape = match run(&first, "escape", 0).await?.outcome {
        Outcome::Exited(bits) if (0..16).contains(&bits) => bits,
        _ => NAMESPACES | SYSCALLS | NETWORK | FILES,
    };
    let scratch = match run(&first, "scratch", 4 * MIB).await?.outcome {
        Outcome::Exited(0) => Enforcement::Kernel,
        _ => OPEN,
    };
    let got = run(&first, "cpu", CPU_WALL_MS).await?.outcome;
    let is_cpu_bound = matches!(got, Outcome::Exited(percent) if percent < 2 * CPU_PERCENT as i32);
    let terminals = try_terminal(&first, is_gvisor).await;
    first.destroy(DestroyReason::Finished).await?;
    let way_out = try_way_out(provider, &mut spec, is_gvisor).await;
    // The rest may end their container: the kernel in user space is itself what is killed then.
    let born = in_its_own(provider, &mut spec, "processes", u64::from(PROCESSES)).await?;
    let processes = match born {
        Outcome::Exited(0) => Enforcement::Kernel,
        Outcome::Exited(1) => OPEN,
        _ if is_gvisor => Enforcement::Kernel,
        _ => OPEN,
    };
    let memory = match in_its_own(provider, &mut spec, "memory", 3 * MEMORY_BYTES).await? {
        Outcome::Exited(1) => OPEN,
        Outcome::OutOfMemory if !is_counted => Enforcement::BestEffort(WATCHED),
        _ if is_counted => Enforcement::Kernel,
        _ => OPEN,
    };
    let disk = match in_its_own(provider, &mut spec, "disk", 8 * MIB).await? {
        Outcome::OutOfSpace => Enforcement::BestEffort(DISK),
        _ => Enforcement::None(NO_DISK),
    };
    let border = |bit| match escape & bit {
        0 => Enforcement::Kernel,
        _ => OPEN,
    };
    Ok(Capabilities {
        tier: provider.tier(),
        namespaces: border(NAMESPACES),
        syscalls: border(SYSCALLS),
        network: border(NETWORK),
        filesystem: border(FILES),
        memory,
        processes,
        cpu: match is_cpu_bound {
            true => Enforcement::Kernel,
            false => Enforcement::None(NO_CPU),
        },
        scratch,
        disk,
        way_out,
        terminals,
        landlock_abi: 0,
    })
}

async fn try_terminal(sandbox: &Arc<dyn Sandbox>, is_gvisor: bool) -> Offer {
    let program = format!("{GUEST}/wardroom-probe");
    let terminal = Some(TerminalSize {
        rows: 24,
        columns: 80,
    });
    let spec = ExecSpec {
        terminal,
        ..ExecSpec::new([program.as_str(), "nothing"])
    };
    match sandbox.exec(spec).await {
        Ok(_) => Offer::Given,
        Err(_) if is_gvisor => Offer::Refused(NO_TERMINAL),
        Err(_) => Offer::Refused(TERMINAL_FAILED),
    }
}

async fn try_way_out(provider: &impl Tried, spec: &mut SandboxSpec, is_gvisor: bool) -> Offer {
    spec.egress = EgressSpec::Proxied;
    spec.id = SandboxId::parse("probe-box-out").unwrap_or_else(|_| spec.id.clone());
    let created = provider.begin(spec).await;
    spec.egress = EgressSpec::None;
    match created {
        Ok(created) => {
            let _ = created.sandbox.destroy(DestroyReason::Finished).await;
            Offer::Given
        }
        Err(_) if is_gvisor => Offer::Refused(super::NO_WAY_OUT),
        Err(_) => Offer::Refused(WAY_OUT_FAILED),
    }
}

async fn begin(
    provider: &impl Tried,
    spec: &mut SandboxSpec,
    what: &str,
) -> Result<Arc<dyn Sandbox>, SandboxError> {
    spec.id = SandboxId::parse(format!("probe-box-{what}"))?;
    Ok(provider.begin(spec).await?.sandbox)
}

async fn in_its_own(
    provider: &impl Tried,
    spec: &mut SandboxSpec,
    attempt: &str,
    amount: u64,
) -> Result<Outcome, SandboxError> {
    let sandbox = begin(provider, spec, attempt).await?;
    let outcome = run(&sandbox, attempt, amount).await?.outcome;
    sandbox.destroy(DestroyReason::Finished).await?;
    Ok(outcome)
}

async fn run(
    sandbox: &Arc<dyn Sandbox>,
    attempt: &str,
    amount: u64,
) -> Result<ExecReport, SandboxError> {
    let program = format!("{GUEST}/wardroom-probe");
    let mut spec = ExecSpec::new([program, attempt.to_owned(), amount.to_string()]);
    spec.timeout = Some(Duration::from_secs(60));
    Ok(sandbox.exec(spec).await?.wait().await)
}
