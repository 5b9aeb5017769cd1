//! The limits that the kernel does not hold here: look often, kill when they are exceeded.

mod disk;

use crate::provider::Outcome;
use crate::spec::{Limits, SandboxSpec, WorkspaceMount};
use disk::Held;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Fast enough for a program that fills memory at full speed not to press on the host, slow
/// enough to cost a hundredth of a processor.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A disk of a gigabyte a second takes in as much beyond the limit as memory could.
const DISK_LOOK_EVERY: Duration = Duration::from_millis(200);
/// A large tree takes long to count: at most so large a part of a processor goes into it.
const DISK_PAUSES_PER_LOOK: u32 = 20;

/// A sandbox as its watchdogs see it.
pub trait Watched: Send + Sync + 'static {
    fn has_ended(&self) -> bool;
    /// Somebody counts memory better than a look from time to time.
    fn bounds_memory(&self) -> bool;
    /// What the processes inside use now. Takes a while.
    fn memory_now(&self) -> u64;
    fn kill_because(&self, starved: Outcome);
}

/// What will be watched of a sandbox. Counted before it is there, so that nothing is written
/// before it is watched.
pub struct Guards {
    memory_bytes: u64,
    allowance: Option<Allowance>,
}

impl Guards {
    pub async fn of(spec: &SandboxSpec) -> Self {
        Self {
            memory_bytes: spec.limits.memory_bytes,
            // Of a volume the kernel keeps the account.
            allowance: match &spec.volume {
                Some(_) => None,
                None => allowance(&spec.workspace, &spec.limits).await,
            },
        }
    }

    /// Watches until the sandbox ends.
    pub fn watch(self, sandbox: &Arc<impl Watched>) {
        if !sandbox.bounds_memory() {
            watch_memory(sandbox, self.memory_bytes);
        }
        if let Some(allowance) = self.allowance {
            watch_disk(sandbox, allowance);
        }
    }
}

fn watch_memory(session: &Arc<impl Watched>, memory_bytes: u64) {
    let session = session.clone();
    tokio::spawn(async move {
        while !session.has_ended() {
            tokio::time::sleep(LOOK_EVERY).await;
            let looked_at = session.clone();
            let used = tokio::task::spawn_blocking(move || looked_at.memory_now());
            if used.await.is_ok_and(|used| used > memory_bytes) {
                session.kill_because(Outcome::OutOfMemory);
            }
        }
    });
}

/// A folder on the host's disk, and what it may hold at most.
struct Allowance {
    folder: PathBuf,
    most: Held,
}

/// What a workspace may grow to; none where it lies in memory or is not written.
async fn allowance(workspace: &WorkspaceMount, limits: &Limits) -> Option<Allowance> {
    let (folder, is_growth_alone) = grows(workspace)?;
    let before = if is_growth_alone {
        Held::default()
    } else {
        counted(&folder, Held::ENDLESS).await
    };
    let allowed = Held {
        bytes: limits.workspace_bytes,
        files: limits.workspace_inodes,
    };
    Some(Allowance {
        folder,
        most: before.plus(allowed),
    })
}

fn watch_disk(session: &Arc<impl Watched>, Allowance { folder, most }: Allowance) {
    let session = session.clone();
    tokio::spawn(async move {
        while !session.has_ended() {
            let begun = Instant::now();
            if counted(&folder, most).await.exceeds(most) {
                session.kill_because(Outcome::OutOfSpace);
            }
            let pause = begun.elapsed() * DISK_PAUSES_PER_LOOK;
            tokio::time::sleep(pause.max(DISK_LOOK_EVERY)).await;
        }
    });
}

/// Where a workspace grows, and whether nothing but its growth lies there.
fn grows(workspace: &WorkspaceMount) -> Option<(PathBuf, bool)> {
    match workspace {
        WorkspaceMount::Overlay { upper, .. } => Some((upper.clone(), true)),
        WorkspaceMount::Bind {
            dir,
            read_only: false,
        } => Some((dir.clone(), false)),
        WorkspaceMount::Bind { .. } | WorkspaceMount::Scratch { .. } => None,
    }
}

async fn counted(folder: &std::path::Path, most: Held) -> Held {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || disk::held(&folder, most))
        .await
        .unwrap_or_default()
}
