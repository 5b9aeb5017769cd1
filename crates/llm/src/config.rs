//! `[models.NAME]` and `[routing]` as they stand in the configuration, and what can be wrong in
//! them.
//!
//! Keys stay references here; whoever knows the secret store resolves them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::http::ClientSetupError;
use crate::scripted::StoryError;

/// One `[models.NAME]` as it stands in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    pub provider: String,
    pub base_url: Option<String>,
    pub model: Option<String>,
    pub api_key: Option<KeyReference>,
    /// The story of a scripted model, relative to the configuration file.
    pub script: Option<PathBuf>,
    #[serde(default)]
    pub tools: ToolProtocol,
    pub sees_images: Option<bool>,
    pub temperature: Option<f32>,
    pub max_tokens: Option<u32>,
    /// For one attempt as a whole.
    pub timeout_ms: Option<u64>,
    pub first_byte_timeout_ms: Option<u64>,
    pub idle_timeout_ms: Option<u64>,
    pub retries_max: Option<u32>,
    #[serde(default)]
    pub price_in_per_mtok: f64,
    #[serde(default)]
    pub price_out_per_mtok: f64,
}

/// `[routing]`: chains of model names, the first is primary, the rest its fallback.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingSettings {
    #[serde(default = "default_chain")]
    pub coordinator: Vec<String>,
    #[serde(default = "default_chain")]
    pub executor: Vec<String>,
    /// Chains for tasks of one type, before the executor's.
    #[serde(default)]
    pub task_types: BTreeMap<String, Vec<String>>,
}

impl Default for RoutingSettings {
    fn default() -> Self {
        let task_types = BTreeMap::new();
        Self {
            coordinator: default_chain(),
            executor: default_chain(),
            task_types,
        }
    }
}

fn default_chain() -> Vec<String> {
    vec!["default".into()]
}

/// How a model is told of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolProtocol {
    /// By the provider's own function calling.
    #[default]
    Native,
    /// By instructions in the prompt, for models that know no function calling.
    Prompted,
}

/// Where a key is kept; never the key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum KeyReference {
    Secret(String),
    Env(String),
}

impl TryFrom<String> for KeyReference {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some(("secret", name)) if !name.is_empty() => Ok(KeyReference::Secret(name.to_owned())),
            Some(("env", name)) if !name.is_empty() => Ok(KeyReference::Env(name.to_owned())),
            _ => Err(
                "a key does not belong in the configuration file: store it with \
                      `wardroom secret set NAME` and write api_key = \"secret:NAME\", or name an \
                      environment variable with \"env:NAME\"",
            ),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("[models.{model}] provider \"{given}\" is unknown; did you mean \"{nearest}\"?")]
    UnknownProvider {
        model: String,
        given: String,
        nearest: &'static str,
    },
    #[error("[models.{model}] {reason}")]
    Unusable { model: String, reason: String },
    #[error("[models.{model}] cannot read the script {}", path.display())]
    ScriptUnreadable {
        model: String,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("[models.{model}] cannot play the script {}", path.display())]
    ScriptUnplayable {
        model: String,
        path: PathBuf,
        source: StoryError,
    },
    #[error("[models.{model}] cannot be asked from here")]
    Client {
        model: String,
        source: ClientSetupError,
    },
    #[error("[routing] {chain} names no model; write at least one of [models.*]")]
    EmptyChain { chain: String },
    #[error(
        "[routing] {chain} names \"{given}\", which no [models.*] defines{}",
        hint(nearest)
    )]
    UnknownModel {
        chain: String,
        given: String,
        nearest: Option<String>,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or(String::new(), |name| format!("; did you mean \"{name}\"?"))
}

/// The name nearest to what was given, however far.
pub(crate) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names.min_by_key(|name| strsim::damerau_levenshtein(given, name))
}
