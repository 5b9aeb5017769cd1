//! `wardroom doctor`: whether everything is there that a server needs, found by trying it.

use super::sandbox::make;
use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::office::open_to_read;
use crate::output::print;
use crate::place::Place;
use crate::terminal::{style, visible};
use clap::{Args, ValueEnum};
use serde::Serialize;
use wardroom_api::client::{Address, Client, ClientError};
use wardroom_api::mcp::McpServer;
use wardroom_sandbox::{Capabilities, Enforcement, ExecSpec, Offer, Outcome, Sandbox};
use wardroom_server::config::{Config, KeyReference, local_model, offer};
use wardroom_server::confinement;
use wardroom_store::{AuditVerifier, Broken, Outside, Store};

/// How many rows that do not fit are named; the first is mostly the cause of the others.
const BROKEN_SHOWN_MAX: usize = 20;

/// Check that everything is there that a server needs
#[derive(Debug, Args)]
pub struct Doctor {
    /// Check only this part
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The sandbox, with real attempts to break out
    Sandbox,
    /// The database: the audit log, and whether the rows fit together
    Store,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    name: String,
    verdict: Word,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Good,
    /// Something is missing that one can do without.
    Note,
    Bad,
}

fn finding(name: impl Into<String>, verdict: Word, detail: impl Into<String>) -> Finding {
    Finding {
        name: name.into(),
        verdict,
        detail: detail.into(),
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    findings: Vec<Finding>,
}

impl Doctor {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let findings = block_on(async {
            match self.part {
                Some(Part::Sandbox) => Ok(sandbox(&place.config()?).await),
                Some(Part::Store) => Ok(store(&place.config()?)),
                None => Ok(everything(place).await),
            }
        })?;
        let ok = findings.iter().all(|finding| finding.verdict != Word::Bad);
        print(place.json, &Report { ok, findings }, in_words)?;
        Ok(if ok { Exit::Done } else { Exit::Refused })
    }
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    for Finding {
        name,
        verdict,
        detail,
    } in &report.findings
    {
        let (style, sign) = match verdict {
            Word::Good => (style::GOOD, "good"),
            Word::Note => (style::ASK, "note"),
            Word::Bad => (style::BAD, "bad "),
        };
        text.push_str(&format!(
            "{style}{sign}{style:#} {name:<26} {}\n",
            visible(detail)
        ));
    }
    text
}

async fn everything(place: &Place) -> Vec<Finding> {
    let config = match place.config() {
        Ok(config) => config,
        Err(failure) => return vec![finding("configuration", Word::Bad, failure.sentence())],
    };
    let file = config
        .file
        .as_ref()
        .map_or("all defaults".to_owned(), |f| f.display().to_string());
    let mut findings = vec![finding("configuration", Word::Good, file)];
    findings.push(server(place).await);
    findings.extend(store(&config));
    findings.extend(models(&config).await);
    findings.extend(mcp_servers(place, &config).await);
    findings.extend(sandbox(&config).await);
    findings
}

/// The MCP servers as the running server sees them; it alone starts them.
async fn mcp_servers(place: &Place, config: &Config) -> Vec<Finding> {
    let named = |name: &str| format!("MCP server {name}");
    if config.mcp.is_empty() {
        return Vec::new();
    }
    let listed = match place.has_server().then(|| place.client()) {
        Some(Ok(client)) => client.mcp_servers().await.map_err(Failure::from),
        Some(Err(failure)) => Err(failure),
        None => {
            let note = "configured; `wardroom up` looks at it";
            let names = config.mcp.keys();
            return names
                .map(|name| finding(named(name), Word::Note, note))
                .collect();
        }
    };
    match listed {
        Ok(list) => list.servers.iter().map(mcp_server).collect(),
        Err(failure) => vec![finding("MCP servers", Word::Bad, failure.sentence())],
    }
}

fn mcp_server(server: &McpServer) -> Finding {
    let name = format!("MCP server {}", server.name);
    let count = |standing: &str| {
        let of = server.tools.iter().filter(|tool| tool.standing == standing);
        of.count()
    };
    let (changed, refused) = (count("changed"), count("refused"));
    let mut detail = format!("{}, {} tools", server.state, server.tools.len());
    for (number, what) in [(changed, "changed"), (refused, "refused")] {
        if number > 0 {
            detail.push_str(&format!(", {number} {what}"));
        }
    }
    match &server.why {
        Some(why) => finding(name, Word::Bad, why),
        None if server.state != "ready" || changed + refused > 0 => {
            finding(name, Word::Note, detail)
        }
        None => finding(name, Word::Good, detail),
    }
}

