//! The processes of a sandbox as the host sees them, for hosts that offer no cgroup.

use crate::provider::Usage;
use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// What the tree below PID 1 uses now.
pub fn usage(init: u32) -> Usage {
    let processes = processes(init);
    Usage {
        memory_bytes: memory_bytes(&processes),
        processes: processes.len() as u32,
        cpu: cpu_of(&processes),
    }
}

/// The processor time of what lives now.
pub fn cpu(init: u32) -> Duration {
    cpu_of(&processes(init))
}

fn cpu_of(processes: &[u32]) -> Duration {
    let ticks: u64 = processes.iter().filter_map(|pid| cpu_ticks(*pid)).sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// PID 1 and everything below. Orphans fall to PID 1, so nothing escapes.
fn processes(init: u32) -> Vec<u32> {
    let mut found = vec![init];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        at += 1;
        for thread in threads(pid) {
            let path = format!("/proc/{pid}/task/{thread}/children");
            let children = fs::read_to_string(path).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    found
}

fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Each process's share of memory, and memory files that are held without being mapped.
/// A mapped memory file would count twice, so the larger of the two figures stands.
fn memory_bytes(processes: &[u32]) -> u64 {
    let (mut own, mut shared) = (0, 0);
    let mut files = HashMap::new();
    for pid in processes {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let shmem = kibibytes(&rollup, "Pss_Shmem:");
        own += kibibytes(&rollup, "Pss:").saturating_sub(shmem);
        shared += shmem;
        files.extend(memory_files(*pid));
    }
    own * 1024 + (shared * 1024).max(files.into_values().sum())
}

fn kibibytes(rollup: &str, field: &str) -> u64 {
    let value = rollup
        .lines()
        .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Inode and size of each memory file that a process holds open.
fn memory_files(pid: u32) -> Vec<(u64, u64)> {
    const BLOCK_BYTES: u64 = 512;
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter(|entry| {
            fs::read_link(entry.path())
                .is_ok_and(|link| link.as_os_str().as_bytes().starts_with(b"/memfd:"))
        })
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .map(|found| (found.ino(), found.blocks() * BLOCK_BYTES))
        .collect()
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}
