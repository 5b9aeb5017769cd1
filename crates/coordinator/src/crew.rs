//! Everything the stations of the road share.

use crate::bench::Benches;
use crate::foreign::ForeignTools;
use crate::ledger::{self, AuditContent};
use crate::quota::{Allowance, Quotas};
use crate::rulebook::Rulebook;
use crate::{Bus, Clock, GitToken, Wrong};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use wardroom_domain::{
    AGENT_DEFAULT, AuditDraft, AuditKind, Chain, ContextId, ConversationId, OrgId, Principal,
    RiskTier, SecretSource, TaskId, UserId, UserStatus, Waymark, WorkerId,
};
use wardroom_llm::Router;
use wardroom_policy::decide::Policy;
use wardroom_policy::redact::Redactor;
use wardroom_store::{ClaimLimits, ClaimRequest, Context, Objects, Store, Write};
use wardroom_tools::Catalogue;

/// What the configuration sets for the crew.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many tasks of one person run at once.
    pub executors_per_user: u32,
    /// How many tasks of one workspace run at once.
    pub tasks_per_workspace: u32,
    /// How many tasks run at once in this process.
    pub executors: usize,
    /// How long a question stays open.
    pub approval_ttl: Duration,
    /// How long one command may take at most.
    pub wall_time_max: Duration,
    /// How much people may ask for.
    pub allowance: Allowance,
    /// What git shows to which remote.
    pub git_tokens: Vec<GitToken>,
    /// How much the audit log tells.
    pub audit_content: AuditContent,
}

/// One org's crew in this process.
pub struct Crew {
    /// The tenant.
    pub org: OrgId,
    /// This process, as the store knows it.
    pub worker: WorkerId,
    /// The only memory.
    pub store: Store,
    /// Large things.
    pub objects: Objects,
    /// The models.
    pub router: Router,
    /// The rules, replaced as a whole when they change.
    policy: RwLock<Arc<Policy>>,
    /// What the rules are made of.
    pub rulebook: Rulebook,
    /// The stamp of the documents that the rules were made of.
    policy_stamp: AtomicI64,
    /// The tools of foreign servers.
    pub foreign: ForeignTools,
    /// Where tasks work.
    pub benches: Benches,
    /// Time and chance.
    pub clock: Clock,
    /// What is said while it happens.
    pub bus: Bus,
    /// What the configuration sets.
    pub settings: Settings,
    /// Cuts secrets out of what is shown, stored or sent.
    pub redactor: Redactor,
    /// What people have asked for lately.
    pub(crate) quotas: Quotas,
    /// Lends secrets to effects.
    pub secrets: Arc<dyn SecretSource>,
    /// Whether tasks are let go of at their next boundary.
    pub(crate) is_stopping: AtomicBool,
    /// The tasks that this process drives, to be woken when they get mail.
    pub(crate) driven: Mutex<HashMap<TaskId, Arc<Notify>>>,
    /// When each person last said stop.
    pub(crate) stops: Mutex<HashMap<UserId, wardroom_domain::Timestamp>>,
    /// One turn at a time in each conversation.
    pub(crate) talks: Mutex<HashMap<ConversationId, Arc<tokio::sync::Mutex<()>>>>,
}

/// The parts of a crew, to be put together once at start.
pub struct Parts {
    /// The tenant.
    pub org: OrgId,
    /// The only memory.
    pub store: Store,
    /// Large things.
    pub objects: Objects,
    /// The models.
    pub router: Router,
    /// The rules.
    pub policy: Policy,
    /// The tools of foreign servers.
    pub foreign: ForeignTools,
    /// Where tasks work.
    pub benches: Benches,
    /// Time and chance.
    pub clock: Clock,
    /// What the configuration sets.
    pub settings: Settings,
    /// Knows the secrets of this process.
    pub redactor: Redactor,
    /// Lends secrets to effects.
    pub secrets: Arc<dyn SecretSource>,
}

