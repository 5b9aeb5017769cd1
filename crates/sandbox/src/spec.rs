//! What a sandbox and a command in it are asked to be. No operating system in here.

use crate::capability::Tier;
use crate::volume::Volume;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the workspace appears inside, whatever the backend.
pub const WORKSPACE: &str = "/workspace";
/// The home folder inside: private, capped, gone with the sandbox.
pub const HOME: &str = "/home/agent";
/// The name of the only user inside.
pub const USER: &str = "agent";
/// What commands should use as HTTP proxy when the sandbox was given an egress.
pub const EGRESS_PROXY_URL: &str = "http://127.0.0.1:3128";

/// Names a sandbox: 1 to 64 letters, digits, `-` or `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxId(String);

impl SandboxId {
    pub fn parse(text: impl Into<String>) -> Result<Self, MalformedSpec> {
        let text = text.into();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err(MalformedSpec::Id(text))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SandboxId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for SandboxId {
    type Error = MalformedSpec;
    fn try_from(text: String) -> Result<Self, MalformedSpec> {
        Self::parse(text)
    }
}

impl From<SandboxId> for String {
    fn from(id: SandboxId) -> Self {
        id.0
    }
}

/// A path that stays beneath where it starts: no root, no `..`, no NUL, not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "PathBuf", into = "PathBuf")]
pub struct RelPath(PathBuf);

impl RelPath {
    pub fn parse(path: impl AsRef<Path>) -> Result<Self, MalformedSpec> {
        let path = path.as_ref();
        let mut kept = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => kept.push(name),
                Component::CurDir => {}
                _ => return Err(MalformedSpec::Path(path.into())),
            }
        }
        if kept.as_os_str().is_empty() || kept.as_os_str().as_bytes().contains(&0) {
            return Err(MalformedSpec::Path(path.into()));
        }
        Ok(Self(kept))
    }

    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<PathBuf> for RelPath {
    type Error = MalformedSpec;
    fn try_from(path: PathBuf) -> Result<Self, MalformedSpec> {
        Self::parse(path)
    }
}

impl From<RelPath> for PathBuf {
    fn from(path: RelPath) -> Self {
        path.0
    }
}

/// A specification that no backend could carry out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSpec {
    #[error("`{0}` cannot name a sandbox: use 1 to 64 letters, digits, `-` or `_`")]
    Id(String),
    #[error("`{0}` is not a path beneath the workspace: leave out `/` at the start, and `..`")]
    Path(PathBuf),
    #[error("`{0}` cannot be shown inside: {1}")]
    Bind(PathBuf, &'static str),
    #[error("the command is empty: name a program")]
    EmptyCommand,
    #[error("a command, its environment and its folder may not contain a NUL byte")]
    NulByte,
    #[error("`{0}` is not the name of an environment variable")]
    Variable(String),
}

/// Everything one sandbox is made from.
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    pub id: SandboxId,
    pub workspace: WorkspaceMount,
    /// Where the writable part of the workspace lies, if that is a volume: the paths of the
    /// workspace beneath its place are in it.
    pub volume: Option<Arc<Volume>>,
    /// Beneath the workspace, read-only inside. An absent one appears as an empty folder for
    /// as long as the sandbox lives. A symbolic link among its folders is refused.
    pub protected: Vec<RelPath>,
    pub ro_binds: Vec<ReadOnlyBind>,
    pub limits: Limits,
    pub egress: EgressSpec,
    pub profile: Profile,
    pub demands: Demands,
    pub rights: Rights,
}

impl SandboxSpec {
    /// A sandbox over one workspace, everything else at its default.
    pub fn new(id: SandboxId, workspace: WorkspaceMount) -> Self {
        Self {
            id,
            workspace,
            volume: None,
            protected: Vec::new(),
            ro_binds: Vec::new(),
            limits: Limits::default(),
            egress: EgressSpec::None,
            profile: Profile::Default,
            demands: Demands::default(),
            rights: Rights::default(),
        }
    }

