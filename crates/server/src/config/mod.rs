//! `wardroom.toml`, overlaid by `WARDROOM_SECTION__KEY`, read into values that are already right.
//!
//! Every key has a default, so an absent file is a laptop. Whatever cannot be meant (an unknown
//! key, a secret in plain text, an address that is none, a thing that this version cannot do) is
//! refused with the place where it stands and what to write instead.

mod error;
mod settings;
mod mcp;
mod secret;
mod value;
mod keys;
mod document;
mod environment;
mod check;
mod layout;
mod offer;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, Place};
pub use layout::{ORG_NAME, OWNER_NAME};
pub use mcp::McpSettings;
pub use offer::{local_model, offer};
pub use settings::{
    BusSettings, ConnectorSettings, LimitSettings, ObjectSettings, PolicySettings, Profile,
    ProtectedPlace, Requirement, SandboxBackend, SandboxSettings, ServerSettings, StoreSettings,
    TelegramMode, TelegramSettings,
};
pub use value::{BucketUrl, BusUrl, ObjectUrl, StoreUrl};
pub use wardroom_llm::KeyReference;

use document::Document;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wardroom_coordinator::GitToken;
use wardroom_llm::{ModelSettings, RoutingSettings};
use wardroom_policy::decide::{Approvers, Policy, Preset};
use wardroom_sandbox::egress::{Remote, Rules};
use wardroom_store::{CopyEnd, OpenOptions, Servers, Store, StoreError};

/// The name of the configuration file in a data directory.
pub const FILE_NAME: &str = "wardroom.toml";
/// Where git remotes listen unless somebody says otherwise.
const HTTPS_PORT: u16 = 443;

/// The configuration of one server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where everything is kept that is ours.
    #[serde(skip)]
    pub data_dir: PathBuf,
    /// The folder of the configuration file, which relative scripts start from.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The file that was read; none where all is default.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// What the place is like.
    pub profile: Profile,
    /// `[server]`
    pub server: ServerSettings,
    /// `[store]`
    pub store: StoreSettings,
    /// `[bus]`
    pub bus: BusSettings,
    /// `[objects]`
    pub objects: ObjectSettings,
    /// `[models.NAME]`
    pub models: BTreeMap<String, ModelSettings>,
    /// `[routing]`
    pub routing: RoutingSettings,
    /// `[policy]`
    pub policy: PolicySettings,
    /// `[sandbox]`
    pub sandbox: SandboxSettings,
    /// `[audit]`
    pub audit: settings::AuditSettings,
    /// `[limits]`
    pub limits: LimitSettings,
    /// `[mcp.NAME]`
    pub mcp: BTreeMap<String, McpSettings>,
    /// `[connectors.KIND.NAME]`
    pub connectors: settings::ConnectorSettings,
}

