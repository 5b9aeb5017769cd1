//! From a configuration to a server that is ready: what is opened, what is put together, what runs.

mod error;
mod folders;
mod rows;
mod models;
mod objects;
mod crew;
mod workers;
mod metrics;

pub use error::StartError;
pub use objects::objects_of;

use crate::app::{App, Inner, router};
use crate::config::Config;
use crate::connectors::{Connectors, Webhooks};
use crate::mcp::McpServersFound;
use crate::model_keys::{ModelKeys, Sources};
use crate::vault::Vault;
use crate::{listen, stop};
use crew::Found;
use folders::Folders;
use serde_json::json;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wardroom_coordinator::workspace::Forbidden;
use wardroom_coordinator::{Clock, Crew};
use wardroom_domain::{AuditKind, OrgId, UserId};
use wardroom_gateway::{Door, Gateway};
use wardroom_store::{AuditSigner, OpenOptions, Store};

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

/// Something that runs until the server stops, by its name.
type Part = (&'static str, JoinHandle<()>);

/// Starts, tells that it is ready, and runs until told to stop.
pub async fn run(
    startup: Startup,
    tell: impl FnOnce(&Ready),
    asked_to_stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let folders = Folders::make(&startup.config.data_dir)?;
    // First, so that an address that is taken is told before anything is touched.
    let network = bind(&startup).await?;
    let opened = open(&startup, &folders).await?;
    let crew = opened.crew.clone();
    let unix = bind_socket(&startup.config)?;
    let is_first = unix.is_some();
    let address = network.as_ref().and_then(|all| all.local_addr().ok());
    let ready = rows::ready(&crew, opened.owner, address, opened.is_scripted).await?;
    let (stopper, stopping) = watch::channel(false);
    let parts = parts(&startup, opened, Sockets { network, unix }, &stopping).await?;
    let body = json!({"version": env!("CARGO_PKG_VERSION")});
    rows::audit(&crew, AuditKind::ServerStarted, body).await?;
    tell(&ready);
    asked_to_stop.await;
    let _ = stopper.send(true);
    stop::drain(parts).await;
    rows::audit(&crew, AuditKind::ServerStopped, json!({})).await?;
    if is_first {
        let _ = std::fs::remove_file(startup.config.socket_path());
    }
    crew.store.close();
    Ok(())
}

/// Where the server listens.
struct Sockets {
    network: Option<TcpListener>,
    /// None where another process of the same data directory has it. Several may share one, where
    /// the database is one for several.
    unix: Option<UnixListener>,
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

fn bind_socket(config: &Config) -> Result<Option<UnixListener>, StartError> {
    let path = config.socket_path();
    listen::bind_socket(&path).map_err(|source| StartError::Data { path, source })
}

/// What was opened, read and put together.
struct Opened {
    crew: Arc<Crew>,
    owner: UserId,
    signer: AuditSigner,
    vault: Vault,
    keys: Arc<ModelKeys>,
    doors: Vec<Door>,
    webhooks: Webhooks,
    is_scripted: bool,
}

async fn open(startup: &Startup, folders: &Folders) -> Result<Opened, StartError> {
    let config = &startup.config;
    let clock = Clock::system();
    let store = config.open_store(OpenOptions::write(clock.now()))?;
    let signer = AuditSigner::load_or_create(&config.audit_key_path())?;
    let (org, owner) = rows::first(&store, &clock).await?;
    let vault = Vault::find(config, |name| startup.environment.get(name).cloned());
    if store.is_shared() {
        require_same_keys(config, &store, org, &signer, &vault).await?;
    }
    let sources = Sources {
        environment: &startup.environment,
        vault: &vault,
        store: &store,
        org,
        now: clock.now(),
    };
    let mut keys = ModelKeys::resolve(&config.models, &sources).await?;
    let mcp = McpServersFound::resolve(&config.mcp, &sources).await?;
    let connectors = Connectors::resolve(&config.connectors, &sources).await?;
    let objects = objects::open(config, &sources).await?;
    keys.follow(mcp.followed().into_iter().chain(connectors.followed()));
    let keys = Arc::new(keys);
    let redactor = keys.redactor(mcp.known().chain(connectors.known()));
    let found = Found {
        store,
        objects,
        clock,
        org,
        keys: keys.clone(),
        redactor,
        mcp,
        vault: vault.clone(),
    };
    let (crew, is_scripted) = crew::crew(startup, folders, found)?;
    crew.load_policy().await?;
    wardroom_coordinator::bypass::settle(&crew).await?;
    Ok(Opened {
        crew,
        owner,
        signer,
        vault,
        keys,
        doors: connectors.doors,
        webhooks: connectors.webhooks,
        is_scripted,
    })
}

/// Processes that share a database without sharing a data directory share its keys.
async fn require_same_keys(
    config: &Config,
    store: &Store,
    org: OrgId,
    signer: &AuditSigner,
    vault: &Vault,
) -> Result<(), StartError> {
    if !store.is_anchored_by(org, &signer.verifier()).await? {
        let path = config.audit_key_path();
        return Err(StartError::AuditKey { path });
    }
    Ok(vault.require_fit(store, org).await?)
}

/// Sets everything going.
async fn parts(
    startup: &Startup,
    opened: Opened,
    sockets: Sockets,
    stopping: &watch::Receiver<bool>,
) -> Result<Vec<Part>, StartError> {
    let crew = opened.crew.clone();
    let is_first = sockets.unix.is_some();
    let gateway = Gateway::new(crew.clone(), opened.doors);
    let looking_after =
        opened
            .keys
            .clone()
            .attend(crew.clone(), opened.vault.clone(), stopping.clone());
    let app = App::new(Inner {
        crew: crew.clone(),
        owner: opened.owner,
        forbidden: Forbidden {
            data: startup.config.data_dir.clone(),
            homes: startup.homes.clone(),
        },
        vault: opened.vault,
        model_keys: opened.keys,
        metrics: metrics::handle(),
        stopping: stopping.clone(),
        refusals: crate::guard::refusals(),
        verifier: opened.signer.verifier(),
        models: crate::doors::crew::models_of(&startup.config),
        gateway: gateway.clone(),
        webhooks: opened.webhooks,
        approval_ttl_s: startup.config.policy.approval_ttl_s,
    });
    let doors = listen::serve(sockets.network, sockets.unix, router(app), stopping.clone());
    let mut parts = vec![("doors", tokio::spawn(doors))];
    parts.push(("secrets in use", tokio::spawn(looking_after)));
    parts.push(workers::clock(&crew, stopping));
    if startup.works {
        parts.extend(workers::workers(&crew, is_first, stopping).await?);
    }
    if startup.serves {
        let doors = gateway.keep(stopping.clone());
        parts.push(("foreign doors", tokio::spawn(doors)));
    }
    let anchoring = wardroom_coordinator::anchor(crew, opened.signer, stopping.clone());
    parts.push(("anchors", tokio::spawn(anchoring)));
    Ok(parts)
}