    /// The workspace at paths that this process can open: a volume is mounted for helpers alone.
    pub(crate) fn workspace_from_here(&self) -> WorkspaceMount {
        let here = |path: &Path| match &self.volume {
            Some(volume) => volume.seen_from_here(path),
            None => path.to_owned(),
        };
        match &self.workspace {
            WorkspaceMount::Scratch { bytes, inodes } => WorkspaceMount::Scratch {
                bytes: *bytes,
                inodes: *inodes,
            },
            WorkspaceMount::Bind { dir, read_only } => WorkspaceMount::Bind {
                dir: here(dir),
                read_only: *read_only,
            },
            WorkspaceMount::Overlay { lower, upper, work } => WorkspaceMount::Overlay {
                lower: lower.clone(),
                upper: here(upper),
                work: here(work),
            },
        }
    }
}

/// What may be done inside at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// False: the workspace can be read and takes no change.
    pub write_workspace: bool,
    pub execute: Execute,
}

/// Which programs may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execute {
    Anything,
    /// These files alone, by their paths inside. What they interpret themselves is their own
    /// affair: whoever may run a shell may run its builtins.
    Only(Vec<PathBuf>),
}

impl Default for Rights {
    fn default() -> Self {
        Self {
            write_workspace: true,
            execute: Execute::Anything,
        }
    }
}

impl Rights {
    /// Permission level 0, `RESTRICTED`: the workspace is read and nothing else; no program but
    /// the one that is named, which is the runner.
    pub fn restricted(runner: impl Into<PathBuf>) -> Self {
        Self {
            write_workspace: false,
            execute: Execute::Only(vec![runner.into()]),
        }
    }

    /// Permission level 1, `STANDARD`: the workspace is written, and the named programs run.
    pub fn standard(programs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            write_workspace: true,
            execute: Execute::Only(programs.into_iter().collect()),
        }
    }
}

/// What stands at `/workspace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceMount {
    /// A private folder in memory, capped, gone with the sandbox.
    Scratch { bytes: u64, inodes: u64 },
    /// The folder itself: what is written inside is written there, as its owner's. Its host
    /// path can be read inside, so give it a name that tells nothing.
    Bind { dir: PathBuf, read_only: bool },
    /// A copy-on-write view. `upper` and `work` are empty or from an earlier sandbox over
    /// the same `lower`, and lie side by side in one folder; what is written inside
    /// appears in `upper` as files of its owner.
    Overlay {
        lower: PathBuf,
        upper: PathBuf,
        work: PathBuf,
    },
}

/// A host file or folder that appears inside, read-only, at an absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnlyBind {
    pub host: PathBuf,
    pub inside: PathBuf,
}

/// Upper bounds of one sandbox. Each number has a reason where it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Without a cgroup, the bytes of scratch space come on top.
    pub memory_bytes: u64,
    pub processes: u32,
    /// Hundredths of one processor: 150 is one and a half.
    pub cpu_percent: u32,
    pub tmp_bytes: u64,
    pub tmp_inodes: u64,
    pub home_bytes: u64,
    pub home_inodes: u64,
    pub shm_bytes: u64,
    /// Per process.
    pub open_files: u64,
    /// The largest single file that may be written.
    pub file_bytes: u64,
    /// What a workspace on the host's disk may grow by while the sandbox lives; for a
    /// copy-on-write view, by all that was written to it.
    pub workspace_bytes: u64,
    pub workspace_inodes: u64,
}

const MIB: u64 = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Compilers of ordinary projects fit; the documented default of the configuration.
            memory_bytes: 512 * MIB,
            processes: 128,
            cpu_percent: 200,
            // Scratch space is memory, so it stays well below the memory limit.
            tmp_bytes: 128 * MIB,
            tmp_inodes: 16 * 1024,
            home_bytes: 64 * MIB,
            home_inodes: 16 * 1024,
            shm_bytes: 64 * MIB,
            // What most programs assume to be there, and select() can still count.
            open_files: 1024,
            file_bytes: 1024 * MIB,
            // A build of a large project; as many files as its dependencies have.
            workspace_bytes: 4096 * MIB,
            workspace_inodes: 200_000,
        }
    }
}

