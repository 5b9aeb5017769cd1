//! Reading the audit log, newest first, within what the reader may see.

use crate::page::{Order, Place, Select};
use crate::sql::{Columns, Json, Record, params};
use crate::{Page, Paged, Store, StoreError};
use wardroom_domain::{AuditEvent, AuditKind, OrgId, RiskTier, TaskId, Timestamp, UserId};

/// Whose chains may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChainScope {
    /// All of the org.
    #[default]
    Everything,
    /// Those of the tasks and conversations of this person, and what he did himself.
    Of(UserId),
}

/// Which events are wanted; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Whose chains may be seen.
    pub scope: ChainScope,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Done by.
    pub actor: Option<String>,
    /// Of this task.
    pub task: Option<TaskId>,
    /// Of this kind.
    pub kind: Option<AuditKind>,
    /// Of this tier.
    pub tier: Option<RiskTier>,
    /// Of this chain: `task_…`, `conv_…` or `org`.
    pub chain: Option<String>,
    /// With these words in its body, in any case. Nothing finds them but reading what is left.
    pub words: Option<String>,
}

/// Words as a pattern; the signs that a pattern gives a meaning stand for any one sign.
fn holding(words: &str) -> String {
    let plain = |sign| {
        if matches!(sign, '%' | '\\') {
            '_'
        } else {
            sign
        }
    };
    let words: String = words.to_lowercase().chars().map(plain).collect();
    format!("%{words}%")
}

impl Record for AuditEvent {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            chain: columns.take()?,
            seq: columns.take()?,
            at: columns.take()?,
            kind: columns.take()?,
            actor: columns.take()?,
            tier: columns.take()?,
            body: columns.take::<Json<_>>()?.0,
            prev_hash: columns.take()?,
            hash: columns.take()?,
        })
    }
}

/// Of one chain: `at + 0` keeps SQLite from walking through the whole log in the order of time.
const NEWEST_OF_CHAIN: Order = Order {
    at: "at + 0",
    ..NEWEST
};
const NEWEST: Order = Order {
    at: "at",
    tie: "chain",
    seq: "seq",
};

impl Store {
    /// The events of one chain, oldest first.
    pub async fn audit_chain(
        &self,
        org: OrgId,
        chain: &str,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let sql = "SELECT chain, seq, at, kind, actor, tier, body, prev_hash, hash FROM audit \
                   WHERE org = $1 AND chain = $2 ORDER BY seq LIMIT $3";
        self.all(sql, params![org, chain, limit]).await
    }

    /// Events of the audit log, newest first.
    pub async fn audit_events(
        &self,
        org: OrgId,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Paged<AuditEvent>, StoreError> {
        let select = Select::new(
            "SELECT chain, seq, at, kind, actor, tier, body, prev_hash, hash FROM audit \
             WHERE org = $1",
            org,
        )
        .given("at >=", filter.from)
        .given("at <", filter.to)
        .given("actor =", filter.actor.as_ref())
        .given("chain =", filter.task)
        .given("chain =", filter.chain.as_ref())
        .given("kind =", filter.kind)
        .given("tier =", filter.tier)
        .given("lower(body) LIKE", filter.words.as_deref().map(holding));
        let select = match filter.scope {
            ChainScope::Everything => select,
            ChainScope::Of(user) => select.bound(
                "EXISTS (SELECT 1 FROM task t \
                 WHERE t.org = $1 AND t.id = audit.chain AND t.requester = ?) \
                 OR EXISTS (SELECT 1 FROM conversation c \
                 WHERE c.org = $1 AND c.id = audit.chain AND c.owner = ?) OR actor = ?",
                user,
            ),
        };
        let order = match (&filter.task, &filter.chain) {
            (None, None) => NEWEST,
            _ => NEWEST_OF_CHAIN,
        };
        let select = select.newest(order, page)?;
        let rows = self.select(&select).await?;
        Ok(select.page(rows, |event: &AuditEvent| Place {
            at: event.at,
            tie: event.chain.clone(),
            seq: event.seq,
        }))
    }
}
