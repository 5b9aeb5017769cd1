//! What is on its way out, delivered once per key, tried again until it is.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::people::found;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::task::AT_ONCE;
use crate::write::Apply;
use crate::{CommitError, Hint, Store, StoreError};
use serde_json::Value;
use wardroom_domain::{OrgId, OutboxId, Timestamp};

/// Something is to be delivered. A second one with the same key is the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbox {
    /// Its id.
    pub id: OutboxId,
    /// By which the receiver knows a second delivery.
    pub dedup_key: String,
    /// The door and the place behind it.
    pub destination: String,
    /// What is to be delivered.
    pub body: Value,
    /// When it was written.
    pub at: Timestamp,
}

/// It was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxSent {
    /// Which.
    pub id: OutboxId,
    /// When.
    pub at: Timestamp,
    /// What the receiver calls it, for what is said about it later.
    pub receipt: Option<String>,
}

/// It can never be delivered; the row stays, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxDropped {
    /// Which.
    pub id: OutboxId,
    /// Why.
    pub error: String,
    /// When.
    pub at: Timestamp,
}

/// A place that was closed is open again: what waits for it is tried at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxReleased {
    /// The place.
    pub destination: String,
}

/// Somebody begins to carry: what waits for another try is tried at once, because it is not known by
/// whose clock it waits. What is closed waits on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxTakenUp {
    /// What waits for longer is closed.
    pub before: Timestamp,
}

/// It was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxFailed {
    /// Which.
    pub id: OutboxId,
    /// Why.
    pub error: String,
    /// When it is tried again.
    pub next_at: Timestamp,
}

/// Something on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// What is to be delivered.
    pub outbox: Outbox,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// Why the last time.
    pub last_error: Option<String>,
}

impl Record for OutboxRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            outbox: Outbox {
                id: columns.take()?,
                dedup_key: columns.take()?,
                destination: columns.take()?,
                body: columns.take::<Json<_>>()?.0,
                at: columns.take()?,
            },
            attempts: columns.take()?,
            last_error: columns.take()?,
        })
    }
}

impl Apply for Outbox {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO outbox \
                 (org, id, dedup_key, destination, body, at, next_at, attempts, seq) \
                 SELECT $1, $2, $3, $4, $5, $6, $7, 0, COALESCE(MAX(seq), 0) + 1 \
                 FROM outbox WHERE org = $1 ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.dedup_key,
                    self.destination,
                    json(&self.body),
                    self.at,
                    AT_ONCE
                ],
            )
            .await?;
        at.hints.push(Hint::Outbox { org: at.org });
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Outbox]
    }
}

impl Apply for OutboxSent {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE outbox SET sent_at = $3, receipt = $4 \
                   WHERE org = $1 AND id = $2 AND sent_at IS NULL AND dropped_at IS NULL";
        let sent = at
            .tx
            .execute(sql, params![at.org, self.id, self.at, self.receipt])
            .await?;
        found(sent, "unsent outbox row", self.id)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for OutboxFailed {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let failed = at
            .tx
            .execute(
                "UPDATE outbox SET attempts = attempts + 1, last_error = $3, next_at = $4 \
                 WHERE org = $1 AND id = $2 AND sent_at IS NULL AND dropped_at IS NULL",
                params![at.org, self.id, self.error, self.next_at],
            )
            .await?;
        found(failed, "unsent outbox row", self.id)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for OutboxDropped {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE outbox SET dropped_at = $3, last_error = $4 \
                   WHERE org = $1 AND id = $2 AND sent_at IS NULL AND dropped_at IS NULL";
        let dropped = at
            .tx
            .execute(sql, params![at.org, self.id, self.at, self.error])
            .await?;
        found(dropped, "unsent outbox row", self.id)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for OutboxReleased {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE outbox SET next_at = $3 \
                   WHERE org = $1 AND destination = $2 AND sent_at IS NULL AND dropped_at IS NULL";
        let released = at
            .tx
            .execute(sql, params![at.org, self.destination, AT_ONCE])
            .await?;
        if released > 0 {
            at.hints.push(Hint::Outbox { org: at.org });
        }
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for OutboxTakenUp {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE outbox SET next_at = $3 \
                   WHERE org = $1 AND sent_at IS NULL AND dropped_at IS NULL AND next_at < $2";
        at.tx
            .execute(sql, params![at.org, self.before, AT_ONCE])
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// The columns of an [`OutboxRow`], in the order in which it is read.
macro_rules! columns {
    () => {
        "o.id, o.dedup_key, o.destination, o.body, o.at, o.attempts, o.last_error"
    };
}

impl Store {
    /// What stands first in each place and is due: a place is served in order, so that what is
    /// tried again is not overtaken.
    pub async fn outbox_heads(
        &self,
        org: OrgId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM outbox o JOIN (SELECT destination, MIN(seq) AS seq FROM outbox \
             WHERE org = $1 AND sent_at IS NULL AND dropped_at IS NULL GROUP BY destination) h \
             ON h.destination = o.destination AND h.seq = o.seq \
             WHERE o.org = $1 AND o.next_at <= $2 ORDER BY o.seq LIMIT $3"
        );
        self.all(sql, params![org, now, limit]).await
    }

    /// What the receiver calls what was delivered under a key: none when there is no such key,
    /// some of none when it is still on its way.
    pub async fn outbox_receipt(
        &self,
        org: OrgId,
        dedup_key: &str,
    ) -> Result<Option<Option<String>>, StoreError> {
        let sql = "SELECT receipt FROM outbox WHERE org = $1 AND dedup_key = $2";
        let row: Option<(Option<String>,)> = self.one(sql, params![org, dedup_key]).await?;
        Ok(row.map(|(receipt,)| receipt))
    }

    /// The places to which something was sent under keys that begin so.
    pub async fn outbox_places(
        &self,
        org: OrgId,
        key_prefix: &str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT dedup_key, destination FROM outbox \
                   WHERE org = $1 AND substr(dedup_key, 1, length($2)) = $2 ORDER BY seq";
        self.all(sql, params![org, key_prefix]).await
    }

    /// How much waits to be delivered, and since when the oldest of it.
    pub async fn outbox_waiting(&self, org: OrgId) -> Result<(i64, Option<Timestamp>), StoreError> {
        let sql = "SELECT COUNT(*), MIN(at) FROM outbox \
                   WHERE org = $1 AND sent_at IS NULL AND dropped_at IS NULL";
        Ok(self.one(sql, params![org]).await?.unwrap_or_default())
    }

    /// What is to be delivered now, oldest first.
    pub async fn outbox_due(
        &self,
        org: OrgId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = "SELECT id, dedup_key, destination, body, at, attempts, last_error FROM outbox \
                   WHERE org = $1 AND sent_at IS NULL AND dropped_at IS NULL AND next_at <= $2 \
                   ORDER BY next_at, seq LIMIT $3";
        self.all(sql, params![org, now, limit]).await
    }
}
