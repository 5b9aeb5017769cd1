//! `[mcp.NAME]`: servers that bring tools along, and what the org vouches for of them.

use super::secret::is_reference;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use wardroom_domain::RiskTier;
use wardroom_executors::mcp::{SERVERS_MAX, check_address, check_header};
use wardroom_llm::KeyReference;

/// `[mcp.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct McpSettings {
    /// The command that speaks MCP over its standard streams.
    pub command: Vec<String>,
    /// The address that speaks MCP over HTTP.
    pub url: Option<String>,
    /// Headers of the requests to `url`, each a reference to a secret.
    pub headers: BTreeMap<String, KeyReference>,
    /// What the org vouches for; a tool that is not listed is `L2_DESTRUCTIVE`.
    pub tiers: BTreeMap<String, RiskTier>,
    /// Which parts of a tool's answer the org's own people write, as paths: `/*/text`.
    pub org_data: BTreeMap<String, Vec<String>>,
    /// Whether the command runs in the sandbox; it does unless the org says otherwise.
    pub sandboxed: Option<bool>,
    /// The environment of the command, which is otherwise empty.
    pub env: BTreeMap<String, String>,
    /// Folders of the host that the command sees in its sandbox where they are, read-only.
    pub show: Vec<PathBuf>,
    /// How long one call may take, in seconds.
    pub timeout_s: Option<u64>,
}

/// The longest name of a server: it stands before every name of its tools.
const NAME_CHARS_MAX: usize = 24;

impl McpSettings {
    /// Whether its command runs in the sandbox.
    pub fn is_sandboxed(&self) -> bool {
        self.sandboxed.unwrap_or(true)
    }
}

/// The first thing about the servers that cannot be meant: its key, and a sentence.
pub(super) fn complaint(servers: &BTreeMap<String, McpSettings>) -> Option<(String, String)> {
    if servers.len() > SERVERS_MAX {
        let reason = format!(
            "{} servers are too many; the most is {SERVERS_MAX}",
            servers.len()
        );
        return Some(("mcp".to_owned(), reason));
    }
    servers.iter().find_map(|(name, server)| {
        let wrong = name_complaint(name).map(|reason| (String::new(), reason));
        let (below, reason) = wrong.or_else(|| way(server)).or_else(|| details(server))?;
        Some((format!("mcp.{name}{below}"), reason))
    })
}

fn name_complaint(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
        && !name.contains("__")
        && !name.ends_with('_')
        && name.len() <= NAME_CHARS_MAX;
    (!is_plain).then(|| {
        format!(
            "the name of a server begins the names of its tools; use up to {NAME_CHARS_MAX} lower-case letters, digits and single `_`"
        )
    })
}

fn told(key: &str, reason: impl Into<String>) -> Option<(String, String)> {
    Some((format!(".{key}"), reason.into()))
}

/// By a command or by an address, and nothing that belongs to the other.
fn way(server: &McpSettings) -> Option<(String, String)> {
    match (server.command.first(), &server.url) {
        (None, None) => Some((
            String::new(),
            "says nothing of how the server is reached; write command = [\"…\"] or url = \"https://…\"".to_owned(),
        )),
        (Some(_), Some(_)) => told("url", "a server has a command or an address, not both; remove one"),
        (Some(program), None) if program.trim().is_empty() => told("command", "names no program"),
        (Some(_), None) if !server.headers.is_empty() => {
            told("headers", "are sent to an address; a command gets its secrets from env")
        }
        (Some(_), None) => None,
        (None, Some(url)) => by_url(server, url),
    }
}

fn by_url(server: &McpSettings, url: &str) -> Option<(String, String)> {
    if let Err(unfit) = check_address(url, !server.headers.is_empty()) {
        return told("url", unfit.to_string());
    }
    if server.sandboxed.is_some() || !server.env.is_empty() || !server.show.is_empty() {
        let key = match (server.sandboxed, server.env.is_empty()) {
            (Some(_), _) => "sandboxed",
            (None, false) => "env",
            (None, true) => "show",
        };
        return told(
            key,
            "is for a command; this server is reached at an address",
        );
    }
    let unfit = |name: &String| {
        let unfit = check_header(name).err()?;
        told(&format!("headers.{name}"), unfit.to_string())
    };
    server.headers.keys().find_map(unfit)
}

fn details(server: &McpSettings) -> Option<(String, String)> {
    let unfit = |(tool, paths): (&String, &Vec<String>)| {
        let path = paths.iter().find(|path| !path.starts_with('/'))?;
        let reason = format!("`{path}` is no path into an answer; write one such as \"/*/text\"");
        told(&format!("org_data.{tool}"), reason)
    };
    if let Some(wrong) = server.org_data.iter().find_map(unfit) {
        return Some(wrong);
    }
    if server.timeout_s == Some(0) {
        return told("timeout_s", "0 is too little; write 1 or more");
    }
    if let Some(path) = server.show.iter().find(|path| !path.is_absolute()) {
        let reason = format!("`{}` is not an absolute path", path.display());
        return told("show", reason);
    }
    if !server.show.is_empty() && !server.is_sandboxed() {
        return told(
            "show",
            "is for a command in the sandbox; outside of it, it sees everything",
        );
    }
    let is_variable = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty() && name.chars().all(fits)
    };
    if let Some(name) = server.env.keys().find(|name| !is_variable(name)) {
        return told(
            &format!("env.{name}"),
            "is not the name of an environment variable",
        );
    }
    let kept = server.env.iter().find(|(_, value)| is_reference(value));
    match kept {
        Some((name, _)) if server.is_sandboxed() => told(
            &format!("env.{name}"),
            "no secret goes into a sandbox; write sandboxed = false if the org trusts this program with it",
        ),
        _ => None,
    }
}
