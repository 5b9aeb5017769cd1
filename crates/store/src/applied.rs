//! Changes that were carried to a workspace, with what is needed to take them back.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use serde_json::Value;
use wardroom_domain::{EffectId, OrgId, TaskId, Timestamp, UserId, WorkspaceId};

/// Changes were carried to a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// By this task,
    pub task: TaskId,
    /// in this effect,
    pub effect: EffectId,
    /// to this folder.
    pub workspace: WorkspaceId,
    /// Where what was there before is kept.
    pub snapshot: String,
    /// The list of changes.
    pub changes: Value,
    /// The list in one sentence.
    pub summary: String,
    /// When.
    pub at: Timestamp,
}

/// An apply was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// Whose.
    pub task: TaskId,
    /// Which.
    pub effect: EffectId,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: UserId,
}

/// An apply as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedRow {
    /// What was carried.
    pub applied: Applied,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
    /// By whom.
    pub undone_by: Option<UserId>,
}

impl Record for AppliedRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            applied: Applied {
                task: columns.take()?,
                effect: columns.take()?,
                workspace: columns.take()?,
                snapshot: columns.take()?,
                changes: columns.take::<Json<_>>()?.0,
                summary: columns.take()?,
                at: columns.take()?,
            },
            undone_at: columns.take()?,
            undone_by: columns.take()?,
        })
    }
}

impl Apply for Applied {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let carried = at
            .tx
            .execute(
                "INSERT INTO applied (org, effect, task, workspace, snapshot, changes, summary, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.effect,
                    self.task,
                    self.workspace,
                    self.snapshot,
                    json(&self.changes),
                    self.summary,
                    self.at
                ],
            )
            .await?;
        match carried {
            0 => Err(Conflict::Exists { what: "apply" }.into()),
            _ => Ok(None),
        }
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for Undone {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let undone = at
            .tx
            .execute(
                "UPDATE applied SET undone_at = $4, undone_by = $5 \
                 WHERE org = $1 AND effect = $2 AND task = $3 AND undone_at IS NULL",
                params![at.org, self.effect, self.task, self.at, self.by],
            )
            .await?;
        match undone {
            0 => Err(Conflict::AlreadyUndone { task: self.task }.into()),
            _ => Ok(None),
        }
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Store {
    /// What a task carried to its workspace, oldest first.
    pub async fn applied(&self, org: OrgId, task: TaskId) -> Result<Vec<AppliedRow>, StoreError> {
        let sql = "SELECT task, effect, workspace, snapshot, changes, summary, at, undone_at, \
                   undone_by FROM applied WHERE org = $1 AND task = $2 ORDER BY at, effect";
        self.all(sql, params![org, task]).await
    }
}
