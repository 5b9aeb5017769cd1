//! What stands in a container, whoever makes it: the same as in a native sandbox.

use crate::native::{Identity, Plan, Text, Wire, guest_bytes, root_plan};
use crate::provider::SandboxError;
use crate::spec::{HOME, SandboxSpec, WORKSPACE, WorkspaceMount};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where the guest and its plan appear inside.
pub const GUEST: &str = "/run/guest";
const ROLES: [&str; 3] = ["wardroom-init", "wardroom-lock", "wardroom-probe"];

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
        let made = Self::lay_out(folder.clone(), spec, identity, inner, kernel);
        made.map_err(|error| {
            let _ = std::fs::remove_dir_all(&folder);
            match error {
                Trouble::Spec(error) => error,
                Trouble::Disk(cause) => building(shown)(cause),
            }
        })
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
        let mut bundle = Self { folder, mounts };
        bundle.protect(spec)?;
        Ok(bundle)
    }

    /// Protected paths: a read-only mount over each, an absent one made first, empty.
    fn protect(&mut self, spec: &SandboxSpec) -> Result<(), Trouble> {
        let WorkspaceMount::Bind {
            dir,
            read_only: false,
        } = &spec.workspace
        else {
            return Ok(());
        };
        for path in &spec.protected {
            let from = dir.join(path.as_path());
            refuse_links(dir, &from)?;
            let stands = std::fs::symlink_metadata(&from);
            match stands {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    std::fs::create_dir_all(&from)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            self.mounts.push(Mount::Bind {
                from,
                to: Path::new(WORKSPACE).join(path.as_path()),
                read_only: true,
            });
        }
        Ok(())
    }

    pub fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A link on the way would have the engine mount over something else.
fn refuse_links(dir: &Path, path: &Path) -> Result<(), Trouble> {
    let is_link = |above: &Path| std::fs::symlink_metadata(above).is_ok_and(|it| it.is_symlink());
    let within = path.ancestors().take_while(|above| *above != dir);
    match within.into_iter().any(is_link) {
        false => Ok(()),
        true => {
            let stage = format!(
                "protect {} in the workspace (a symbolic link cannot be)",
                path.display()
            );
            let cause = io::Error::from_raw_os_error(libc::ELOOP);
            Err(Trouble::Spec(SandboxError::Build { stage, cause }))
        }
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

fn workspace(spec: &SandboxSpec, identity: &Identity) -> Result<Option<Mount>, SandboxError> {
    let WorkspaceMount::Bind { dir, read_only } = &spec.workspace else {
        return Ok(None);
    };
    let opening = || format!("open the workspace `{}`", dir.display());
    std::fs::metadata(dir).map_err(building(opening()))?;
    if !read_only && rustix::process::geteuid().is_root() {
        super::claim::give(dir, identity)
            .map_err(|errno| building(opening())(io::Error::from(errno)))?;
    }
    Ok(Some(Mount::Bind {
        from: dir.clone(),
        to: WORKSPACE.into(),
        read_only: *read_only || !spec.rights.write_workspace,
    }))
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
