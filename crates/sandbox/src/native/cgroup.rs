//! Limits for a whole tree of processes: cgroup v2 where it is delegated to us, v1 as root.

use crate::provider::Usage;
use crate::spec::Limits;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Below the top of a v2 hierarchy.
const SHARED: &str = "wardroom";
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
const PERIOD_US: u64 = 100_000;
/// `wardroom.PID.ID`: the process that made it, and for which sandbox.
const PREFIX: &str = "wardroom.";

/// Where groups can be made on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hierarchy {
    V2 {
        parent: PathBuf,
    },
    V1 {
        memory: Option<PathBuf>,
        pids: Option<PathBuf>,
        cpu: Option<PathBuf>,
    },
    None,
}

impl Hierarchy {
    /// Whether groups made here bound memory.
    pub fn bounds_memory(&self) -> bool {
        match self {
            Self::V2 { .. } => true,
            Self::V1 { memory, .. } => memory.is_some(),
            Self::None => false,
        }
    }
}

/// Looked for once: making room in a v2 group moves this process into a child of it.
pub fn hierarchy() -> &'static Hierarchy {
    static FOUND: OnceLock<Hierarchy> = OnceLock::new();
    FOUND.get_or_init(|| {
        find_v2()
            .or_else(|| find_v1(own_folder))
            .unwrap_or(Hierarchy::None)
    })
}

/// Where groups can be made that an OCI runtime joins: with v1 it takes one path for every
/// controller, so they stand at the top of each.
pub fn common_hierarchy() -> &'static Hierarchy {
    static FOUND: OnceLock<Hierarchy> = OnceLock::new();
    FOUND.get_or_init(|| match hierarchy() {
        Hierarchy::V1 { .. } => {
            find_v1(|mount, _| Some(mount.place.clone())).unwrap_or(Hierarchy::None)
        }
        other => other.clone(),
    })
}

struct Mounted {
    root: String,
    place: PathBuf,
    kind: String,
    options: String,
}

/// The cgroup mounts: `ID PARENT DEV ROOT PLACE OPTIONS … - KIND SOURCE SUPER_OPTIONS`.
fn mounts() -> Vec<Mounted> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let parse = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        Some(Mounted {
            root: left.next()?.into(),
            place: left.next()?.into(),
            kind: right.next()?.into(),
            options: right.nth(1)?.into(),
        })
    };
    table
        .lines()
        .filter_map(parse)
        .filter(|mount| mount.kind.starts_with("cgroup"))
        .collect()
}

/// Our own group's folder below a mount; `controllers` is empty for v2.
fn own_folder(mount: &Mounted, controllers: &str) -> Option<PathBuf> {
    folder_of("self", mount, controllers)
}

/// As [`own_folder`], for a process.
fn folder_of(process: &str, mount: &Mounted, controllers: &str) -> Option<PathBuf> {
    let table = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let path = table.lines().find_map(|line| {
        let (names, path) = line.split_once(':')?.1.split_once(':')?;
        let ours = match controllers {
            "" => names.is_empty(),
            wanted => names.split(',').any(|name| name == wanted),
        };
        ours.then(|| path.to_owned())
    })?;
    let below = Path::new(&path).strip_prefix(&mount.root).ok()?;
    Some(mount.place.join(below))
}

fn find_v2() -> Option<Hierarchy> {
    let mount = mounts().into_iter().find(|mount| mount.kind == "cgroup2")?;
    let own = own_folder(&mount, "")?;
    if offers_all(&own) && make_room(&own) {
        return Some(Hierarchy::V2 { parent: own });
    }
    // Root in a group that it shares with others: the top may have children at any time.
    let shared = mount.place.join(SHARED);
    if !offers_all(&mount.place) || enable(&mount.place).is_err() {
        return None;
    }
    let made = fs::create_dir_all(&shared).and_then(|()| enable(&shared));
    made.is_ok().then_some(Hierarchy::V2 { parent: shared })
}

/// Where root makes groups in a v2 hierarchy in which its own has no room.
fn shared_v2() -> Option<PathBuf> {
    let mount = mounts().into_iter().find(|mount| mount.kind == "cgroup2")?;
    Some(mount.place.join(SHARED))
}

fn offers_all(group: &Path) -> bool {
    let offered = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    CONTROLLERS
        .iter()
        .all(|wanted| offered.split_whitespace().any(|name| name == *wanted))
}

fn enable(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.subtree_control"), "+memory +pids +cpu")
}

