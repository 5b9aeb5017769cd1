//! The sections of the configuration, each with its defaults.

use super::value::{BusUrl, ObjectUrl, StoreUrl};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use wardroom_coordinator::AuditContent;
use wardroom_coordinator::quota::Allowance;
use wardroom_domain::{Quota, RiskTier};
use wardroom_llm::KeyReference;
use wardroom_policy::decide::Preset;
use wardroom_sandbox::egress::{HostRule, Vouched};
use wardroom_sandbox::view::protected::PROTECTED;

wardroom_domain::words! {
    /// What the place is like; a profile is a set of defaults.
    #[derive(Default)]
    pub enum Profile {
        /// One person's own machine.
        #[default]
        Laptop = "laptop",
        /// A company's small team.
        Agenticai = "agenticai",
        /// A gateway for many people.
        AgentRuntime = "agent-runtime",
        /// One team of agents on one server.
        AiInfrastructure = "ai-infrastructure",
        /// A place for each paying person.
        Agentai = "agentai",
        /// A team of agents, each on a machine of its own.
        VirtualTeam = "virtual-team",
    }
}

impl Profile {
    /// The name of the preset that it starts from.
    pub const fn preset_name(self) -> &'static str {
        match self {
            Self::Laptop | Self::Agentai => "consumer",
            Self::Agenticai => "enterprise",
            Self::AiInfrastructure => "server",
            Self::AgentRuntime => "gateway",
            Self::VirtualTeam => "team",
        }
    }

    /// The preset that it starts from, if this version has it.
    pub fn preset(self) -> Option<Preset> {
        Preset::parse(self.preset_name())
    }
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Where to listen; loopback unless the operator says otherwise.
    pub listen: SocketAddr,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8700)),
        }
    }
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The database.
    pub url: StoreUrl,
    /// The same database as the role that owns its tables, where another role works in it.
    pub owner_url: Option<StoreUrl>,
    /// How long a process that says nothing keeps what it holds, where several share a database.
    pub lease_s: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            url: StoreUrl::default(),
            owner_url: None,
            lease_s: 30,
        }
    }
}

/// `[bus]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusSettings {
    /// What wakes other processes.
    pub url: BusUrl,
}

/// `[objects]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectSettings {
    /// Where artifacts and uploads are kept.
    pub url: ObjectUrl,
    /// Which key signs, where they are kept in a bucket.
    pub access_key_id: KeyReference,
    /// The key.
    pub secret_access_key: KeyReference,
    /// What goes with a key that ends.
    pub session_token: Option<KeyReference>,
}

impl Default for ObjectSettings {
    fn default() -> Self {
        let variable = |name: &str| KeyReference::Env(name.to_owned());
        Self {
            url: ObjectUrl::default(),
            access_key_id: variable("AWS_ACCESS_KEY_ID"),
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY"),
            session_token: None,
        }
    }
}

/// `[policy]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// Overrides the profile's preset.
    pub preset: Option<Preset>,
    /// The tiers that an admin or overlord may decide for his own requests.
    pub self_approval: Vec<RiskTier>,
    /// Whether people may switch their bypass on at all.
    pub allow_bypass: bool,
    /// How long a question waits before it fails safe, in seconds.
    pub approval_ttl_s: u64,
    /// The tiers that take the yes of two people besides the requester.
    pub four_eyes: Vec<RiskTier>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            preset: None,
            self_approval: vec![RiskTier::L1Mutating, RiskTier::L2Destructive],
            allow_bypass: false,
            approval_ttl_s: 3600,
            four_eyes: Vec::new(),
        }
    }
}

impl PolicySettings {
    /// How long a question waits before it fails safe.
    pub fn approval_ttl(&self) -> Duration {
        Duration::from_secs(self.approval_ttl_s)
    }
}

wardroom_domain::words! {
    /// What confines commands.
    pub enum SandboxBackend {
        /// Namespaces, seccomp and limits of this machine.
        Native = "native",
        /// Any OCI runtime.
        Oci = "oci",
        /// podman.
        Podman = "podman",
        /// docker.
        Docker = "docker",
        /// Pods of a cluster.
        Kubernetes = "kubernetes",
    }
}

wardroom_domain::words! {
    /// What must be enforced by the kernel for a task to run at all.
    pub enum Requirement {
        /// The memory of the whole sandbox.
        Memory = "memory",
        /// The number of its processes.
        Processes = "processes",
        /// Its processor time.
        Cpu = "cpu",
        /// The space that its workspace may take.
        Disk = "disk",
        /// A kernel of its own: gVisor or a virtual machine.
        OwnKernel = "own_kernel",
    }
}

/// What level `STANDARD` runs unless the org says otherwise: the four that it is made for, with what
/// they are started by, and the plain tools of a shell.
const STANDARD_PROGRAMS: [&str; 66] = [
    "git",
    "/usr/lib/git-core",
    "npm",
    "npx",
    "node",
    "pip",
    "pip3",
    "pytest",
    "python",
    "python3",
    "sh",
    "bash",
    "env",
    "awk",
    "basename",
    "cat",
    "chmod",
    "cmp",
    "comm",
    "cp",
    "cut",
    "date",
    "diff",
    "dirname",
    "du",
    "echo",
    "expr",
    "false",
    "file",
    "find",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "id",
    "jq",
    "join",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "nl",
    "paste",
    "patch",
    "printf",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sleep",
    "sort",
    "stat",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "uniq",
    "wc",
    "xargs",
];

