//! The crew: what the configuration says, put together with what was opened and found.

use super::StartError;
use super::folders::Folders;
use super::{Startup, models};
use crate::config::Config;
use crate::confinement;
use crate::lending::Lender;
use crate::mcp::McpServersFound;
use crate::model_keys::ModelKeys;
use crate::vault::Vault;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wardroom_coordinator::{Benches, Clock, Crew, ForeignTools, Parts, Settings};
use wardroom_domain::OrgId;
use wardroom_executors::mcp::McpServers;
use wardroom_executors::{Egress, Hands};
use wardroom_policy::redact::Redactor;
use wardroom_sandbox::egress::Roots;
use wardroom_store::{Objects, Store};

/// How many tasks one process works on at once.
const EXECUTORS_MAX: usize = 16;

/// What was opened and read before the crew is put together.
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) objects: Objects,
    pub(super) clock: Clock,
    pub(super) org: OrgId,
    pub(super) keys: Arc<ModelKeys>,
    pub(super) redactor: Redactor,
    pub(super) mcp: McpServersFound,
    pub(super) vault: Vault,
}

/// Puts the crew together, and tells whether the story that ships with the product thinks for it.
pub(super) fn crew(
    startup: &Startup,
    folders: &Folders,
    found: Found,
) -> Result<(Arc<Crew>, bool), StartError> {
    let config = &startup.config;
    let (router, is_scripted) = models::models(config, &found.keys)?;
    let hands = hands(startup, folders)?;
    let vouched = config.mcp.iter();
    let vouched = vouched.map(|(name, server)| (name.clone(), server.tiers.clone()));
    let own = config.mcp.iter();
    let own = own.map(|(name, server)| (name.clone(), server.org_data.clone()));
    let servers = McpServers::new(found.mcp.servers, hands.clone());
    let (store, clock) = (found.store, found.clock);
    let lender = Lender::new(config, found.vault, store.clone(), found.org, clock.clone());
    let crew = Crew::new(Parts {
        org: found.org,
        store,
        objects: found.objects,
        router,
        policy: config.policy(),
        foreign: ForeignTools::new(servers, vouched.collect(), own.collect()),
        benches: benches(config, folders, hands),
        clock,
        settings: settings(config),
        redactor: found.redactor,
        secrets: Arc::new(lender),
    });
    Ok((crew, is_scripted))
}

fn benches(config: &Config, folders: &Folders, hands: Hands) -> Benches {
    Benches {
        workspaces: folders.workspaces.clone(),
        views: folders.views.clone(),
        snapshots: folders.snapshots.clone(),
        uploads: folders.uploads.clone(),
        hands,
        overlay: confinement::overlay(config),
        room: confinement::room(config),
        opened: opened_places(config),
        place: folders.place.clone(),
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        executors_per_user: config.limits.executors_per_user,
        tasks_per_workspace: config.limits.tasks_per_workspace,
        executors: EXECUTORS_MAX,
        approval_ttl: config.policy.approval_ttl(),
        wall_time_max: Duration::from_secs(config.sandbox.wall_time_max_s),
        allowance: config.limits.allowance(),
        git_tokens: config.git_tokens(),
        audit_content: config.audit.content,
    }
}

/// The protected places that the org has opened to its tasks.
fn opened_places(config: &Config) -> Arc<[String]> {
    let places = config.sandbox.unprotect.iter();
    places.map(|place| place.as_str().to_owned()).collect()
}

/// What works in sandboxes, with the way out of them.
fn hands(startup: &Startup, folders: &Folders) -> Result<Hands, StartError> {
    let config = &startup.config;
    let hands = Hands::new(
        confinement::provider(config),
        startup.runner.clone(),
        confinement::limits(config),
        confinement::demands(config),
    )
    .with_standard(confinement::standard(config));
    with_egress(startup, folders, hands)
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