/// A v2 group with children may hold no process itself, so this process moves down.
fn make_room(own: &Path) -> bool {
    if enable(own).is_ok() {
        return true;
    }
    let platform = own.join("wardroom-platform");
    let procs =
        |group: &Path| fs::write(group.join("cgroup.procs"), std::process::id().to_string());
    let moved = fs::create_dir_all(&platform).and_then(|()| procs(&platform));
    if moved.and_then(|()| enable(own)).is_ok() {
        return true;
    }
    let _ = procs(own);
    let _ = fs::remove_dir(&platform);
    false
}

fn find_v1(folder: impl Fn(&Mounted, &str) -> Option<PathBuf>) -> Option<Hierarchy> {
    let mounts = mounts();
    let writable = |controller: &str| {
        let mount = mounts.iter().find(|mount| {
            mount.kind == "cgroup" && mount.options.split(',').any(|name| name == controller)
        })?;
        let own = folder(mount, controller)?;
        let probe = own.join(format!("{PREFIX}{}.probe", std::process::id()));
        fs::create_dir(&probe)
            .and_then(|()| fs::remove_dir(&probe))
            .ok()
            .map(|()| own)
    };
    let (memory, pids, cpu) = (writable("memory"), writable("pids"), writable("cpu"));
    let any = memory.is_some() || pids.is_some() || cpu.is_some();
    any.then_some(Hierarchy::V1 { memory, pids, cpu })
}

/// The groups of one sandbox. Empty where the host offers none.
#[derive(Debug, Default)]
pub struct Group {
    unified: Option<PathBuf>,
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    cpu: Option<PathBuf>,
}

impl Group {
    /// Makes the groups with their limits set; on failure nothing of them remains.
    pub fn make(hierarchy: &Hierarchy, name: &str, limits: &Limits) -> io::Result<Self> {
        let name = format!("{PREFIX}{}.{name}", std::process::id());
        let below = |parent: &Option<PathBuf>| parent.as_ref().map(|parent| parent.join(&name));
        let group = match hierarchy {
            Hierarchy::None => Self::default(),
            Hierarchy::V2 { parent } => Self {
                unified: Some(parent.join(&name)),
                ..Self::default()
            },
            Hierarchy::V1 { memory, pids, cpu } => Self {
                unified: None,
                memory: below(memory),
                pids: below(pids),
                cpu: below(cpu),
            },
        };
        // One that is there already belongs to a sandbox of the same name that still lives.
        for (made, folder) in group.folders().enumerate() {
            if let Err(error) = fs::create_dir(folder) {
                group
                    .folders()
                    .take(made)
                    .for_each(|folder| drop(fs::remove_dir(folder)));
                return Err(error);
            }
        }
        match group.fill(limits) {
            Ok(()) => Ok(group),
            Err(error) => {
                group.remove();
                Err(error)
            }
        }
    }

    /// The groups that somebody else made for a process alone: to be read, and not to be removed.
    pub fn of_process(pid: u32) -> Self {
        let mounts = mounts();
        let pid = pid.to_string();
        let apart = |mount: &Mounted, controllers: &str| {
            let own = own_folder(mount, controllers)?;
            let found = folder_of(&pid, mount, controllers)?;
            (!own.starts_with(&found)).then_some(found)
        };
        let v1 = |controller: &str| {
            let mount = mounts.iter().find(|mount| {
                mount.kind == "cgroup" && mount.options.split(',').any(|name| name == controller)
            })?;
            apart(mount, controller)
        };
        let memory = v1("memory");
        let v2 = mounts.iter().find(|mount| mount.kind == "cgroup2");
        let unified = v2.filter(|_| memory.is_none());
        Self {
            unified: unified
                .and_then(|mount| apart(mount, ""))
                .filter(|folder| folder.join("memory.max").exists()),
            memory,
            pids: v1("pids"),
            cpu: v1("cpu"),
        }
    }

    fn fill(&self, limits: &Limits) -> io::Result<()> {
        // PID 1 is one of the processes.
        let processes = (u64::from(limits.processes) + 1).to_string();
        let quota_us = u64::from(limits.cpu_percent) * PERIOD_US / 100;
        let memory = limits.memory_bytes.to_string();
        if let Some(group) = &self.unified {
            fs::write(group.join("memory.max"), &memory)?;
            let _ = fs::write(group.join("memory.swap.max"), "0");
            fs::write(group.join("pids.max"), &processes)?;
            fs::write(group.join("cpu.max"), format!("{quota_us} {PERIOD_US}"))?;
        }
        if let Some(group) = &self.memory {
            fs::write(group.join("memory.limit_in_bytes"), &memory)?;
            // Absent where swap is not accounted.
            let _ = fs::write(group.join("memory.memsw.limit_in_bytes"), &memory);
        }
        if let Some(group) = &self.pids {
            fs::write(group.join("pids.max"), &processes)?;
        }
        if let Some(group) = &self.cpu {
            fs::write(group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
            fs::write(group.join("cpu.cfs_quota_us"), quota_us.to_string())?;
        }
        Ok(())
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.unified, &self.memory, &self.pids, &self.cpu]
            .into_iter()
            .flatten()
    }