/// `[sandbox]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxSettings {
    /// What confines commands.
    pub backend: SandboxBackend,
    /// Hosts that commands may reach; none by default.
    pub allow_domains: Vec<HostRule>,
    /// Private addresses that the org vouches for.
    pub allow_private: Vec<Vouched>,
    /// The secret that git shows to a remote, by `host` or `host:port`.
    pub git_tokens: BTreeMap<String, KeyReference>,
    /// Memory of one sandbox, in MiB.
    pub memory_max_mib: u64,
    /// Processes of one sandbox.
    pub processes_max: u32,
    /// How long one command may take, in seconds.
    pub wall_time_max_s: u64,
    /// What the view of a workspace may grow by, in MiB.
    pub disk_max_mib: u64,
    /// How many files a task may add to it.
    pub files_max: u64,
    /// What the kernel must enforce; a task is refused where it does not. By default whatever
    /// the host offers, beside namespaces, the system-call filter and a closed network.
    pub require: Vec<Requirement>,
    /// Protected places that tasks may change in their view, such as `.github/workflows`. An
    /// apply names them still.
    pub unprotect: Vec<ProtectedPlace>,
    /// The programs that agents of level `STANDARD` run, by name or by their whole path.
    pub standard_programs: Vec<String>,
    /// Folders of the host that agents of level `STANDARD` see where they are, read-only.
    pub standard_reads: Vec<PathBuf>,
    /// The program of the `oci` backend: runsc, crun or runc.
    pub runtime: String,
    /// The socket of the `podman` or `docker` backend; none means its usual place.
    pub socket: Option<PathBuf>,
}

/// A place that sandboxes protect, by its pattern.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProtectedPlace(String);

impl ProtectedPlace {
    /// The pattern, without the leading `**/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProtectedPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = PROTECTED
            .iter()
            .map(|entry| entry.pattern.trim_start_matches("**/"));
        if known.clone().any(|place| place == text) {
            return Ok(Self(text));
        }
        let nearest = known.min_by_key(|place| strsim::damerau_levenshtein(place, &text));
        Err(format!(
            "`{text}` is no protected place; the nearest is `{}`",
            nearest.unwrap_or_default()
        ))
    }
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            backend: SandboxBackend::Native,
            allow_domains: Vec::new(),
            allow_private: Vec::new(),
            git_tokens: BTreeMap::new(),
            memory_max_mib: 512,
            processes_max: 128,
            wall_time_max_s: 600,
            disk_max_mib: 4096,
            files_max: 200_000,
            require: Vec::new(),
            unprotect: Vec::new(),
            standard_programs: STANDARD_PROGRAMS.map(str::to_owned).into(),
            standard_reads: vec!["/var/www".into()],
            runtime: "runsc".to_owned(),
            socket: None,
        }
    }
}

/// `[audit]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// `full`, or `metadata`: ids, kinds and digests without anybody's words.
    pub content: AuditContent,
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Executors of one person that work at once.
    pub executors_per_user: u32,
    /// Tasks of one workspace that work at once.
    pub tasks_per_workspace: u32,
    /// Messages of one person in a minute; 0 is no limit, here and below.
    pub messages_per_minute: u32,
    /// Tasks of one person in a minute, delegated and spawned ones too.
    pub tasks_per_minute: u32,
    /// Model tokens of one person in a minute.
    pub tokens_per_minute: u64,
    /// Messages of everybody together in a minute.
    pub org_messages_per_minute: u32,
    /// Tasks of everybody together in a minute.
    pub org_tasks_per_minute: u32,
    /// Model tokens of everybody together in a minute.
    pub org_tokens_per_minute: u64,
    /// What one person may spend on models in a month, in the currency of their prices.
    pub spend_per_user_month: f64,
    /// At how much of that he is warned, in percent.
    pub spend_warn_percent: u8,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            executors_per_user: 5,
            tasks_per_workspace: 5,
            // Programs talk through a person's token, too; one that is out of hand is faster still.
            messages_per_minute: 6000,
            tasks_per_minute: 6000,
            tokens_per_minute: 0,
            org_messages_per_minute: 60_000,
            org_tasks_per_minute: 60_000,
            org_tokens_per_minute: 0,
            spend_per_user_month: 0.0,
            spend_warn_percent: 80,
        }
    }
}

impl LimitSettings {
    /// How much people may ask for.
    pub fn allowance(&self) -> Allowance {
        // Money is counted in millionths; what is no amount at all is no limit.
        let micros = (self.spend_per_user_month * 1e6).max(0.0);
        Allowance {
            each: Quota {
                messages_per_minute: self.messages_per_minute,
                tasks_per_minute: self.tasks_per_minute,
                tokens_per_minute: self.tokens_per_minute,
                spend_per_month_micros: micros as u64,
            },
            org_messages_per_minute: self.org_messages_per_minute,
            org_tasks_per_minute: self.org_tasks_per_minute,
            org_tokens_per_minute: self.org_tokens_per_minute,
            spend_warn_percent: self.spend_warn_percent,
        }
    }
}

/// `[connectors.KIND.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorSettings {
    /// Telegram bots.
    pub telegram: BTreeMap<String, TelegramSettings>,
}

/// `[connectors.telegram.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramSettings {
    /// The bot's token.
    pub token: KeyReference,
    /// How messages come in.
    #[serde(default)]
    pub mode: TelegramMode,
    /// What Telegram proves itself with, in webhook mode.
    #[serde(default)]
    pub webhook_secret: Option<KeyReference>,
    /// Where Telegram is to call, in webhook mode; without it the operator tells Telegram himself.
    #[serde(default)]
    pub webhook_url: Option<String>,
    /// The Bot API.
    #[serde(default = "telegram_api")]
    pub api_base: String,
}

fn telegram_api() -> String {
    "https://api.telegram.org".to_owned()
}

/// How messages come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelegramMode {
    /// We ask for them.
    #[default]
    Polling,
    /// Telegram brings them.
    Webhook,
}