/// Whether anything may leave the sandbox, always through the platform's proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressSpec {
    /// No route and no listener: nothing leaves.
    None,
    /// The sockets of [`EgressListeners`] are opened inside and handed out.
    Proxied,
}

/// Sockets that listen inside the sandbox's empty network and are answered by the platform.
#[derive(Debug)]
pub struct EgressListeners {
    /// 127.0.0.1:3128, HTTP with absolute targets, and CONNECT.
    pub http: TcpListener,
    /// 0.0.0.0:80, programs that ignore proxy settings.
    pub capture_80: TcpListener,
    /// 0.0.0.0:443, likewise; the name is in the TLS greeting.
    pub capture_443: TcpListener,
    /// 127.0.0.1:53, the resolver; stand-in addresses from 198.18.0.0/15 are local inside.
    pub dns: UdpSocket,
}

/// Which system calls are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    #[default]
    Default,
    /// Also nested user namespaces, so that a browser can keep its own sandbox.
    Browser,
    /// Also tracing of processes, for debuggers.
    Debug,
}

/// How firmly each limit must be enforced for the sandbox to be made at all. Namespaces,
/// the system-call filter and the missing network are demanded always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demands {
    pub memory: Demand,
    pub processes: Demand,
    pub cpu: Demand,
    pub disk: Demand,
    /// How strong the border must be.
    pub tier: Tier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// Whatever the host offers.
    #[default]
    Any,
    BestEffort,
    Kernel,
}

/// One command.
#[derive(Debug, Clone)]
pub struct ExecSpec {
    /// The program and its arguments; a program without `/` is sought along `PATH`.
    pub argv: Vec<OsString>,
    /// Added to, and winning over, [`ExecSpec::base_environment`].
    pub env: Vec<(String, OsString)>,
    /// Relative to the workspace unless absolute.
    pub cwd: PathBuf,
    pub stdin: Stdin,
    /// With a terminal, output and errors arrive together on `stdout`.
    pub terminal: Option<TerminalSize>,
    pub timeout: Option<Duration>,
    pub stdout_cap: OutputCap,
    pub stderr_cap: OutputCap,
    pub leftovers: Leftovers,
}

impl ExecSpec {
    /// A command with empty input, a minute of time and a mebibyte of each output.
    pub fn new<T: Into<OsString>>(argv: impl IntoIterator<Item = T>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: PathBuf::new(),
            stdin: Stdin::Empty,
            terminal: None,
            timeout: Some(Duration::from_secs(60)),
            stdout_cap: OutputCap::KillBeyond(MIB),
            stderr_cap: OutputCap::KillBeyond(MIB),
            leftovers: Leftovers::Kill,
        }
    }

    /// A long-lived partner that is talked to over its streams and bounds them itself.
    pub fn service<T: Into<OsString>>(argv: impl IntoIterator<Item = T>) -> Self {
        Self {
            stdin: Stdin::Piped,
            timeout: None,
            stdout_cap: OutputCap::Unlimited,
            stderr_cap: OutputCap::DropBeyond(MIB),
            ..Self::new(argv)
        }
    }

    /// The environment of every command, before its own variables.
    pub fn base_environment() -> [(&'static str, &'static str); 8] {
        [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", HOME),
            ("USER", USER),
            ("LOGNAME", USER),
            ("LANG", "C.UTF-8"),
            ("TMPDIR", "/tmp"),
            ("TERM", "dumb"),
            // Some builds of git look for the system's settings elsewhere.
            ("GIT_CONFIG_SYSTEM", "/etc/gitconfig"),
        ]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    Empty,
    Piped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    pub rows: u16,
    pub columns: u16,
}

/// What happens when a command says more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputCap {
    /// The reader bounds it itself.
    Unlimited,
    /// So many bytes are delivered, then the command is killed.
    KillBeyond(u64),
    /// So many bytes are delivered, the rest is read and thrown away.
    DropBeyond(u64),
}

/// What becomes of processes that a command leaves behind. Where several commands run at
/// once, a daemon that has left its command's tree counts as left by the first to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    Kill,
    /// They live on until the sandbox ends (a development server, say).
    Keep,
}
