//! From a configuration to a server that is ready.

use crate::app::{App, Inner, router};
use crate::config::Config;
use crate::connectors::Connectors;
use crate::lending::Lender;
use crate::mcp::McpServersFound;
use crate::model_keys::{ModelKeys, Sources};
use crate::vault::Vault;
use crate::{confinement, listen, stop};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wardroom_coordinator::workspace::Forbidden;
use wardroom_coordinator::{Benches, Clock, Crew, ForeignTools, Parts, Settings, Wrong, mint};
use wardroom_domain::{
    AuditDraft, AuditKind, Chain, Digest, OrgId, Role, User, UserId, UserStatus,
};
use wardroom_executors::mcp::McpServers;
use wardroom_executors::{Egress, Hands};
use wardroom_gateway::Gateway;
use wardroom_llm::{
    Pace, RoutedModel, Router, RoutingSettings, ScriptedModel, Story, Surroundings,
};
use wardroom_policy::redact::Redactor;
use wardroom_sandbox::egress::Roots;
use wardroom_store::{AuditSigner, NewLink, Objects, OpenOptions, Store, Write};

/// How `up` was asked to run.
pub struct Startup {
    /// The configuration.
    pub config: Config,
    /// Whether the doors are open.
    pub serves: bool,
    /// Whether tasks are worked on.
    pub works: bool,
    /// The binary that is the runner inside sandboxes: this one.
    pub runner: PathBuf,
    /// The values that `env:NAME` refers to.
    pub environment: BTreeMap<String, String>,
    /// Home directories, which nobody opens whole.
    pub homes: Vec<PathBuf>,
}

