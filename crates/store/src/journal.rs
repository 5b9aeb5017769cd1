//! The facts of a task, append-only, each bound to the one before it.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use serde_json::Value;
use wardroom_domain::{Digest, OrgId, TaskId};

/// A task's journal grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// Whose.
    pub task: TaskId,
    /// The fence under which it was claimed.
    pub fence: u64,
    /// What kind of fact.
    pub kind: String,
    /// The fact, in the engine's own versioned form.
    pub body: Value,
}

/// A fact of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRow {
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// The fence under which it was written.
    pub fence: u64,
    /// What kind of fact.
    pub kind: String,
    /// The fact.
    pub body: Value,
    /// The hash of the fact before it; zeroes for the first.
    pub prev_hash: Digest,
    /// The hash of this one.
    pub hash: Digest,
}

impl Record for JournalRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: columns.take()?,
            fence: columns.take()?,
            kind: columns.take()?,
            body: columns.take::<Json<_>>()?.0,
            prev_hash: columns.take()?,
            hash: columns.take()?,
        })
    }
}

/// The stored text is hashed as it stands, with everything that gives it its place.
pub(crate) fn hash_of(prev_hash: &Digest, seq: i64, fence: u64, kind: &str, body: &str) -> Digest {
    let place = format!("{prev_hash}\n{seq}\n{fence}\n{kind}\n");
    Digest::of_bytes(&[place.as_bytes(), body.as_bytes()].concat())
}

impl Apply for Journal {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        crate::task::held(at, self.task, self.fence).await?;
        let last: Option<(i64, Digest)> = at
            .tx
            .one(
                "SELECT seq, hash FROM journal WHERE org = $1 AND task = $2 \
                 ORDER BY seq DESC LIMIT 1",
                params![at.org, self.task],
            )
            .await?;
        let (last_seq, prev_hash) = last.unwrap_or_default();
        let (seq, body) = (last_seq + 1, json(&self.body));
        let hash = hash_of(&prev_hash, seq, self.fence, &self.kind, &body);
        at.tx
            .execute(
                "INSERT INTO journal (org, task, seq, fence, kind, body, prev_hash, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                params![
                    at.org, self.task, seq, self.fence, self.kind, body, prev_hash, hash
                ],
            )
            .await?;
        Ok(Some(seq))
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}

impl Store {
    /// The facts of a task after a sequence number (0 for the beginning), in order.
    pub async fn journal(
        &self,
        org: OrgId,
        task: TaskId,
        after_seq: i64,
    ) -> Result<Vec<JournalRow>, StoreError> {
        let sql = "SELECT seq, fence, kind, body, prev_hash, hash FROM journal \
                   WHERE org = $1 AND task = $2 AND seq > $3 ORDER BY seq";
        self.all(sql, params![org, task, after_seq]).await
    }
}
