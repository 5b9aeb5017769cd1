//! What stands in a container, whoever makes it: the same as in a native sandbox.

use crate::native::{Identity, Placeholders, Plan, Text, Wire, guest_bytes, root_plan};
use crate::provider::SandboxError;
use crate::spec::{HOME, SandboxSpec, WORKSPACE, WorkspaceMount};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where the guest and its plan appear inside.
pub const GUEST: &str = "/run/guest";
const ROLES: [&str; 4] = [
    "wardroom-init",
    "wardroom-hold",
    "wardroom-lock",
    "wardroom-probe",
];

/// One mount of a container.
pub enum Mount {
    Bind {
        from: PathBuf,
        to: PathBuf,
        read_only: bool,
    },
    Memory {
        to: PathBuf,
        bytes: u64,
        inodes: u64,
        mode: u32,
    },
}

impl Mount {
    pub fn to(&self) -> &Path {
        match self {
            Self::Bind { to, .. } | Self::Memory { to, .. } => to,
        }
    }
}

/// Whose kernel a container runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    Host,
    /// gVisor's, which refuses to set limits that it does not keep.
    UserSpace,
}

const KNOWN_IN_USER_SPACE: [u32; 4] = [
    libc::RLIMIT_CORE,
    libc::RLIMIT_NOFILE,
    libc::RLIMIT_FSIZE,
    libc::RLIMIT_MEMLOCK,
];

/// A folder of the host from which one container is made.
pub struct Bundle {
    pub folder: PathBuf,
    pub mounts: Vec<Mount>,
    /// What was made in the workspace to be covered.
    placeholders: Placeholders,
}

fn building(stage: String) -> impl FnOnce(io::Error) -> SandboxError {
    move |cause| SandboxError::Build { stage, cause }
}

fn path_of(text: &Text) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(text))
}

impl Bundle {
    /// Lays everything out in `folder`, which must not be there yet.
    pub fn make(
        folder: PathBuf,
        spec: &SandboxSpec,
        identity: &Identity,
        inner: (u32, u32),
        kernel: Kernel,
    ) -> Result<Self, SandboxError> {
        let shown = format!("lay out its bundle in `{}`", folder.display());
        let placeholders = Placeholders::foresee(&spec.workspace, &spec.protected);
        match Self::lay_out(folder.clone(), spec, identity, inner, kernel) {
            Ok(bundle) => Ok(Self {
                placeholders,
                ..bundle
            }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&folder);
                placeholders.remove();
                Err(match error {
                    Trouble::Spec(error) => error,
                    Trouble::Disk(cause) => building(shown)(cause),
                })
            }
        }
    }

    fn lay_out(
        folder: PathBuf,
        spec: &SandboxSpec,
        identity: &Identity,
        inner: (u32, u32),
        kernel: Kernel,
    ) -> Result<Self, Trouble> {
        let root = folder.join("rootfs");
        std::fs::create_dir_all(&root)?;
        // The container's user passes through to what is bound from here; the state around it
        // stays closed.
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o711))?;
        let mut plan = root_plan(spec, inner)?;
        if kernel == Kernel::UserSpace {
            plan.rlimits
                .retain(|(limit, _)| KNOWN_IN_USER_SPACE.contains(limit));
        }
        for name in plan.folders.iter().map(path_of) {
            std::fs::create_dir_all(root.join(name))?;
        }
        for (target, link) in &plan.links {
            let link = root.join(path_of(link));
            std::fs::create_dir_all(link.parent().unwrap_or(&root))?;
            symlink(path_of(target), link)?;
        }
        for (name, contents) in &plan.files {
            let file = root.join(path_of(name));
            std::fs::create_dir_all(file.parent().unwrap_or(&root))?;
            std::fs::write(file, contents)?;
        }
        let guest = guest_folder(&folder, &plan)?;
        let mut mounts = vec![Mount::Bind {
            from: guest,
            to: GUEST.into(),
            read_only: true,
        }];
        for tree in &plan.trees {
            let from = path_of(&tree.source);
            if tree.optional && !from.exists() {
                continue;
            }
            mounts.push(Mount::Bind {
                from,
                to: Path::new("/").join(path_of(&tree.target)),
                read_only: true,
            });
        }
        mounts.extend(scratch(spec));
        mounts.extend(workspace(spec, identity)?);
        for mount in &mounts {
            make_place(&root, mount)?;
        }
        Ok(Self {
            placeholders: Placeholders::default(),
            folder,
            mounts,
        })
    }

    /// What appears inside at [`GUEST`].
    pub fn guest(&self) -> PathBuf {
        self.folder.join("guest")
    }

    /// After the end of the container: what was made to be covered goes only then.
    pub fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        self.placeholders.remove();
    }
}

