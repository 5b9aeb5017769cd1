//! What a task may have left behind on the host.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use wardroom_testkit::world::{World, eventually};

/// A number of seconds that nobody else on this machine sleeps for, to find processes by.
pub fn marker() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("600.{}{count:03}", std::process::id())
}

/// How many processes of the host carry the marker, in whatever namespace they live.
pub fn processes(marker: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("the processes");
    let lines = entries.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    let carries = |line: &Vec<u8>| {
        let mut words = line.split(|byte| *byte == 0);
        words.next() == Some(b"sleep") && words.next() == Some(marker.as_bytes())
    };
    lines.filter(carries).count()
}

/// The process between the server and the marked command: what holds its sandbox.
pub fn ancestor_below(server: u32, marker: &str) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?;
    let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let carries = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line == format!("sleep\0{marker}\0").into_bytes()
    };
    let mut pid = pids.find(carries)?;
    loop {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        match parent.trim().parse().ok()? {
            0 | 1 => return None,
            parent if parent == server => return Some(pid),
            parent => pid = parent,
        }
    }
}

/// The views that tasks of the world still have.
pub fn views(world: &World) -> usize {
    let views = fs::read_dir(world.data().join("views")).expect("the views");
    views.count()
}

/// Mounts of the host that lie in the world's folder.
fn mounts(world: &World) -> usize {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    let folder = world.folder().display().to_string();
    table.lines().filter(|line| line.contains(&folder)).count()
}

/// Control groups that the world's server made.
fn groups(folder: &Path, prefix: &str) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| {
            let is_ours = entry.file_name().to_string_lossy().starts_with(prefix);
            usize::from(is_ours) + groups(&entry.path(), prefix)
        })
        .sum()
}

/// Waits until nothing of the marked processes, their groups and their mounts is left.
pub async fn nothing_is_left(world: &World, marker: &str) {
    let prefix = format!("wardroom.{}.", world.pid());
    eventually("nothing to be left behind", || async {
        let left = processes(marker) + mounts(world) + groups(Path::new("/sys/fs/cgroup"), &prefix);
        (left == 0).then_some(())
    })
    .await;
}
