//! What no single value can know: whether the values make sense together, and whether this
//! version can do what they ask for.

use super::error::{ConfigError, Place};
use super::settings::{SandboxBackend, TelegramMode};
use super::value::{BusUrl, StoreUrl};
use super::{Config, mcp};
use std::path::PathBuf;
use wardroom_llm::KeyReference;
use wardroom_sandbox::egress::Remote;

/// Refuses what cannot be meant. `place` finds where a key stands.
pub fn check(config: &Config, place: impl Fn(&[&str]) -> Option<Place>) -> Result<(), ConfigError> {
    let Some((path, reason)) = complaint(config) else {
        return Ok(());
    };
    let parts: Vec<&str> = path.split('.').collect();
    let nowhere = || Place::Line {
        path: PathBuf::from(super::FILE_NAME),
        line: 1,
    };
    Err(ConfigError::Invalid {
        place: place(&parts).unwrap_or_else(nowhere),
        key: path,
        reason,
    })
}

/// The first thing that cannot be meant: its key, and a sentence.
fn complaint(config: &Config) -> Option<(String, String)> {
    unsupported(config)
        .or_else(|| too_small(config))
        .or_else(|| models(config))
        .or_else(|| mcp::complaint(&config.mcp))
        .or_else(|| connectors(config))
        .or_else(|| git_tokens(config))
        .or_else(|| standard_reads(config))
}

fn unsupported(config: &Config) -> Option<(String, String)> {
    let no = |key: &str, reason: String| Some((key.to_owned(), reason));
    if config.policy.preset.is_none() && config.profile.preset().is_none() {
        let reason = format!(
            "profile {} starts from the preset `{}`, which this version does not have; \
             set policy.preset as well",
            config.profile,
            config.profile.preset_name()
        );
        return no("profile", reason);
    }
    let is_shared = matches!(config.store.url, StoreUrl::Postgres(_));
    if matches!(config.bus.url, BusUrl::Redis(_)) && !is_shared {
        let reason = "a database file has one process, so there is nobody to wake; write embedded, \
                      or a postgres:// URL into store.url";
        return no("bus.url", reason.into());
    }
    if let Some(owner) = &config.store.owner_url
        && !(is_shared && matches!(owner, StoreUrl::Postgres(_)))
    {
        let reason = "only tables in PostgreSQL have an owner; write a postgres:// URL into both \
                      store.url and store.owner_url, or take this line away";
        return no("store.owner_url", reason.into());
    }
    if config.sandbox.backend == SandboxBackend::Kubernetes {
        return no(
            "sandbox.backend",
            "this version has no Kubernetes backend; write native, oci, podman or docker".into(),
        );
    }
    None
}

fn too_small(config: &Config) -> Option<(String, String)> {
    let lowest = [
        // Less memory than this and a shell with a compiler does not even start.
        ("sandbox.memory_max_mib", config.sandbox.memory_max_mib, 32),
        (
            "sandbox.processes_max",
            config.sandbox.processes_max.into(),
            4,
        ),
        ("sandbox.wall_time_max_s", config.sandbox.wall_time_max_s, 1),
        ("sandbox.disk_max_mib", config.sandbox.disk_max_mib, 1),
        ("sandbox.files_max", config.sandbox.files_max, 100),
        // A beat is a third of it, and a busy database answers one within a second or two.
        ("store.lease_s", config.store.lease_s, 5),
        ("policy.approval_ttl_s", config.policy.approval_ttl_s, 1),
        (
            "limits.executors_per_user",
            config.limits.executors_per_user.into(),
            1,
        ),
        (
            "limits.tasks_per_workspace",
            config.limits.tasks_per_workspace.into(),
            1,
        ),
    ];
    let (key, value, least) = lowest.into_iter().find(|(_, value, least)| value < least)?;
    Some((
        key.to_owned(),
        format!("{value} is too little; write {least} or more"),
    ))
}

/// A door that is called has to know its caller.
fn connectors(config: &Config) -> Option<(String, String)> {
    for (name, bot) in &config.connectors.telegram {
        let key = |key: &str| format!("connectors.telegram.{name}.{key}");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
            let reason = "a bot's name has letters, digits, - and _, at most 40".to_owned();
            return Some((format!("connectors.telegram.{name}"), reason));
        }
        if bot.mode == TelegramMode::Webhook && bot.webhook_secret.is_none() {
            let reason = "is webhook, so Telegram has to prove itself: write webhook_secret = \
                          \"secret:NAME\" as well"
                .to_owned();
            return Some((key("mode"), reason));
        }
        if !bot.api_base.starts_with("https://") && !bot.api_base.starts_with("http://") {
            let reason = "is no address; write https://api.telegram.org".to_owned();
            return Some((key("api_base"), reason));
        }
    }
    None
}

/// Where models are configured, the routing leads to them.
fn models(config: &Config) -> Option<(String, String)> {
    if config.models.is_empty() {
        return None;
    }
    let chains = [
        ("coordinator", &config.routing.coordinator),
        ("executor", &config.routing.executor),
    ];
    let by_type = config.routing.task_types.iter();
    let by_type = by_type.map(|(name, chain)| (format!("routing.task_types.{name}"), chain));
    let chains = chains
        .into_iter()
        .map(|(name, chain)| (format!("routing.{name}"), chain));
    for (key, chain) in chains.chain(by_type) {
        if chain.is_empty() {
            return Some((
                key,
                "names no model; write at least one of [models.*]".to_owned(),
            ));
        }
        let unknown = chain.iter().find(|name| !config.models.contains_key(*name));
        if let Some(name) = unknown {
            let near = config
                .models
                .keys()
                .min_by_key(|known| strsim::damerau_levenshtein(name, known));
            let near = near.map_or("", String::as_str);
            let reason = format!("there is no [models.{name}]; the nearest is [models.{near}]");
            return Some((key, reason));
        }
    }
    None
}

/// What level `STANDARD` reads is a folder of its own, and never one that holds ours.
fn standard_reads(config: &Config) -> Option<(String, String)> {
    let told = |path: &PathBuf| {
        let reason = match path {
            path if !path.is_absolute() => "is not an absolute path",
            path if config.data_dir.starts_with(path) => "holds the data directory",
            _ => return None,
        };
        let key = "sandbox.standard_reads".to_owned();
        Some((key, format!("`{}` {reason}", path.display())))
    };
    config.sandbox.standard_reads.iter().find_map(told)
}

/// A token is a stored secret, for a remote that can be reached.
fn git_tokens(config: &Config) -> Option<(String, String)> {
    let rules = config.egress_rules();
    config.sandbox.git_tokens.iter().find_map(|(name, key)| {
        let reason = match Remote::parse(name, Some(super::HTTPS_PORT)) {
            Err(error) => format!(
                "`{name}` is no git remote: {error}; write github.com or git.example.com:8443"
            ),
            Ok(remote) if rules.admitting(&remote).is_none() => {
                format!(
                    "{remote} cannot be reached from a sandbox; add it to sandbox.allow_domains"
                )
            }
            Ok(_) if matches!(key, KeyReference::Env(_)) => {
                "is lent to tasks, so it must be a stored secret; write secret:NAME".to_owned()
            }
            Ok(_) => return None,
        };
        Some((format!("sandbox.git_tokens.{name}"), reason))
    })
}
