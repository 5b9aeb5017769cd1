//! From a specification to the plan that the guest carries out.

use super::cgroup::Group;
use super::identity::{Identity, Standing};
use super::wire::{Layers, Plan, Scratch, Text, Tree, VolumeAt};
use super::{host, seccomp};
use crate::provider::SandboxError;
use crate::spec::{
    EgressSpec, Execute, HOME, Limits, MalformedSpec, Profile, ReadOnlyBind, SandboxSpec, USER,
    WORKSPACE, WorkspaceMount,
};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

/// The user and group inside. Not 0, so that nobody mistakes himself for root.
const INNER_ID: u32 = 1000;

/// Of the host's `/etc` only what is public and what programs cannot work without.
const PUBLIC_ETC: [&str; 6] = [
    "etc/alternatives",
    "etc/ld.so.cache",
    "etc/localtime",
    "etc/pki/tls",
    "etc/ssl/certs",
    "etc/ssl/openssl.cnf",
];
/// What a browser asks for besides; Debian's starts by a script that reads the second.
const BROWSER_ETC: [&str; 2] = ["etc/fonts", "etc/chromium.d"];
/// On merged systems links into `/usr`, elsewhere folders of their own.
const SYSTEM_FOLDERS: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// What tells about the host or lets one into it. What only the host's root may read
/// (kernel pages, slabs) needs no cover: nobody inside is ever the host's root.
const PROC_MASKED: [&str; 17] = [
    "acpi",
    "asound",
    "cmdline",
    "config.gz",
    "iomem",
    "ioports",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "latency_stats",
    "modules",
    "sched_debug",
    "scsi",
    "sysrq-trigger",
    "zoneinfo",
];
const PROC_READ_ONLY: [&str; 4] = ["bus", "fs", "irq", "sys"];
/// Places that hold mounts of the sandbox itself; a bind there would vanish beneath them.
const RESERVED: [&str; 7] = [WORKSPACE, HOME, "/proc", "/dev", "/sys", "/tmp", "/var/tmp"];

pub fn plan(
    spec: &SandboxSpec,
    standing: Standing,
    identity: &Identity,
    group: &Group,
) -> Result<Plan, SandboxError> {
    let privileged = standing == Standing::Root;
    let (workspace, layers) = workspace(spec, privileged)?;
    let mut trees = system_trees();
    if spec.profile == Profile::Browser {
        trees.extend(public_trees(&BROWSER_ETC));
    }
    for bind in &spec.ro_binds {
        trees.push(read_only_tree(bind)?);
    }
    trees.extend(workspace);
    Ok(Plan {
        privileged,
        host_uid: identity.uid,
        host_gid: identity.gid,
        inner_id: INNER_ID,
        hostname: text("sandbox"),
        cgroup_tasks: group
            .lists()
            .map(|path| text(path.as_os_str().as_bytes()))
            .collect(),
        cgroup_folder: group
            .birthplace()
            .map(|path| text(path.as_os_str().as_bytes())),
        volume: spec.volume.as_ref().map(|volume| VolumeAt {
            device: path_text(volume.device()),
            place: path_text(volume.place()),
        }),
        trees,
        layers,
        protected: protected(spec),
        folders: ["etc", "run", "var", "workspace"].map(text).into(),
        links: system_links(),
        files: etc_files((INNER_ID, INNER_ID)),
        scratch: scratch(spec),
        devices: DEVICES.map(text).into(),
        proc_masked: PROC_MASKED.map(text).into(),
        proc_read_only: PROC_READ_ONLY.map(text).into(),
        writable: writable(spec),
        executable: executable(spec),
        workspace_read_only: !spec.rights.write_workspace,
        rlimits: rlimits(&spec.limits),
        seccomp: seccomp::filter(spec.profile).to_vec(),
        egress: spec.egress == EgressSpec::Proxied,
    })
}

/// What of a plan holds in a container that somebody else makes: the places of its root, and what
/// the guest locks. `inner` is the user and group inside.
pub fn root_plan(spec: &SandboxSpec, inner: (u32, u32)) -> Result<Plan, SandboxError> {
    let mut trees = system_trees();
    if spec.profile == Profile::Browser {
        trees.extend(public_trees(&BROWSER_ETC));
    }
    for bind in &spec.ro_binds {
        trees.push(read_only_tree(bind)?);
    }
    Ok(Plan {
        privileged: false,
        host_uid: inner.0,
        host_gid: inner.1,
        inner_id: inner.0,
        hostname: text("sandbox"),
        cgroup_tasks: Vec::new(),
        cgroup_folder: None,
        volume: None,
        trees,
        layers: None,
        protected: Vec::new(),
        folders: ["etc", "run", "var", "workspace", "proc", "dev", "tmp"]
            .map(text)
            .into(),
        links: system_links(),
        files: etc_files(inner),
        scratch: Vec::new(),
        devices: Vec::new(),
        proc_masked: PROC_MASKED.map(text).into(),
        proc_read_only: PROC_READ_ONLY.map(text).into(),
        writable: writable(spec),
        executable: executable(spec),
        workspace_read_only: !spec.rights.write_workspace,
        rlimits: rlimits(&spec.limits),
        seccomp: seccomp::filter(spec.profile).to_vec(),
        egress: spec.egress == EgressSpec::Proxied,
    })
}