    /// The one path below every mount of cgroups that leads here, for runtimes that join it.
    pub fn path_for_runtimes(&self) -> Option<PathBuf> {
        let mounts = mounts();
        let below = |folder: &PathBuf| {
            let within = mounts
                .iter()
                .filter_map(|mount| folder.strip_prefix(&mount.place).ok());
            within
                .min_by_key(|rest| rest.as_os_str().len())
                .map(|rest| Path::new("/").join(rest))
        };
        let mut paths = self.folders().map(below);
        let first = paths.next()??;
        paths
            .all(|path| path.as_ref() == Some(&first))
            .then_some(first)
    }

    /// The folder that PID 1 is born into (v2).
    pub fn birthplace(&self) -> Option<&Path> {
        self.unified.as_deref()
    }

    /// The lists of single threads that PID 1 enters itself into (v1).
    pub fn lists(&self) -> impl Iterator<Item = PathBuf> {
        [&self.memory, &self.pids, &self.cpu]
            .into_iter()
            .flatten()
            .map(|it| it.join("tasks"))
    }

    pub fn bounds_memory(&self) -> bool {
        self.unified.is_some() || self.memory.is_some()
    }

    /// Whether the kernel keeps the group to its part of the processors.
    pub fn bounds_cpu(&self) -> bool {
        self.unified.is_some() || self.cpu.is_some()
    }

    /// Kills every process of the group at once, where the kernel can (v2, 5.14).
    pub fn kill(&self) {
        if let Some(group) = &self.unified {
            let _ = fs::write(group.join("cgroup.kill"), "1");
        }
    }

    /// How many processes the kernel has killed here for memory.
    pub fn oom_kills(&self) -> u64 {
        let events = match (&self.unified, &self.memory) {
            (Some(group), _) => fs::read_to_string(group.join("memory.events")),
            (None, Some(group)) => fs::read_to_string(group.join("memory.oom_control")),
            (None, None) => return 0,
        };
        field(&events.unwrap_or_default(), "oom_kill")
    }

    /// What the group uses, as far as it is counted here.
    pub fn usage(&self) -> Usage {
        let number = |group: &Option<PathBuf>, file: &str| -> Option<u64> {
            fs::read_to_string(group.as_ref()?.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        if self.unified.is_some() {
            let stat = self.unified.as_ref().map(|group| group.join("cpu.stat"));
            let stat = stat
                .and_then(|path| fs::read_to_string(path).ok())
                .unwrap_or_default();
            return Usage {
                memory_bytes: number(&self.unified, "memory.current").unwrap_or(0),
                processes: number(&self.unified, "pids.current").unwrap_or(0) as u32,
                cpu: Duration::from_micros(field(&stat, "usage_usec")),
            };
        }
        Usage {
            memory_bytes: number(&self.memory, "memory.usage_in_bytes").unwrap_or(0),
            processes: number(&self.pids, "pids.current").unwrap_or(0) as u32,
            cpu: Duration::ZERO,
        }
    }

    /// Removes the folders. True: nothing is left.
    pub fn remove(&self) -> bool {
        self.folders().fold(true, |all, folder| all & gone(folder))
    }
}

fn gone(folder: &Path) -> bool {
    match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or(0)
}

/// Removes empty groups of processes that no longer live, and of our own sandboxes that are
/// not in `live`. A group that still holds a process refuses to go, so nobody is harmed.
pub fn sweep(hierarchy: &Hierarchy, live: impl Fn(&str) -> bool) -> Vec<String> {
    let parents: Vec<PathBuf> = match hierarchy {
        Hierarchy::None => Vec::new(),
        // Whoever was killed may have been begun in another group, and made his in the shared one.
        Hierarchy::V2 { parent } => [parent.clone()].into_iter().chain(shared_v2()).collect(),
        Hierarchy::V1 { memory, pids, cpu } => {
            [memory, pids, cpu].into_iter().flatten().cloned().collect()
        }
    };
    let entries = parents
        .into_iter()
        .filter_map(|parent| fs::read_dir(parent).ok())
        .flatten();
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| is_stale(name, &live))
        })
        .filter(|entry| fs::remove_dir(entry.path()).is_ok())
        .map(|entry| format!("cgroup {}", entry.path().display()))
        .collect()
}

fn is_stale(name: &str, live: impl Fn(&str) -> bool) -> bool {
    let Some((maker, id)) = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    if maker == std::process::id().to_string() {
        return !live(id);
    }
    !Path::new("/proc").join(maker).exists()
}
