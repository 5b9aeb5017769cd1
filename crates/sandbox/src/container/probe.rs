//! What an engine or a runtime really enforces here, by the same trials as in the native backend.

use crate::capability::{Capabilities, Enforcement, Tier};
use crate::container::layout::GUEST;
use crate::provider::{DestroyReason, ExecReport, Outcome, Sandbox, SandboxError};
use crate::spec::{ExecSpec, Limits, SandboxId, SandboxSpec, WorkspaceMount};
use async_trait::async_trait;
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

/// What is tried.
#[async_trait]
pub trait Tried: Send + Sync {
    async fn begin_trial(&self, spec: &SandboxSpec) -> Result<Arc<dyn Sandbox>, SandboxError>;
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
    first.destroy(DestroyReason::Finished).await?;
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
        landlock_abi: 0,
    })
}

async fn begin(
    provider: &impl Tried,
    spec: &mut SandboxSpec,
    what: &str,
) -> Result<Arc<dyn Sandbox>, SandboxError> {
    spec.id = SandboxId::parse(format!("probe-box-{what}"))?;
    provider.begin_trial(spec).await
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