impl Crew {
    /// Puts a crew together. Nothing runs yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            org: parts.org,
            worker: crate::mint!(parts.clock, WorkerId),
            store: parts.store,
            objects: parts.objects,
            router: parts.router,
            policy: RwLock::new(Arc::new(parts.policy.clone())),
            rulebook: Rulebook::new(parts.policy),
            policy_stamp: AtomicI64::new(0),
            foreign: parts.foreign,
            benches: parts.benches,
            clock: parts.clock,
            bus: Bus::default(),
            quotas: Quotas::new(parts.settings.allowance),
            settings: parts.settings,
            redactor: parts.redactor,
            secrets: parts.secrets,
            is_stopping: AtomicBool::new(false),
            driven: Mutex::default(),
            stops: Mutex::default(),
            talks: Mutex::default(),
        })
    }

    /// All tools as they stand now.
    pub fn tools(&self) -> Arc<Catalogue> {
        self.foreign.catalogue()
    }

    /// The agents that a coordinator may name, besides the usual one. Where the rules cannot be read
    /// just now, those of a moment ago.
    pub(crate) async fn agents_by_name(&self) -> Vec<String> {
        let policy = self.policy_now().await.unwrap_or_else(|_| self.policy());
        let others = policy.agents().filter(|name| *name != AGENT_DEFAULT);
        others.map(str::to_owned).collect()
    }

    /// The rules as the store has them at this moment, whoever changed them: read before every
    /// decision. A document that does not fit leaves the running rules in force.
    pub async fn policy_now(&self) -> Result<Arc<Policy>, Wrong> {
        let stamp = Rulebook::stamp(&self.store, self.org).await?;
        if stamp != self.policy_stamp.load(Ordering::Acquire) {
            match self.load_policy().await {
                Err(Wrong::PolicyRefused(why)) => {
                    tracing::error!(why, "the stored policy is unfit; the one in force stays");
                }
                other => other?,
            }
        }
        Ok(self.policy())
    }

    /// Puts the stored rules in force.
    pub async fn load_policy(&self) -> Result<(), Wrong> {
        let read = self.rulebook.read(&self.store, self.org).await?;
        let mut policy = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        *policy = Arc::new(read.policy);
        self.policy_stamp.store(read.stamp, Ordering::Release);
        Ok(())
    }

    /// How long a question stays open now.
    pub fn approval_ttl(&self) -> Duration {
        let said = self.policy().approval_ttl_s.map(Duration::from_secs);
        said.unwrap_or(self.settings.approval_ttl)
    }

    /// The rules as they were last read.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Writes one boundary.
    pub(crate) async fn commit(
        &self,
        writes: Vec<Write>,
    ) -> Result<wardroom_store::Receipt, Wrong> {
        let leaves = writes.iter().any(|write| matches!(write, Write::Outbox(_)));
        let receipt = self.store.commit(self.org, writes).await?;
        if leaves {
            Waymark::OutboxCommit.reached().await;
        }
        Ok(receipt)
    }

    /// A person as policy sees him now: role changes take effect at the next action.
    pub async fn principal(&self, user: UserId, via: &str) -> Result<Principal, Wrong> {
        let (principal, status) = self.person(user, via).await?;
        if status != UserStatus::Active {
            return Err(Wrong::Forbidden(format!("{} is {status}", principal.name)));
        }
        Ok(principal)
    }

    /// A person, and whether he may act now.
    pub(crate) async fn person(
        &self,
        user: UserId,
        via: &str,
    ) -> Result<(Principal, UserStatus), Wrong> {
        let user = self.store.user(self.org, user).await?;
        let user = user.ok_or(Wrong::missing("person"))?;
        let principal = Principal {
            org: self.org,
            user: user.id,
            name: user.name,
            role: user.role,
            via: via.to_owned(),
        };
        Ok((principal, user.status))
    }

    /// How this process asks for tasks.
    pub(crate) fn claim_request(&self, tasks_max: usize) -> ClaimRequest {
        let limits = ClaimLimits {
            per_user: self.settings.executors_per_user,
            per_workspace: self.settings.tasks_per_workspace,
        };
        ClaimRequest {
            worker: self.worker,
            now: self.clock.now(),
            tasks_max,
            limits,
        }
    }

    /// The context of everything that names none.
    pub(crate) async fn context(&self) -> Result<ContextId, Wrong> {
        let fresh = Context {
            id: crate::mint!(self.clock, ContextId),
            name: "default".to_owned(),
            kind: "private".to_owned(),
            settings: serde_json::json!({}),
            created_at: self.clock.now(),
        };
        Ok(self.store.ensure_context(self.org, fresh).await?.id)
    }

    /// A line for the audit log.
    pub(crate) fn audit(
        &self,
        chain: Chain,
        kind: AuditKind,
        actor: impl ToString,
        tier: Option<RiskTier>,
        body: serde_json::Value,
    ) -> Write {
        let (at, actor) = (self.clock.now(), actor.to_string());
        let body = ledger::body(body, self.settings.audit_content, &self.redactor);
        Write::Audit(AuditDraft {
            chain,
            at,
            kind,
            actor,
            tier,
            body,
        })
    }

    /// The turn lock of a conversation.
    pub(crate) fn talk(&self, conversation: ConversationId) -> Arc<tokio::sync::Mutex<()>> {
        let mut talks = self.talks.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds are dropped here, so that the map stays as small as the traffic.
        if talks.len() > 4096 {
            talks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        talks.entry(conversation).or_default().clone()
    }

    /// A fresh mark that text from outside cannot forge.
    pub(crate) fn nonce(&self) -> String {
        format!("{:016x}", self.clock.chance() as u64)
    }
}