fn text(bytes: impl AsRef<[u8]>) -> Text {
    bytes.as_ref().to_vec()
}

fn path_text(path: &Path) -> Text {
    text(path.as_os_str().as_bytes())
}

fn tree(source: &Path, target: &str, read_only: bool, optional: bool) -> Tree {
    Tree {
        source: path_text(source),
        target: text(target),
        read_only,
        optional,
        owner: None,
    }
}

/// In a folder that is read-only as a whole there is nothing left to protect.
fn protected(spec: &SandboxSpec) -> Vec<Text> {
    match spec.workspace {
        WorkspaceMount::Bind {
            read_only: true, ..
        } => Vec::new(),
        _ => spec
            .protected
            .iter()
            .map(|path| path_text(path.as_path()))
            .collect(),
    }
}

fn system_trees() -> Vec<Tree> {
    let own = SYSTEM_FOLDERS.into_iter().filter(|name| {
        std::fs::symlink_metadata(Path::new("/").join(name)).is_ok_and(|found| found.is_dir())
    });
    let folders = ["usr"].into_iter().chain(own);
    let system = folders.map(|name| tree(&Path::new("/").join(name), name, true, false));
    system.chain(public_trees(&PUBLIC_ETC)).collect()
}

fn public_trees(names: &[&str]) -> impl Iterator<Item = Tree> {
    let tree = |name: &&str| tree(&Path::new("/").join(name), name, true, true);
    names.iter().map(tree).collect::<Vec<_>>().into_iter()
}

fn system_links() -> Vec<(Text, Text)> {
    let merged = SYSTEM_FOLDERS.into_iter().filter_map(|name| {
        let target = std::fs::read_link(Path::new("/").join(name)).ok()?;
        // Relative, so that it never leads to the host's while the root is being built.
        let target = target.strip_prefix("/").unwrap_or(&target).to_path_buf();
        Some((path_text(&target), text(name)))
    });
    merged
        .chain([
            (text("../tmp"), text("var/tmp")),
            (text("../proc/self/mounts"), text("etc/mtab")),
        ])
        .collect()
}

/// A generated `/etc`: the host's has names, addresses and secrets in it.
fn etc_files((uid, gid): (u32, u32)) -> Vec<(Text, Text)> {
    let nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    let passwd = format!("{USER}:x:{uid}:{gid}:{USER}:{HOME}:/bin/sh\n{nobody}");
    let group = format!("{USER}:x:{gid}:\nnogroup:x:65534:\n");
    let gitconfig = "[safe]\n\tdirectory = *\n[init]\n\ttemplateDir =\n";
    [
        ("etc/passwd", passwd.as_str()),
        ("etc/group", group.as_str()),
        ("etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"),
        ("etc/hostname", "sandbox\n"),
        (
            "etc/resolv.conf",
            "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n",
        ),
        (
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        ),
        ("etc/gitconfig", gitconfig),
    ]
    .map(|(path, contents)| (text(path), text(contents)))
    .into()
}

fn scratch(spec: &SandboxSpec) -> Vec<Scratch> {
    let place = |target: &str, bytes, inodes, mode| Scratch {
        target: text(target),
        bytes,
        inodes,
        mode,
    };
    let limits = &spec.limits;
    let mut places = vec![
        place("tmp", limits.tmp_bytes, limits.tmp_inodes, 0o1777),
        place(
            HOME.trim_start_matches('/'),
            limits.home_bytes,
            limits.home_inodes,
            0o755,
        ),
        place("dev/shm", limits.shm_bytes, limits.tmp_inodes, 0o1777),
    ];
    if let WorkspaceMount::Scratch { bytes, inodes } = spec.workspace {
        places.push(place("workspace", bytes, inodes, 0o755));
    }
    places
}

