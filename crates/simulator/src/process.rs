//! One process: the crew of a server on a runtime of its own, which is dropped when it dies.

use crate::chat::{Network, NetworkDoor};
use crate::hands::Pipes;
use crate::model::Scripted;
use crate::outside::World;
use crate::stage;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use wardroom_coordinator::quota::Allowance;
use wardroom_coordinator::{
    AuditContent, Benches, Clock, Crew, ForeignTools, Parts, Settings, anchor, attend,
    attend_servers, recall, recover, work,
};
use wardroom_domain::{
    Borrower, Lending, NoSecret, OrgId, Principal, Quota, RiskTier, SecretSource, Timestamp,
};
use wardroom_executors::Hands;
use wardroom_executors::mcp::{Command, McpServer, McpServers, Reached};
use wardroom_gateway::{Door, Gateway};
use wardroom_llm::{Pace, Price, RoutedModel, Router, RoutingSettings};
use wardroom_policy::decide::{Approvers, Policy, Preset};
use wardroom_policy::redact::Redactor;
use wardroom_sandbox::view::OverlaySupport;
use wardroom_sandbox::{Demands, Limits};
use wardroom_store::{AuditSigner, Objects, Store};

/// What all processes of a run share.
pub(crate) struct Ground<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) org: OrgId,
    pub(crate) world: &'a World,
    pub(crate) network: &'a Network,
    pub(crate) signer: &'a AuditSigner,
    pub(crate) outside: &'a Handle,
    pub(crate) policy: &'a Policy,
}

/// A process.
pub(crate) struct Process {
    pub(crate) number: u64,
    runtime: Runtime,
    pub(crate) crew: Arc<Crew>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// How far its clock is off.
    pub(crate) off: i64,
    /// How many slices it still sleeps.
    pub(crate) asleep: u32,
    _stop: watch::Sender<bool>,
}

/// Lends nothing.
struct NoSecrets;

impl SecretSource for NoSecrets {
    fn check<'a>(&'a self, name: &'a str) -> Lending<'a, ()> {
        Box::pin(async move { Err(NoSecret::Unknown(name.to_owned())) })
    }

    fn lend<'a>(&'a self, name: &'a str, _: &'a Borrower) -> Lending<'a, secrecy::SecretString> {
        Box::pin(async move { Err(NoSecret::Unknown(name.to_owned())) })
    }
}

/// The rules of a laptop. Made once: compiling them takes longer than a run.
pub(crate) fn policy() -> Policy {
    let approvers = Approvers {
        self_approval: vec![RiskTier::L1Mutating, RiskTier::L2Destructive],
        own_l3: true,
        ..Approvers::default()
    };
    Policy::new(Preset::Consumer, approvers)
}

/// A runtime whose clock moves only when nothing else can.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .event_interval(1)
        .build()
        .expect("a runtime")
}

impl Process {
    /// Starts a process on a store of its own epoch.
    pub(crate) fn start(
        ground: &Ground<'_>,
        number: u64,
        store: Store,
        clock: Clock,
        is_first: bool,
    ) -> Self {
        let runtime = runtime();
        let crew = Crew::new(parts(ground, store.clone(), clock.clone()));
        let (stop, stopping) = watch::channel(false);
        let parts = crew.clone();
        let door = NetworkDoor {
            network: ground.network.clone(),
            outside: ground.outside.clone(),
            process: number,
        };
        let door = Door {
            connector: Arc::new(door),
            is_polled: true,
            webhook: None,
        };
        let gateway = Gateway::new(crew.clone(), vec![door]);
        let signer = ground.signer.clone();
        runtime.spawn(async move {
            recall(&parts).await.expect("what servers said before");
            tokio::spawn(attend(parts.clone(), stopping.clone()));
            tokio::spawn(attend_servers(parts.clone(), stopping.clone()));
            tokio::spawn(work(parts.clone(), is_first, stopping.clone()));
            tokio::spawn(gateway.keep(stopping.clone()));
            tokio::spawn(anchor(parts.clone(), signer, stopping));
            recover(&parts).await.expect("the inbox");
        });
        Self {
            number,
            runtime,
            crew,
            store,
            clock,
            off: 0,
            asleep: 0,
            _stop: stop,
        }
    }

    /// Lets it run for so long, or until it is struck.
    pub(crate) fn runs(&self, now: Timestamp, slice: Duration) {
        self.clock
            .set(Timestamp::from_micros(now.as_micros() + self.off));
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = stage::struck() => stage::lets_go_out().await,
                () = tokio::time::sleep(slice) => {}
            }
        });
    }

    /// Begins something in it that goes on as it is given time.
    pub(crate) fn begins(&self, deed: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(deed);
    }
}

/// The person whom everything is done for.
pub(crate) fn principal(org: OrgId, user: &wardroom_domain::User) -> Principal {
    Principal {
        org,
        user: user.id,
        name: user.name.clone(),
        role: user.role,
        via: "api".to_owned(),
    }
}

fn parts(ground: &Ground<'_>, store: Store, clock: Clock) -> Parts {
    let pipes = Pipes {
        world: ground.world.clone(),
        outside: ground.outside.clone(),
    };
    let runner = ground.folder.join(wardroom_executors::RUNNER_NAME);
    let hands = Hands::new(
        Arc::new(pipes),
        runner,
        Limits::default(),
        Demands::default(),
    );
    let command = Command {
        argv: vec!["outside".to_owned()],
        environment: Vec::new(),
        is_sandboxed: true,
        shown: Vec::new(),
    };
    let server = McpServer {
        name: "outside".to_owned(),
        reached: Reached::ByCommand(command),
        call_time_max: Duration::from_secs(60),
    };
    let vouched = BTreeMap::from([("look".to_owned(), RiskTier::L0Readonly)]);
    let place = |name: &str| ground.folder.join(name);
    Parts {
        org: ground.org,
        objects: Objects::open("file:objects", ground.folder).expect("a folder for objects"),
        router: router(),
        policy: ground.policy.clone(),
        foreign: ForeignTools::new(
            McpServers::new([server], hands.clone()),
            BTreeMap::from([("outside".to_owned(), vouched)]),
            BTreeMap::new(),
        ),
        benches: Benches {
            workspaces: place("workspaces"),
            views: place("views"),
            snapshots: place("snapshots"),
            uploads: place("uploads"),
            hands,
            overlay: OverlaySupport::None {
                because: "this is a simulation".to_owned(),
            },
            room: None,
            opened: Arc::default(),
            place: "here".to_owned(),
        },
        settings: Settings {
            executors_per_user: 8,
            tasks_per_workspace: 8,
            executors: 8,
            approval_ttl: Duration::from_secs(600),
            wall_time_max: Duration::from_secs(600),
            allowance: no_limits(),
            git_tokens: Vec::new(),
            audit_content: AuditContent::Full,
        },
        redactor: Redactor::default(),
        secrets: Arc::new(NoSecrets),
        store,
        clock,
    }
}

fn router() -> Router {
    let routed = RoutedModel {
        model: Arc::new(Scripted),
        retries_max: 0,
        price: Price::default(),
    };
    let chain = vec!["scripted".to_owned()];
    let routing = RoutingSettings {
        coordinator: chain.clone(),
        executor: chain,
        ..RoutingSettings::default()
    };
    Router::new([routed], routing, Pace::default()).expect("a router")
}

fn no_limits() -> Allowance {
    Allowance {
        each: Quota::default(),
        org_messages_per_minute: 0,
        org_tasks_per_minute: 0,
        org_tokens_per_minute: 0,
        spend_warn_percent: 0,
    }
}