enum Trouble {
    Spec(SandboxError),
    Disk(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<SandboxError> for Trouble {
    fn from(error: SandboxError) -> Self {
        Self::Spec(error)
    }
}

/// The guest under each of its names, and its plan.
fn guest_folder(folder: &Path, plan: &Plan) -> io::Result<PathBuf> {
    let guest = folder.join("guest");
    std::fs::create_dir(&guest)?;
    std::fs::set_permissions(&guest, PermissionsExt::from_mode(0o755))?;
    let first = guest.join(ROLES[0]);
    std::fs::write(&first, guest_bytes())?;
    std::fs::set_permissions(&first, PermissionsExt::from_mode(0o755))?;
    for role in &ROLES[1..] {
        std::fs::hard_link(&first, guest.join(role))?;
    }
    std::fs::write(guest.join("plan"), plan.to_wire())?;
    Ok(guest)
}

fn scratch(spec: &SandboxSpec) -> Vec<Mount> {
    let limits = &spec.limits;
    let memory = |to: &str, bytes, inodes, mode| Mount::Memory {
        to: to.into(),
        bytes,
        inodes,
        mode,
    };
    let mut places = vec![
        memory("/tmp", limits.tmp_bytes, limits.tmp_inodes, 0o1777),
        memory(HOME, limits.home_bytes, limits.home_inodes, 0o1777),
        memory("/dev/shm", limits.shm_bytes, limits.tmp_inodes, 0o1777),
    ];
    if let WorkspaceMount::Scratch { bytes, inodes } = spec.workspace {
        places.push(memory(WORKSPACE, bytes, inodes, 0o1777));
    }
    places
}

/// The workspace, with what covers its protected places.
fn workspace(spec: &SandboxSpec, identity: &Identity) -> Result<Vec<Mount>, SandboxError> {
    let WorkspaceMount::Bind { dir, read_only } = &spec.workspace else {
        return Ok(Vec::new());
    };
    let opening = || format!("open the workspace `{}`", dir.display());
    std::fs::metadata(dir).map_err(building(opening()))?;
    let mut mounts = vec![Mount::Bind {
        from: dir.clone(),
        to: WORKSPACE.into(),
        read_only: *read_only || !spec.rights.write_workspace,
    }];
    if *read_only {
        return Ok(mounts);
    }
    mounts.extend(super::covers::over(dir, &spec.protected)?);
    if rustix::process::geteuid().is_root() {
        super::claim::give(dir, identity)
            .map_err(|errno| building(opening())(io::Error::from(errno)))?;
    }
    Ok(mounts)
}

/// Where a mount will stand: in a read-only root nobody makes it later.
fn make_place(root: &Path, mount: &Mount) -> io::Result<()> {
    let inside = mount.to().strip_prefix("/").unwrap_or(mount.to());
    let place = root.join(inside);
    match mount {
        Mount::Bind { from, .. } if !from.is_dir() => {
            std::fs::create_dir_all(place.parent().unwrap_or(root))?;
            std::fs::File::create(place).map(drop)
        }
        // `/dev` is the runtime's own.
        _ if inside.starts_with("dev") => Ok(()),
        Mount::Bind { .. } => std::fs::create_dir_all(place),
        // A runtime gives the memory the mode of the place beneath.
        Mount::Memory { mode, .. } => {
            std::fs::create_dir_all(&place)?;
            std::fs::set_permissions(place, PermissionsExt::from_mode(*mode))
        }
    }
}