impl Config {
    /// Reads the configuration of a data directory. `file` is what the user named; without it,
    /// `wardroom.toml` of the data directory counts if it is there.
    pub fn load(
        data_dir: &Path,
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let own = data_dir.join(FILE_NAME);
        let path = file.unwrap_or(&own);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
            Err(source) => {
                return Err(ConfigError::Unreadable {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let document = Document::parse(path, text.as_deref().unwrap_or_default())?;
        let mut config = environment::overlay(&document, env)?;
        config.file = text.is_some().then(|| path.to_owned());
        config.folder = path.parent().unwrap_or(data_dir).to_owned();
        config.data_dir = data_dir.to_owned();
        Ok(config)
    }

    /// The table of policy in force.
    pub fn preset(&self) -> Preset {
        // INVARIANT: `check` has refused a profile whose preset this version does not have.
        self.policy
            .preset
            .or(self.profile.preset())
            .unwrap_or(Preset::Enterprise)
    }

    /// The rules of the org, as configured.
    pub fn policy(&self) -> Policy {
        self.policy_of(None)
    }

    /// The same under another preset.
    pub fn policy_of(&self, preset: Option<Preset>) -> Policy {
        let approvers = Approvers {
            self_approval: self.policy.self_approval.clone(),
            own_l3: self.profile == Profile::Laptop,
            four_eyes: self.policy.four_eyes.clone(),
            ..Approvers::default()
        };
        let mut policy = Policy::new(preset.unwrap_or(self.preset()), approvers);
        policy.bypass.is_allowed = self.policy.allow_bypass;
        policy
    }

    /// What sandboxes may reach.
    pub fn egress_rules(&self) -> Rules {
        Rules {
            allow: self.sandbox.allow_domains.clone(),
            allow_private: self.sandbox.allow_private.clone(),
        }
    }

    /// What git shows to which remote.
    pub fn git_tokens(&self) -> Vec<GitToken> {
        let tokens = self.sandbox.git_tokens.iter();
        // INVARIANT: `check` has refused what is no remote, and keys that are not stored.
        let token = |(remote, key): (&String, &KeyReference)| match key {
            KeyReference::Secret(secret) => Some(GitToken {
                remote: Remote::parse(remote, Some(HTTPS_PORT)).ok()?,
                secret: secret.clone(),
            }),
            KeyReference::Env(_) => None,
        };
        tokens.filter_map(token).collect()
    }

    /// The models whose keys are not where they are said to be, each with that place.
    pub fn missing_keys(&self, is_set: impl Fn(&KeyReference) -> bool) -> Vec<(&str, String)> {
        let missing = self.models.iter().filter_map(|(name, model)| {
            let place = match model.api_key.as_ref()? {
                key if is_set(key) => return None,
                KeyReference::Env(variable) => format!("the environment variable {variable}"),
                KeyReference::Secret(secret) => format!("the stored secret {secret}"),
            };
            Some((name.as_str(), place))
        });
        missing.collect()
    }

    /// Opens the store.
    pub fn open_store(&self, options: OpenOptions) -> Result<Store, StoreError> {
        match &self.store.url {
            StoreUrl::Sqlite(path) => Store::open(&self.data_dir.join(path), options),
            StoreUrl::Postgres(url) => Store::connect_to(&self.servers(url), options),
        }
    }

    /// One end of a copy: the store of this URL, with what the configuration says around it.
    pub fn copy_end(&self, url: &StoreUrl) -> CopyEnd {
        match url {
            StoreUrl::Sqlite(path) => CopyEnd::File(self.data_dir.join(path)),
            // The owner of one database is nobody in another.
            StoreUrl::Postgres(database) if *url == self.store.url => {
                CopyEnd::Servers(self.servers(database))
            }
            StoreUrl::Postgres(database) => CopyEnd::Servers(Servers {
                database: database.clone(),
                ..Servers::default()
            }),
        }
    }

    fn servers(&self, database: &str) -> Servers {
        let owner = match &self.store.owner_url {
            Some(StoreUrl::Postgres(url)) => Some(url.clone()),
            // INVARIANT: `check` has refused the owner of a file.
            Some(StoreUrl::Sqlite(_)) | None => None,
        };
        let bus = match &self.bus.url {
            BusUrl::Redis(url) => Some(url.clone()),
            BusUrl::Embedded => None,
        };
        Servers {
            database: database.to_owned(),
            owner,
            bus,
            lease: Some(Duration::from_secs(self.store.lease_s)),
        }
    }

    /// Where the store is, for people: a password in it stays out.
    pub fn store_name(&self) -> String {
        match &self.store.url {
            StoreUrl::Sqlite(path) => self.data_dir.join(path).display().to_string(),
            StoreUrl::Postgres(url) => without_password(url),
        }
    }

    /// The database file, where the store is one.
    pub fn store_file(&self) -> Option<PathBuf> {
        match &self.store.url {
            StoreUrl::Sqlite(path) => Some(self.data_dir.join(path)),
            StoreUrl::Postgres(_) => None,
        }
    }
}

fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    match rest.rsplit_once('@') {
        Some((who, place)) => {
            let name = who.split(':').next().unwrap_or_default();
            format!("{scheme}//{name}@{place}")
        }
        None => url.to_owned(),
    }
}
