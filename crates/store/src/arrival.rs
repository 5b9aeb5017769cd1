//! What a platform brought, kept before the platform is told so, until it is seen to.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Hint, Store, StoreError};
use serde_json::Value;
use wardroom_domain::{OrgId, Timestamp};

/// A delivery of a platform. A second one with the same id is the same delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    /// The door.
    pub connector: String,
    /// The platform's own id of it.
    pub external_id: String,
    /// Where; what arrives in one place is seen to in order.
    pub place: String,
    /// What arrived, as the gateway reads it.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

/// A delivery was seen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalDone {
    /// The door.
    pub connector: String,
    /// The platform's own id of it.
    pub external_id: String,
}

/// What was seen to long ago is forgotten: its platform does not bring it again any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetArrivals {
    /// Whatever arrived before this, and was seen to.
    pub before: Timestamp,
}

impl Record for Arrived {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            connector: columns.take()?,
            external_id: columns.take()?,
            place: columns.take()?,
            body: columns.take::<Json<_>>()?.0,
            at: columns.take()?,
        })
    }
}

impl Apply for Arrived {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let kept = at
            .tx
            .execute(
                "INSERT INTO arrival (org, connector, external_id, place, body, at, state) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'PENDING') ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.connector,
                    self.external_id,
                    self.place,
                    json(&self.body),
                    self.at
                ],
            )
            .await?;
        if kept > 0 {
            at.hints.push(Hint::Arrival { org: at.org });
        }
        Ok(Some(kept as i64))
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// What was said is not kept twice: the words live on in the conversation.
impl Apply for ArrivalDone {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE arrival SET state = 'DONE', body = 'null' \
                   WHERE org = $1 AND connector = $2 AND external_id = $3";
        at.tx
            .execute(sql, params![at.org, self.connector, self.external_id])
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for ForgetArrivals {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "DELETE FROM arrival WHERE org = $1 AND state = 'DONE' AND at < $2";
        let gone = at.tx.execute(sql, params![at.org, self.before]).await?;
        Ok(Some(gone as i64))
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Store {
    /// What arrived and was not seen to yet, oldest first.
    pub async fn arrivals_pending(
        &self,
        org: OrgId,
        limit: u32,
    ) -> Result<Vec<Arrived>, StoreError> {
        let sql = "SELECT connector, external_id, place, body, at FROM arrival \
                   WHERE org = $1 AND state = 'PENDING' ORDER BY at, external_id LIMIT $2";
        self.all(sql, params![org, limit]).await
    }
}