/// What a server that is ready tells.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it listens.
    pub url: String,
    /// Signs in as the owner, once.
    pub link: String,
    /// Whether no model is configured and the demo story answers.
    pub is_scripted: bool,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder of the data directory.
    #[error("cannot use the data directory {}: {source}; check that it is yours, or name another with --data", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address.
    #[error(
        "cannot listen on {address}: {source}; another program may use the port, so name another with --listen"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] wardroom_store::StoreError),
    /// A first row.
    #[error(transparent)]
    Commit(#[from] wardroom_store::CommitError),
    /// Object storage.
    #[error(transparent)]
    Objects(#[from] wardroom_store::ObjectError),
    /// The models.
    #[error(transparent)]
    Models(#[from] wardroom_llm::ConfigError),
    /// The story that ships with the product.
    #[error(transparent)]
    Story(#[from] wardroom_llm::StoryError),
    /// A key.
    #[error("[models.{model}] api_key refers to {reference}, which is not set; {remedy}")]
    NoKey {
        /// The model.
        model: String,
        /// Where it should be.
        reference: String,
        /// How it gets there.
        remedy: String,
    },
    /// A key of a foreign door.
    #[error("{key} refers to {reference}, which is not set; {remedy}")]
    NoConnectorKey {
        /// Where the configuration says so.
        key: String,
        /// Where it should be.
        reference: String,
        /// How it gets there.
        remedy: String,
    },
    /// A foreign door.
    #[error("[{section}] cannot be set up: {reason}")]
    Connector {
        /// Which.
        section: String,
        /// Why.
        reason: String,
    },
    /// The certificates that remotes are verified by.
    #[error("the certificates of SSL_CERT_FILE ({}) cannot be read: {source}; mend the variable or take it away", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The rest of the road.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}

/// How often chain heads are anchored while something happens.
const ANCHOR_EVERY: Duration = Duration::from_secs(2);
/// How long a sign-in link is good.
const LINK_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Starts, tells that it is ready, and runs until told to stop.
pub async fn run(
    startup: Startup,
    tell: impl FnOnce(&Ready),
    asked_to_stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let folders = Folders::make(&startup.config.data_dir)?;
    let network = bind(&startup).await?;
    let clock = Clock::system();
    let store = startup.config.open_store(OpenOptions::write(clock.now()))?;
    let signer = AuditSigner::load_or_create(&folders.keys.join("audit.key"))?;
    let (org, owner) = first_rows(&store, &clock).await?;
    let vault = Vault::find(&startup.config, |name| {
        startup.environment.get(name).cloned()
    });
    let sources = Sources {
        environment: &startup.environment,
        vault: &vault,
        store: &store,
        org,
        now: clock.now(),
    };
    let keys = ModelKeys::resolve(&startup.config.models, &sources).await?;
    let mcp = McpServersFound::resolve(&startup.config.mcp, &sources).await?;
    let connectors = Connectors::resolve(&startup.config.connectors, &sources).await?;
    let redactor = keys.redactor(mcp.known().chain(connectors.known()));
    let (routing, is_scripted) = models(&startup.config, &keys)?;
    let found = Found {
        store: store.clone(),
        clock: clock.clone(),
        org,
        router: routing,
        redactor,
        mcp,
        vault: vault.clone(),
    };
    let crew = crew(&startup, &folders, found)?;
    crew.load_policy().await?;
    let gateway = Gateway::new(crew.clone(), connectors.doors);
    let (stopper, stopping) = watch::channel(false);
    let app = App::new(Inner {
        crew: crew.clone(),
        owner,
        forbidden: Forbidden {
            data: startup.config.data_dir.clone(),
            homes: startup.homes.clone(),
        },
        vault,
        metrics: metrics_handle(),
        stopping: stopping.clone(),
        refusals: crate::guard::refusals(),
        verifier: signer.verifier(),
        models: crate::doors::crew::models_of(&startup.config),
        gateway: gateway.clone(),
        webhooks: connectors.webhooks,
        approval_ttl_s: startup.config.policy.approval_ttl_s,
    });
    let socket = startup.config.data_dir.join("wardroom.sock");
    let unix = listen::bind_socket(&socket).map_err(|source| StartError::Data {
        path: socket.clone(),
        source,
    })?;
    let address = network
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let ready = ready(&crew, owner, address, is_scripted).await?;
    // Several processes may share a data directory, where the database is one for several.
    let is_first = unix.is_some();
    let doors = listen::serve(network, unix, router(app), stopping.clone());
    let mut parts = vec![("doors", tokio::spawn(doors))];
    parts.extend(workers(&startup, &crew, is_first, &stopping).await?);
    // Two processes that carry the same outbox would say everything twice.
    if startup.serves && is_first {
        let gateway = gateway.run(stopping.clone());
        parts.push(("foreign doors", tokio::spawn(gateway)));
    }
    parts.push((
        "anchors",
        tokio::spawn(anchor(store.clone(), org, signer, crew.clone(), stopping)),
    ));
    audit(
        &crew,
        AuditKind::ServerStarted,
        json!({"version": env!("CARGO_PKG_VERSION")}),
    )
    .await?;
    tell(&ready);
    asked_to_stop.await;
    let _ = stopper.send(true);
    stop::drain(parts).await;
    audit(&crew, AuditKind::ServerStopped, json!({})).await?;
    if is_first {
        let _ = std::fs::remove_file(socket);
    }
    store.close();
    Ok(())
}

async fn bind(startup: &Startup) -> Result<Option<TcpListener>, StartError> {
    if !startup.serves {
        return Ok(None);
    }
    let address = startup.config.server.listen;
    let listener = TcpListener::bind(address).await;
    listener
        .map(Some)
        .map_err(|source| StartError::Listen { address, source })
}

/// The folders of a data directory, made for their owner alone.
struct Folders {
    keys: PathBuf,
    views: PathBuf,
    snapshots: PathBuf,
    workspaces: PathBuf,
    uploads: PathBuf,
    egress: PathBuf,
}

impl Folders {
    fn make(data: &Path) -> Result<Self, StartError> {
        make_private(data)?;
        let folder = |name: &str| make_private(&data.join(name));
        Ok(Self {
            keys: folder("keys")?,
            views: folder("views")?,
            snapshots: folder("snapshots")?,
            workspaces: folder("workspaces")?,
            uploads: folder("uploads")?,
            egress: folder("egress")?,
        })
    }
}

fn make_private(path: &Path) -> Result<PathBuf, StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|source| StartError::Data {
        path: path.to_owned(),
        source,
    })?;
    Ok(path.to_owned())
}

/// The org and its owner, who are there from the first start on.
async fn first_rows(store: &Store, clock: &Clock) -> Result<(OrgId, UserId), StartError> {
    let org = store
        .ensure_org(mint!(clock, OrgId), "default", clock.now())
        .await?;
    if let Some(owner) = store.user_named(org, "owner").await? {
        return Ok((org, owner.id));
    }
    let owner = User {
        id: mint!(clock, UserId),
        name: "owner".to_owned(),
        role: Role::Overlord,
        status: UserStatus::Active,
        created_at: clock.now(),
    };
    let id = owner.id;
    let body = json!({"user": id, "name": owner.name, "role": owner.role});
    let audit = AuditDraft {
        chain: Chain::Org,
        at: clock.now(),
        kind: AuditKind::UserChanged,
        actor: "system".to_owned(),
        tier: None,
        body,
    };
    store
        .commit(org, vec![Write::AddUser(owner), Write::Audit(audit)])
        .await?;
    Ok((org, id))
}

/// The configured models; without any, the story that ships with the product answers.
fn models(config: &Config, keys: &ModelKeys) -> Result<(Router, bool), StartError> {
    if config.models.is_empty() {
        let story = ScriptedModel::new("scripted", Story::demo()?);
        let routed = RoutedModel {
            model: Arc::new(story),
            retries_max: 0,
            price: wardroom_llm::Price::default(),
        };
        let chain = vec!["scripted".to_owned()];
        let routing = RoutingSettings {
            coordinator: chain.clone(),
            executor: chain,
            ..RoutingSettings::default()
        };
        return Ok((Router::new([routed], routing, Pace::default())?, true));
    }
    let clients = wardroom_llm::http::Clients::new();
    let around = Surroundings {
        clients: &clients,
        folder: &config.folder,
    };
    let mut routed = Vec::new();
    for (name, settings) in &config.models {
        routed.push(settings.build(name, keys.of(name), &around)?);
    }
    Ok((
        Router::new(routed, config.routing.clone(), Pace::default())?,
        false,
    ))
}

/// What was opened and read before the crew is put together.
struct Found {
    store: Store,
    clock: Clock,
    org: OrgId,
    router: Router,
    redactor: Redactor,
    mcp: McpServersFound,
    vault: Vault,
}

fn crew(startup: &Startup, folders: &Folders, found: Found) -> Result<Arc<Crew>, StartError> {
    let Found {
        store,
        clock,
        org,
        router,
        redactor,
        mcp,
        vault,
    } = found;
    let config = &startup.config;
    let hands = Hands::new(
        confinement::provider(config),
        startup.runner.clone(),
        confinement::limits(config),
        confinement::demands(config),
    );
    let hands = with_egress(startup, folders, hands)?;
    let vouched = config.mcp.iter();
    let vouched = vouched.map(|(name, server)| (name.clone(), server.tiers.clone()));
    let servers = McpServers::new(mcp.servers, hands.clone());
    let objects = config.objects_path();
    make_private(&objects)?;
    let lender = Lender::new(config, vault, store.clone(), org, clock.clone());
    Ok(Crew::new(Parts {
        org,
        store,
        objects: Objects::open(&format!("file:{}", objects.display()), &config.data_dir)?,
        router,
        policy: config.policy(),
        foreign: ForeignTools::new(servers, vouched.collect()),
        benches: Benches {
            workspaces: folders.workspaces.clone(),
            views: folders.views.clone(),
            snapshots: folders.snapshots.clone(),
            uploads: folders.uploads.clone(),
            hands,
            overlay: confinement::overlay(config),
            opened: opened_places(config),
        },
        clock,
        settings: Settings {
            executors_per_user: config.limits.executors_per_user,
            tasks_per_workspace: config.limits.tasks_per_workspace,
            executors: 16,
            approval_ttl: config.policy.approval_ttl(),
            wall_time_max: Duration::from_secs(config.sandbox.wall_time_max_s),
            allowance: config.limits.allowance(),
            git_tokens: config.git_tokens(),
            audit_content: config.audit.content,
        },
        redactor,
        secrets: Arc::new(lender),
    }))
}

/// The protected places that the org has opened to its tasks.
fn opened_places(config: &Config) -> Arc<[String]> {
    let places = config.sandbox.unprotect.iter();
    places.map(|place| place.as_str().to_owned()).collect()
}

/// The way out of sandboxes, as far as the configuration opens one.
fn with_egress(startup: &Startup, folders: &Folders, hands: Hands) -> Result<Hands, StartError> {
    let rules = startup.config.egress_rules();
    wardroom_executors::clear_certificates(&folders.egress);
    if rules.allow.is_empty() {
        return Ok(hands);
    }
    let named = startup.environment.get("SSL_CERT_FILE").map(Path::new);
    let roots = Roots::of_this_machine(named).map_err(|source| StartError::Roots {
        path: named.unwrap_or(Path::new("")).to_owned(),
        source,
    })?;
    Ok(hands.with_egress(Egress::new(rules, roots, folders.egress.clone())))
}

/// A one-time link that signs in as the owner. The code stands behind `#`, where no server and no
/// log sees it.
async fn ready(
    crew: &Crew,
    owner: UserId,
    address: Option<SocketAddr>,
    is_scripted: bool,
) -> Result<Ready, StartError> {
    let code = crate::doors::sessions::fresh_code(crew);
    let link = NewLink {
        hash: Digest::of_bytes(code.as_bytes()),
        user: owner,
        expires_at: crew.clock.now().after(LINK_TIME_MAX),
    };
    crew.store
        .commit(crew.org, vec![Write::AddLink(link)])
        .await?;
    let url = address
        .map(|address| format!("http://{address}"))
        .unwrap_or_default();
    Ok(Ready {
        link: format!("{url}/#code={code}"),
        url,
        is_scripted,
    })
}

async fn workers(
    startup: &Startup,
    crew: &Arc<Crew>,
    is_first: bool,
    stopping: &watch::Receiver<bool>,
) -> Result<Vec<(&'static str, tokio::task::JoinHandle<()>)>, StartError> {
    let attend = wardroom_coordinator::attend(crew.clone(), stopping.clone());
    let mut parts = vec![("clock", tokio::spawn(attend))];
    if startup.works {
        sweep(crew).await;
        wardroom_coordinator::recall(crew).await?;
        let servers = wardroom_coordinator::attend_servers(crew.clone(), stopping.clone());
        parts.push(("servers", tokio::spawn(servers)));
        parts.push((
            "workers",
            tokio::spawn(wardroom_coordinator::work(
                crew.clone(),
                is_first,
                stopping.clone(),
            )),
        ));
        let recovered = wardroom_coordinator::recover(crew).await?;
        if recovered > 0 {
            tracing::info!(
                recovered,
                "messages that a stop left unanswered are answered now"
            );
        }
    }
    Ok(parts)
}

/// Clears away what a killed server left behind, before anything of ours is made.
async fn sweep(crew: &Crew) {
    match crew.benches.hands.provider().sweep(&HashSet::new()).await {
        Ok(report) if report.removed.is_empty() => {}
        Ok(report) => tracing::info!(
            removed = report.removed.len(),
            "swept what a killed server left"
        ),
        Err(error) => tracing::warn!(%error, "the sweep failed"),
    }
}

async fn audit(crew: &Crew, kind: AuditKind, body: serde_json::Value) -> Result<(), StartError> {
    let (at, actor) = (crew.clock.now(), "system".to_owned());
    let draft = AuditDraft {
        chain: Chain::Org,
        at,
        kind,
        actor,
        tier: None,
        body,
    };
    crew.store
        .commit(crew.org, vec![Write::Audit(draft)])
        .await?;
    Ok(())
}

/// Signs the heads of the chains while the server runs, and once more at its end.
async fn anchor(
    store: Store,
    org: OrgId,
    signer: AuditSigner,
    crew: Arc<Crew>,
    stopping: watch::Receiver<bool>,
) {
    loop {
        let stopped = tokio::time::timeout(ANCHOR_EVERY, stop::stopped(stopping.clone()))
            .await
            .is_ok();
        if let Err(error) = store.anchor(org, &signer, crew.clock.now()).await {
            tracing::warn!(%error, "the audit chains were not anchored; trying again");
        }
        if stopped {
            return;
        }
    }
}

/// One recorder per process, however many servers it runs.
fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Somebody else's recorder stays; ours then renders nothing.
        let _ = metrics::set_global_recorder(recorder);
        handle
    };
    HANDLE.get_or_init(install).clone()
}
