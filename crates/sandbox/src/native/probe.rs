//! What is really enforced here, found by trying it in a sandbox made for the purpose.

use super::session::Session;
use super::{NativeProvider, exec};
use crate::capability::{Capabilities, Enforcement, Tier};
use crate::provider::{Outcome, SandboxError};
use crate::spec::{Limits, SandboxId, SandboxSpec, WorkspaceMount};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const MIB: u64 = 1 << 20;
const MEMORY_BYTES: u64 = 64 * MIB;
const PROCESSES: u32 = 16;
/// A quarter of a processor for so long should leave a quarter of that time.
const CPU_PERCENT: u32 = 25;
const CPU_WALL_MS: u64 = 200;
/// Half, so that one scheduling period more or less does not decide.
const CPU_US_MAX: u128 = 100_000;
const TMP_BYTES: u64 = MIB;

/// The bits of the guest's attempt to escape.
const NAMESPACES: i32 = 1;
const SYSCALLS: i32 = 2;
const NETWORK: i32 = 4;
const FILES: i32 = 8;

const OPEN: Enforcement = Enforcement::None("a trial got through: this kernel cannot be relied on");
const NO_CPU: &str = "no cgroup can be used: run the server as root, or let systemd delegate one \
                      (`Delegate=yes` in its unit)";
const WATCHED: &str = "a watchdog looks every 20 ms and ends a sandbox that has grown too large; \
                       for a limit by the kernel run the server as root, or let systemd delegate \
                       a cgroup (`Delegate=yes` in its unit)";
const NO_QUOTA: &str = "a workspace on the host's disk has no quota, only a bound for each file; \
                        a workspace in memory has one";

pub async fn probe(provider: &NativeProvider) -> Result<Capabilities, SandboxError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let id = SandboxId::parse(format!("probe-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))?;
    let workspace = WorkspaceMount::Scratch {
        bytes: MIB,
        inodes: 64,
    };
    let mut spec = SandboxSpec::new(id, workspace);
    spec.limits = Limits {
        memory_bytes: MEMORY_BYTES,
        processes: PROCESSES,
        cpu_percent: CPU_PERCENT,
        tmp_bytes: TMP_BYTES,
        ..Limits::default()
    };
    let begun = provider.begin(&spec).await?;
    let found = try_all(&begun.session, begun.landlock_abi).await;
    begun.session.kill();
    begun.session.wait_for_end().await;
    found
}

async fn try_all(session: &Arc<Session>, landlock_abi: u32) -> Result<Capabilities, SandboxError> {
    let escape = match exec::probe(session, "escape", 0).await?.outcome {
        Outcome::Exited(bits) => bits,
        _ => NAMESPACES | SYSCALLS | NETWORK | FILES,
    };
    let border = |bit| {
        if escape & bit == 0 {
            Enforcement::Kernel
        } else {
            OPEN
        }
    };
    let scratch = held(session, "scratch", 4 * TMP_BYTES).await?;
    let processes = held(session, "processes", u64::from(PROCESSES)).await?;
    let spent = exec::probe(session, "cpu", CPU_WALL_MS)
        .await?
        .cpu
        .as_micros();
    // The last trial: where a watchdog guards memory, it ends the sandbox.
    let memory = exec::probe(session, "memory", 3 * MEMORY_BYTES)
        .await?
        .outcome;
    Ok(Capabilities {
        tier: Tier::Namespaces,
        namespaces: border(NAMESPACES),
        syscalls: border(SYSCALLS),
        network: border(NETWORK),
        filesystem: border(FILES),
        memory: match memory {
            Outcome::OutOfMemory if session.group().bounds_memory() => Enforcement::Kernel,
            Outcome::OutOfMemory => Enforcement::BestEffort(WATCHED),
            _ => OPEN,
        },
        processes,
        cpu: if spent <= CPU_US_MAX {
            Enforcement::Kernel
        } else {
            Enforcement::None(NO_CPU)
        },
        scratch,
        disk: Enforcement::None(NO_QUOTA),
        landlock_abi,
    })
}

/// Tries to exceed something; an exit with zero says that it was not possible.
async fn held(
    session: &Arc<Session>,
    attempt: &str,
    amount: u64,
) -> Result<Enforcement, SandboxError> {
    let outcome = exec::probe(session, attempt, amount).await?.outcome;
    Ok(if outcome == Outcome::Exited(0) {
        Enforcement::Kernel
    } else {
        OPEN
    })
}
