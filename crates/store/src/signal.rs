//! Mail for a task: anybody may put it in, only the task's holder takes it out.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::task::{AT_ONCE, make_ready, standing};
use crate::write::Apply;
use crate::{CommitError, Hint, Store, StoreError};
use serde_json::Value;
use wardroom_domain::{OrgId, TaskId, Timestamp};

/// A task gets mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Whose.
    pub task: TaskId,
    /// Mail of the same key is the same mail.
    pub dedup_key: String,
    /// What kind of mail.
    pub kind: String,
    /// What it says.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

/// A task has read its mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumeSignals {
    /// Whose.
    pub task: TaskId,
    /// Up to and including.
    pub up_to_seq: i64,
}

/// A piece of mail.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRow {
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// What kind of mail.
    pub kind: String,
    /// What it says.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

impl Record for SignalRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: columns.take()?,
            kind: columns.take()?,
            body: columns.take::<Json<_>>()?.0,
            at: columns.take()?,
        })
    }
}

impl Apply for Signal {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let standing = standing(at, self.task).await?;
        let put: Option<(i64,)> = at
            .tx
            .one(
                "INSERT INTO signal (org, task, seq, dedup_key, kind, body, at, consumed) \
                 SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4, $5, $6, FALSE \
                 FROM signal WHERE org = $1 AND task = $2 \
                 ON CONFLICT DO NOTHING RETURNING seq",
                params![
                    at.org,
                    self.task,
                    self.dedup_key,
                    self.kind,
                    json(&self.body),
                    self.at
                ],
            )
            .await?;
        let Some((seq,)) = put else { return Ok(None) };
        let wakes = !standing.is_claimed && !standing.status.is_terminal();
        if wakes {
            make_ready(at, self.task, AT_ONCE).await?;
        }
        at.hints.push(Hint::Signal {
            org: at.org,
            task: self.task,
        });
        Ok(Some(seq))
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}

impl Apply for ConsumeSignals {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "UPDATE signal SET consumed = TRUE \
                 WHERE org = $1 AND task = $2 AND seq <= $3 AND consumed = FALSE",
                params![at.org, self.task, self.up_to_seq],
            )
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}

impl Store {
    /// The mail that a task has not read, in order.
    pub async fn signals(&self, org: OrgId, task: TaskId) -> Result<Vec<SignalRow>, StoreError> {
        let sql = "SELECT seq, kind, body, at FROM signal \
                   WHERE org = $1 AND task = $2 AND consumed = FALSE ORDER BY seq";
        self.all(sql, params![org, task]).await
    }
}
