//! What is on its way out, delivered once per key, tried again until it is.

use crate::people::found;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::writer::Boundary;
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
                "INSERT INTO outbox (org, id, dedup_key, destination, body, at, next_at, attempts) \
                 VALUES ($1, $2, $3, $4, $5, $6, $6, 0) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.dedup_key,
                    self.destination,
                    json(&self.body),
                    self.at
                ],
            )
            .await?;
        at.hints.push(Hint::Outbox { org: at.org });
        Ok(None)
    }
}

impl Apply for OutboxSent {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE outbox SET sent_at = $3 WHERE org = $1 AND id = $2 AND sent_at IS NULL";
        let sent = at
            .tx
            .execute(sql, params![at.org, self.id, self.at])
            .await?;
        found(sent, "unsent outbox row", self.id)
    }
}

impl Apply for OutboxFailed {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let failed = at
            .tx
            .execute(
                "UPDATE outbox SET attempts = attempts + 1, last_error = $3, next_at = $4 \
                 WHERE org = $1 AND id = $2 AND sent_at IS NULL",
                params![at.org, self.id, self.error, self.next_at],
            )
            .await?;
        found(failed, "unsent outbox row", self.id)
    }
}

impl Store {
    /// What is to be delivered now, oldest first.
    pub async fn outbox_due(
        &self,
        org: OrgId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = "SELECT id, dedup_key, destination, body, at, attempts, last_error FROM outbox \
                   WHERE org = $1 AND sent_at IS NULL AND next_at <= $2 \
                   ORDER BY next_at, at, id LIMIT $3";
        self.all(sql, params![org, now, limit]).await
    }
}