fn writable(spec: &SandboxSpec) -> Vec<Text> {
    let is_bound_read_only = matches!(
        spec.workspace,
        WorkspaceMount::Bind {
            read_only: true,
            ..
        }
    );
    let read_only = is_bound_read_only || !spec.rights.write_workspace;
    ["/tmp", HOME, "/dev/shm"]
        .into_iter()
        .chain((!read_only).then_some(WORKSPACE))
        .map(text)
        .collect()
}

/// The files that may be executed, with what starts every program that is not static.
fn executable(spec: &SandboxSpec) -> Option<Vec<Text>> {
    const LOADERS: [&str; 3] = [
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-linux-aarch64.so.1",
        "/lib/ld-musl-x86_64.so.1",
    ];
    let Execute::Only(files) = &spec.rights.execute else {
        return None;
    };
    let loaders = LOADERS.iter().map(Path::new).filter(|path| path.exists());
    let files = files.iter().map(std::path::PathBuf::as_path);
    Some(files.chain(loaders).map(path_text).collect())
}

fn rlimits(limits: &Limits) -> Vec<(u32, u64)> {
    // One byte of core: the one value that also keeps a piped core handler of the host away.
    const CORE_BYTES: u64 = 1;
    // Enough for programs that lock a key or a ring, too little to press on the host.
    const LOCKED_BYTES: u64 = 8 * 1024 * 1024;
    const QUEUE_BYTES: u64 = 819_200;
    const SIGNALS: u64 = 1024;
    [
        (libc::RLIMIT_CORE, CORE_BYTES),
        (libc::RLIMIT_NOFILE, limits.open_files),
        (libc::RLIMIT_FSIZE, limits.file_bytes),
        (libc::RLIMIT_MEMLOCK, LOCKED_BYTES),
        (libc::RLIMIT_MSGQUEUE, QUEUE_BYTES),
        (libc::RLIMIT_SIGPENDING, SIGNALS),
        // Counted per user namespace, so PID 1 is among them.
        (libc::RLIMIT_NPROC, u64::from(limits.processes) + 1),
    ]
    .map(|(resource, value)| (resource, value))
    .into()
}

/// Whether the disk under a folder takes no writes; the kernel would answer in riddles.
fn is_read_only(folder: &Path) -> bool {
    rustix::fs::statvfs(folder)
        .is_ok_and(|about| about.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// The workspace as a tree or as layers; a scratch workspace is neither.
fn workspace(
    spec: &SandboxSpec,
    privileged: bool,
) -> Result<(Option<Tree>, Option<Layers>), SandboxError> {
    let here = |path: &Path| match &spec.volume {
        Some(volume) => volume.seen_from_here(path),
        None => path.to_owned(),
    };
    let owner = |path: &Path| -> Result<Option<(u32, u32)>, SandboxError> {
        let found = std::fs::metadata(here(path)).map_err(|cause| SandboxError::Build {
            stage: format!("open the workspace `{}`", path.display()),
            cause,
        })?;
        Ok(privileged.then(|| (found.uid(), found.gid())))
    };
    match &spec.workspace {
        WorkspaceMount::Scratch { .. } => Ok((None, None)),
        WorkspaceMount::Bind { dir, read_only } => {
            let owner = owner(dir)?;
            Ok((
                Some(Tree {
                    owner,
                    ..tree(dir, "workspace", *read_only, false)
                }),
                None,
            ))
        }
        WorkspaceMount::Overlay { upper, .. } if is_read_only(&here(upper)) => {
            Err(SandboxError::Build {
                stage: format!("write to the view in `{}`", upper.display()),
                cause: std::io::Error::from_raw_os_error(libc::EROFS),
            })
        }
        WorkspaceMount::Overlay { lower, upper, work } => Ok((
            None,
            Some(Layers {
                lower_owner: owner(lower)?,
                upper_owner: owner(upper)?,
                lower: path_text(&lower.canonicalize().map_err(host("find the workspace"))?),
                upper: path_text(upper),
                work: path_text(work),
            }),
        )),
    }
}

fn read_only_tree(bind: &ReadOnlyBind) -> Result<Tree, SandboxError> {
    let refuse = |why| Err(MalformedSpec::Bind(bind.inside.clone(), why).into());
    let ordinary = bind
        .inside
        .components()
        .all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    if !bind.inside.is_absolute() || !ordinary {
        return refuse("give an absolute path without `..`");
    }
    if RESERVED.iter().any(|place| bind.inside.starts_with(place)) || bind.inside == Path::new("/")
    {
        return refuse("that place belongs to the sandbox itself");
    }
    let target = bind.inside.strip_prefix("/").unwrap_or(&bind.inside);
    Ok(Tree {
        target: path_text(target),
        ..tree(&bind.host, "", true, false)
    })
}
