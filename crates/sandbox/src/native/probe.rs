//! What is really enforced here, found by trying it in a sandbox made for the purpose.

use super::identity::Standing;
use super::session::Session;
use super::{Native, exec};
use crate::capability::{Capabilities, Enforcement, Offer, Tier};
use crate::provider::{Outcome, SandboxError};
use crate::spec::{Limits, SandboxId, SandboxSpec, WorkspaceMount};
use crate::volume::{Room, Volume, VolumeError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const MIB: u64 = 1 << 20;
const MEMORY_BYTES: u64 = 64 * MIB;
const PROCESSES: u32 = 16;
/// A quarter of a processor for so long should leave a quarter of that time.
const CPU_PERCENT: u32 = 25;
const CPU_WALL_MS: u64 = 200;
/// Half, so that one scheduling period more or less does not decide.
const CPU_PERCENT_MAX: i32 = 50;
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
const NO_DISK: &str = "a trial wrote more than it was allowed, and nobody noticed";
const NO_TRIAL: &str = "the folder for temporary files takes no trial: make it writable, or name \
                        another with `TMPDIR`";
const DISK_WATCHED: &str = "a watchdog counts several times a second and ends a sandbox whose workspace \
                            has grown too large; a single file is bounded by the kernel, and so is \
                            a workspace in memory";
const DISK_COULD: &str = "a watchdog counts several times a second and ends a sandbox whose workspace \
                          has grown too large; with `require = [\"disk\"]` under `[sandbox]` every \
                          view gets a volume of its own, which the kernel bounds";
const DISK_FOR_ROOT: &str = "a watchdog counts several times a second and ends a sandbox whose \
                             workspace has grown too large; for a limit by the kernel run the \
                             server as root";
const DISK_NO_VOLUME: &str = "a watchdog counts several times a second and ends a sandbox whose \
                              workspace has grown too large; the kernel could hold it where there \
                              are loop devices, ext4 and `mkfs.ext4`, and here a trial of them failed";
/// Room of a trial, and what is tried beyond it.
const VOLUME_ROOM: Room = Room {
    bytes: 4 * MIB,
    files: 64,
};
const VOLUME_BYTES_TRIED: u64 = 16 * MIB;
const VOLUME_FILES_TRIED: u64 = 2000;

pub async fn probe(native: &Native) -> Result<Capabilities, SandboxError> {
    let workspace = WorkspaceMount::Scratch {
        bytes: MIB,
        inodes: 64,
    };
    let mut spec = SandboxSpec::new(fresh_id()?, workspace);
    spec.limits = Limits {
        memory_bytes: MEMORY_BYTES,
        processes: PROCESSES,
        cpu_percent: CPU_PERCENT,
        tmp_bytes: TMP_BYTES,
        ..Limits::default()
    };
    let begun = native.begin_session(&spec).await?;
    let found = try_all(&begun.session, begun.landlock_abi).await;
    begun.session.kill();
    begun.session.wait_for_end().await;
    Ok(Capabilities {
        disk: try_disk(native).await?,
        ..found?
    })
}

fn fresh_id() -> Result<SandboxId, SandboxError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Ok(SandboxId::parse(format!(
        "probe-{}-{number}",
        std::process::id()
    ))?)
}

/// A folder on the disk, made for the trial and removed after it.
struct Trial(PathBuf);

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn try_disk(native: &Native) -> Result<Enforcement, SandboxError> {
    let id = fresh_id()?;
    let folder = std::env::temp_dir().join(format!("wardroom-{id}"));
    if std::fs::create_dir(&folder).is_err() {
        return Ok(Enforcement::None(NO_TRIAL));
    }
    let trial = Trial(folder);
    let watched = try_watchdog(native, id, &trial.0).await?;
    if watched != Enforcement::BestEffort(DISK_WATCHED) {
        return Ok(watched);
    }
    let is_root = Standing::of_this_process()? == Standing::Root;
    let holds = is_root && try_volume(native, trial.0.clone()).await.unwrap_or(false);
    Ok(match (holds, native.volumes) {
        (true, true) => Enforcement::Kernel,
        (true, false) => Enforcement::BestEffort(DISK_COULD),
        (false, _) if is_root => Enforcement::BestEffort(DISK_NO_VOLUME),
        (false, _) => Enforcement::BestEffort(DISK_FOR_ROOT),
    })
}

async fn try_watchdog(
    native: &Native,
    id: SandboxId,
    folder: &Path,
) -> Result<Enforcement, SandboxError> {
    let workspace = WorkspaceMount::Bind {
        dir: folder.to_owned(),
        read_only: false,
    };
    let mut spec = SandboxSpec::new(id, workspace);
    spec.limits.workspace_bytes = MIB;
    // Kernels before 6.3 map no owners of a tmpfs, which a folder for temporary files may be.
    let begun = match native.begin_session(&spec).await {
        Err(SandboxError::Build { stage, .. }) if stage.starts_with("map the owner") => {
            return Ok(Enforcement::None(NO_TRIAL));
        }
        begun => begun?,
    };
    let outcome = exec::probe(&begun.session, "disk", 8 * MIB).await;
    begun.session.kill();
    begun.session.wait_for_end().await;
    Ok(match outcome?.outcome {
        Outcome::Exited(0) => Enforcement::Kernel,
        Outcome::OutOfSpace => Enforcement::BestEffort(DISK_WATCHED),
        _ => Enforcement::None(NO_DISK),
    })
}

/// Overfills a small volume, with bytes and with files: true if the kernel refused both.
async fn try_volume(native: &Native, folder: PathBuf) -> Result<bool, SandboxError> {
    let place = folder.join("volume");
    let inside = place.join("workspace");
    let made = tokio::task::spawn_blocking(move || -> Result<Volume, VolumeError> {
        let volume = Volume::make(&folder.join("image"), &place, VOLUME_ROOM)?;
        let made = std::fs::create_dir(&place)
            .and_then(|()| std::fs::create_dir(volume.top().join("workspace")));
        made.map(|()| volume).map_err(|source| VolumeError::Host {
            doing: "make a folder in a volume",
            source,
        })
    });
    let volume = match made.await {
        Ok(Ok(volume)) => volume,
        failed => {
            tracing::debug!(?failed, "no volume can be had here");
            return Ok(false);
        }
    };
    let workspace = WorkspaceMount::Bind {
        dir: inside,
        read_only: false,
    };
    let mut spec = SandboxSpec::new(fresh_id()?, workspace);
    spec.volume = Some(Arc::new(volume));
    let begun = native.begin_session(&spec).await?;
    let bytes = held(&begun.session, "disk", VOLUME_BYTES_TRIED).await;
    let files = held(&begun.session, "files", VOLUME_FILES_TRIED).await;
    begun.session.kill();
    begun.session.wait_for_end().await;
    Ok((bytes?, files?) == (Enforcement::Kernel, Enforcement::Kernel))
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
    // It tells how much of a processor it got; what its start took is not counted.
    let got = exec::probe(session, "cpu", CPU_WALL_MS).await?.outcome;
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
        // Little is got also where others take the processors: without a group that is no proof.
        cpu: match got {
            Outcome::Exited(0..=CPU_PERCENT_MAX) if session.group().bounds_cpu() => {
                Enforcement::Kernel
            }
            _ => Enforcement::None(NO_CPU),
        },
        scratch,
        disk: Enforcement::None(NO_DISK),
        // Without its sockets and its terminals no native sandbox comes to be.
        way_out: Offer::Given,
        terminals: Offer::Given,
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