async fn server(place: &Place) -> Finding {
    if !place.has_server() {
        return finding(
            "server",
            Word::Note,
            "none runs here; `wardroom up` starts one",
        );
    }
    let health = match place.client() {
        Ok(client) => client.health().await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match health {
        Ok(health) => finding(
            "server",
            Word::Good,
            format!("runs, version {}", health.version),
        ),
        Err(failure) => finding("server", Word::Bad, failure.sentence()),
    }
}

fn store(config: &Config) -> Vec<Finding> {
    if config.store_file().is_some_and(|file| !file.exists()) {
        return vec![finding(
            "database",
            Word::Note,
            "not there yet; the first start makes it",
        )];
    }
    let store = match open_to_read(config) {
        Ok(store) => store,
        Err(failure) => return vec![finding("database", Word::Bad, failure.sentence())],
    };
    let report = AuditVerifier::load(&config.audit_key_path().with_extension("pub"))
        .and_then(|verifier| store.audit_verify(&verifier));
    let audit = match report {
        Ok(report) => match report.first_bad {
            None => finding(
                "audit log",
                Word::Good,
                format!("intact, {} events", report.events),
            ),
            Some(bad) => finding("audit log", Word::Bad, bad.to_string()),
        },
        Err(error) => finding("audit log", Word::Bad, error.to_string()),
    };
    let database = finding("database", Word::Good, config.store_name());
    let mut findings = vec![database, audit];
    findings.extend(rows(&store));
    findings
}

/// Whether the rows fit together, as of one moment, whoever works meanwhile.
fn rows(store: &Store) -> Vec<Finding> {
    let examined = match store.examine(&Outside::default(), None) {
        Ok(examined) => examined,
        Err(error) => return vec![finding("rows", Word::Bad, error.to_string())],
    };
    if examined.broken.is_empty() {
        let detail = format!("fit together, {} tasks", examined.tasks);
        return vec![finding("rows", Word::Good, detail)];
    }
    let shown = examined.broken.iter().take(BROKEN_SHOWN_MAX);
    let mut findings: Vec<Finding> = shown
        .map(|broken| {
            finding(
                format!("rows: {}", broken.invariant),
                Word::Bad,
                told(broken),
            )
        })
        .collect();
    let more = examined.broken.len().saturating_sub(BROKEN_SHOWN_MAX);
    if more > 0 {
        findings.push(finding(
            "rows",
            Word::Bad,
            format!("{more} more do not fit together"),
        ));
    }
    findings
}

fn told(broken: &Broken) -> String {
    format!("{}: {}", broken.rows.join(", "), broken.sentence)
}

async fn models(config: &Config) -> Vec<Finding> {
    if !config.models.is_empty() {
        return configured(config).await;
    }
    let detail = match local_model().await {
        Some(found) => match offer(&found) {
            Some(lines) => {
                let lines = lines.trim_end().replace('\n', "; ");
                format!("none configured, but an Ollama runs here; write: {lines}")
            }
            None => "none configured; an Ollama runs here, but it has no models".to_owned(),
        },
        None => {
            "none configured, so the demo story answers; write a [models.default] with provider, \
                 base_url and model"
                .to_owned()
        }
    };
    vec![finding("models", Word::Note, detail)]
}

/// Every model of the configuration: its key must be there, and its own address must answer.
async fn configured(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let secrets = stored_secrets(config).await;
    let is_set = |key: &KeyReference| match key {
        KeyReference::Env(variable) => std::env::var_os(variable).is_some(),
        KeyReference::Secret(name) => secrets.contains(name),
    };
    for (model, place) in config.missing_keys(is_set) {
        let detail = format!("the key is to be in {place}, which is not set");
        findings.push(finding(format!("model {model}: key"), Word::Bad, detail));
    }
    for (name, settings) in &config.models {
        let (verdict, detail) = match &settings.base_url {
            None if settings.provider == "scripted" => (Word::Good, "plays its script".to_owned()),
            None => (
                Word::Good,
                format!("{} at its usual address, not tried", settings.provider),
            ),
            Some(url) if answers(url).await => (Word::Good, format!("somebody answers at {url}")),
            Some(url) => (Word::Bad, format!("nobody answers at {url}")),
        };
        findings.push(finding(format!("model {name}"), verdict, detail));
    }
    findings
}

/// The names of the stored secrets; of a store that cannot be read, which is said elsewhere, none.
async fn stored_secrets(config: &Config) -> Vec<String> {
    let read = async {
        let store = open_to_read(config).ok()?;
        let (org, _) = store.orgs().await.ok()?.into_iter().next()?;
        store.secret_names(org).await.ok()
    };
    let rows = read.await.unwrap_or_default();
    rows.into_iter().map(|row| row.name).collect()
}

/// Whether anything listens there; what it says to a question that is not meant for it is all one.
async fn answers(url: &str) -> bool {
    let address = Address::Url {
        url: url.to_owned(),
        token: None,
    };
    let Ok(client) = Client::new(address) else {
        return false;
    };
    !matches!(
        client.health().await,
        Err(ClientError::NoServer { .. } | ClientError::Broken { .. })
    )
}

async fn sandbox(config: &Config) -> Vec<Finding> {
    let provider = confinement::provider(config);
    let capabilities = match provider.probe().await {
        Ok(capabilities) => capabilities,
        Err(error) => return vec![finding("sandbox", Word::Bad, error.to_string())],
    };
    let border = format!("{}, {}", provider.name(), capabilities.tier);
    let mut findings = vec![finding("sandbox: backend", Word::Good, border)];
    findings.extend(capabilities.rows().into_iter().map(|(name, enforcement)| {
        let verdict = match enforcement {
            Enforcement::Kernel => Word::Good,
            Enforcement::BestEffort(_) | Enforcement::None(_) => Word::Note,
        };
        finding(format!("sandbox: {name}"), verdict, enforcement.to_string())
    }));
    findings.extend(capabilities.offers().into_iter().map(|(name, offer)| {
        let verdict = match offer {
            Offer::Given => Word::Good,
            Offer::Refused(_) => Word::Note,
        };
        finding(format!("sandbox: {name}"), verdict, offer.to_string())
    }));
    findings.extend(unmet(config, &capabilities));
    findings.push(egress(config));
    findings.extend(escapes(config).await);
    findings
}

/// What the configuration requires and this host does not enforce: no task runs then.
fn unmet(config: &Config, capabilities: &Capabilities) -> Option<Finding> {
    let shortfall = capabilities
        .meet_for_views(&confinement::demands(config))
        .err()?;
    let detail = format!("{shortfall}; tasks are refused while `sandbox.require` asks for it");
    Some(finding("sandbox: required", Word::Bad, detail))
}

/// What the sandboxes of tasks may reach: said as it is, because it is the only way out.
fn egress(config: &Config) -> Finding {
    let name = "sandbox: way out";
    let rules = config.egress_rules();
    if rules.allow.is_empty() {
        return finding(name, Word::Good, "none: nothing leaves a sandbox");
    }
    let list = |items: Vec<String>| items.join(", ");
    let open = list(rules.allow.iter().map(ToString::to_string).collect());
    let vouched = match rules.allow_private.is_empty() {
        true => "no private address".to_owned(),
        false => {
            let all = rules.allow_private.iter().map(ToString::to_string);
            format!("of private addresses {}", list(all.collect()))
        }
    };
    let detail = format!(
        "by the proxy alone, to {open}; {vouched}; where anything is open, data can be taken there"
    );
    finding(name, Word::Note, detail)
}

/// Real attempts to break out, each a command that must fail inside.
const ATTEMPTS: &[(&str, &str)] = &[
    (
        "write to the system",
        "touch /usr/wardroom-was-here 2>/dev/null || mkdir /etc/x 2>/dev/null",
    ),
    (
        "read the host's passwords",
        "cat /etc/shadow 2>/dev/null | grep -q .",
    ),
    (
        "see the host's processes",
        "test \"$(ls -d /proc/[0-9]* | wc -l)\" -gt 20",
    ),
    (
        "reach the network",
        "grep -qvE '^ *(lo:|face|Inter)' /proc/net/dev",
    ),
    (
        "load a kernel setting",
        "echo 0 > /proc/sys/kernel/hostname",
    ),
    ("mount something", "mount -t tmpfs none /mnt 2>/dev/null"),
    (
        "become root",
        "test \"$(id -u)\" = 0 || su -c true 2>/dev/null </dev/null",
    ),
    ("make a namespace", "unshare -Ur true 2>/dev/null"),
];

async fn escapes(config: &Config) -> Vec<Finding> {
    let sandbox = match make(config, None).await {
        Ok(sandbox) => sandbox,
        Err(failure) => return vec![finding("escape probe", Word::Bad, failure.sentence())],
    };
    // The control: where nothing runs at all, nothing breaks out, and that would prove nothing.
    let mut findings = vec![control(&*sandbox).await];
    for (what, command) in ATTEMPTS {
        findings.push(attempt(&*sandbox, what, command).await);
    }
    findings
}

async fn control(sandbox: &dyn Sandbox) -> Finding {
    match outcome(
        sandbox,
        "echo hello > hello && test \"$(cat hello)\" = hello",
    )
    .await
    {
        Ok(Outcome::Exited(0)) => finding("sandbox: a command", Word::Good, "runs and writes"),
        Ok(other) => finding(
            "sandbox: a command",
            Word::Bad,
            format!("ended with {other:?}"),
        ),
        Err(failure) => finding("sandbox: a command", Word::Bad, failure.sentence()),
    }
}

async fn attempt(sandbox: &dyn Sandbox, what: &str, command: &str) -> Finding {
    let name = format!("escape: {what}");
    match outcome(sandbox, command).await {
        Ok(Outcome::Exited(0)) => finding(name, Word::Bad, "it worked: this sandbox does not hold"),
        Ok(_) => finding(name, Word::Good, "tried, and it held"),
        Err(failure) => finding(name, Word::Bad, failure.sentence()),
    }
}

async fn outcome(sandbox: &dyn Sandbox, command: &str) -> Result<Outcome, Failure> {
    let handle = sandbox.exec(ExecSpec::new(["sh", "-c", command])).await?;
    Ok(handle.wait().await.outcome)
}
