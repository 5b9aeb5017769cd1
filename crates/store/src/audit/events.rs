//! Reading the audit log, newest first, within what the reader may see.

use super::search::{Search, Statement};
use crate::page::Place;
use crate::sql::{Columns, Json, Record, params};
use crate::{Page, Store, StoreError};
use wardroom_domain::{AuditEvent, AuditKind, OrgId, RiskTier, TaskId, Timestamp, UserId, limits};

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
    /// With these words in its body, in any case. Nothing finds them but reading.
    pub words: Option<String>,
}

/// What a search found, and how far it went.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// The events, newest first.
    pub items: Vec<AuditEvent>,
    /// How to ask for what follows; none when this is the end.
    pub next_cursor: Option<String>,
    /// The time down to which was searched, where the search ended before the page was full. More
    /// may follow behind the cursor.
    pub searched_to: Option<Timestamp>,
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

    /// Events of the audit log, newest first. Every answer comes soon: a search that has looked at
    /// many events that do not fit ends there, and is continued like any page.
    pub async fn audit_events(
        &self,
        org: OrgId,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<AuditPage, StoreError> {
        let bodies_max = limits::AUDIT_SEARCH_EVENTS_MAX;
        self.audit_events_among(org, filter, page, bodies_max).await
    }

    /// The same among so many events at most.
    pub async fn audit_events_among(
        &self,
        org: OrgId,
        filter: &AuditFilter,
        page: &Page,
        bodies_max: u32,
    ) -> Result<AuditPage, StoreError> {
        let after = page.place()?;
        let search = Search::new(org, filter, after.as_ref());
        let floor = match search.window(bodies_max) {
            Some(window) => self.floor(&search.floor(window)).await?,
            None => None,
        };
        let rows = page.rows();
        let statement = search.events(floor.as_ref(), rows + 1);
        let mut items: Vec<AuditEvent> = self.all(&statement.sql, &statement.params).await?;
        let is_full = items.len() > rows as usize;
        items.truncate(rows as usize);
        let end = match is_full {
            true => items.last().map(place),
            false => floor.clone(),
        };
        Ok(AuditPage {
            items,
            next_cursor: end.map(|place| place.write()),
            searched_to: floor.filter(|_| !is_full).map(|place| place.at),
        })
    }

    async fn floor(&self, statement: &Statement) -> Result<Option<Place>, StoreError> {
        let found: Option<(Timestamp, String, i64)> =
            self.one(&statement.sql, &statement.params).await?;
        Ok(found.map(|(at, tie, seq)| Place { at, tie, seq }))
    }
}

fn place(event: &AuditEvent) -> Place {
    Place {
        at: event.at,
        tie: event.chain.clone(),
        seq: event.seq,
    }
}
