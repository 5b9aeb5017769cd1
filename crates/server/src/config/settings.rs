//! The sections of the configuration, each with its defaults.

use super::value::{BusUrl, ObjectUrl, StoreUrl};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use wardroom_domain::RiskTier;
use wardroom_llm::KeyReference;
use wardroom_policy::decide::Preset;
use wardroom_sandbox::egress::{HostRule, Vouched};

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
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The database.
    pub url: StoreUrl,
}

/// `[bus]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusSettings {
    /// What wakes other processes.
    pub url: BusUrl,
}

/// `[objects]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectSettings {
    /// Where artifacts and uploads are kept.
    pub url: ObjectUrl,
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
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            preset: None,
            self_approval: vec![RiskTier::L1Mutating, RiskTier::L2Destructive],
            allow_bypass: false,
            approval_ttl_s: 3600,
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
        }
    }
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Executors of one person that work at once.
    pub executors_per_user: u32,
    /// Tasks of one workspace that work at once.
    pub tasks_per_workspace: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            executors_per_user: 5,
            tasks_per_workspace: 5,
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
