//! How a task changes: asked for, saved by who read it, given back.

use super::{CreateTask, HoldTask, ReleaseTask, SaveTask, make_ready, unmake_ready};
use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, StoreError};
use wardroom_domain::{TaskId, TaskStatus, Timestamp};

impl Apply for CreateTask {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let task = &self.task;
        let added = at
            .tx
            .execute(
                "INSERT INTO task (org, id, status, kind, title, body, requester, origin, context, \
                 workspace, conversation, parent, agent, tier, priority, percent, note, result, \
                 error, applied, labels, deadline, created_at, updated_at, snapshot, fence, ver, \
                 depth, batch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
                 $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, 0, 0, $26, $27) \
                 ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    task.id,
                    task.status,
                    task.kind,
                    task.title,
                    task.text,
                    task.requester,
                    task.origin,
                    task.context,
                    task.workspace,
                    task.conversation,
                    task.parent,
                    task.agent,
                    task.tier,
                    task.priority,
                    task.progress.percent,
                    task.progress.note,
                    task.result,
                    task.error,
                    task.applied,
                    json(&task.labels),
                    task.deadline,
                    task.created_at,
                    task.updated_at,
                    json(&self.snapshot),
                    self.depth,
                    self.batch
                ],
            )
            .await?;
        if added == 0 {
            return Err(Conflict::Exists { what: "task" }.into());
        }
        if let Some(ready_at) = self.ready_at {
            make_ready(at, task.id, ready_at).await?;
        }
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// What a save or a journal entry must know of the task before it may touch it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) status: TaskStatus,
    pub(crate) fence: u64,
    pub(crate) ver: u64,
    pub(crate) deadline: Timestamp,
    pub(crate) is_claimed: bool,
}

impl Record for Standing {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            status: columns.take()?,
            fence: columns.take()?,
            ver: columns.take()?,
            deadline: columns.take()?,
            is_claimed: columns.take()?,
        })
    }
}

/// Looked up once per commit: a boundary asks for the same task again and again.
pub(crate) async fn standing<T: Tx>(
    at: &mut Boundary<'_, T>,
    task: TaskId,
) -> Result<Standing, CommitError> {
    if let Some((known, standing)) = at.standing
        && known == task
    {
        return Ok(standing);
    }
    let sql = "SELECT status, fence, ver, deadline, worker IS NOT NULL FROM task \
               WHERE org = $1 AND id = $2";
    let found: Option<Standing> = at.tx.one(sql, params![at.org, task]).await?;
    let standing = found.ok_or_else(|| Conflict::NotFound {
        what: "task",
        id: task.to_string(),
    })?;
    at.standing = Some((task, standing));
    Ok(standing)
}

/// The same, for somebody who holds it under a fence.
pub(crate) async fn held<T: Tx>(
    at: &mut Boundary<'_, T>,
    task: TaskId,
    fence: u64,
) -> Result<Standing, CommitError> {
    let standing = standing(at, task).await?;
    if standing.fence == fence {
        Ok(standing)
    } else {
        Err(Conflict::Fenced { task }.into())
    }
}

impl SaveTask {
    /// Whether who holds the task, or waits for it, is left as it is.
    pub(super) fn keeps_its_claim(&self) -> bool {
        self.task.status == TaskStatus::Running && self.ready_at.is_none()
    }

    fn stays(&self, before: &Standing) -> bool {
        self.keeps_its_claim()
            && self.task.status == before.status
            && self.task.deadline == before.deadline
    }

    fn check(&self, before: &Standing) -> Result<(), Conflict> {
        let (task, from, to) = (self.task.id, before.status, self.task.status);
        if before.ver != self.ver {
            return Err(Conflict::Fenced { task });
        }
        if from == to || from.may_become(to) {
            return Ok(());
        }
        Err(Conflict::IllegalMove { task, from, to })
    }
}

/// What every save writes.
macro_rules! save {
    ($more:literal) => {
        concat!(
            "UPDATE task SET agent = $5, tier = $6, percent = $7, note = $8, result = $9, \
             error = $10, applied = $11, labels = $12, updated_at = $13, snapshot = $14, \
             priority = $15, ver = ver + 1",
            $more,
            " WHERE org = $1 AND id = $2 AND fence = $3 AND ver = $4"
        )
    };
}
/// Most saves change nothing that an index is made of, and an index that is not named costs nothing.
const STAY: &str = save!("");
const MOVE: &str = save!(
    ", deadline = $16, status = $17, \
     worker = CASE WHEN $18 THEN worker ELSE NULL END"
);
/// How many of the values [`STAY`] takes.
const STAY_VALUES: usize = 15;

impl Apply for SaveTask {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let task = &self.task;
        let before = held(at, task.id, self.fence).await?;
        self.check(&before)?;
        let (org, labels, snapshot) = (at.org, json(&task.labels), json(&self.snapshot));
        let keeps_its_claim = self.keeps_its_claim();
        let values: &[_] = params![
            org,
            task.id,
            self.fence,
            self.ver,
            task.agent,
            task.tier,
            task.progress.percent,
            task.progress.note,
            task.result,
            task.error,
            task.applied,
            labels,
            task.updated_at,
            snapshot,
            task.priority,
            task.deadline,
            task.status,
            keeps_its_claim
        ];
        let saved = match self.stays(&before) {
            true => at.tx.execute(STAY, &values[..STAY_VALUES]).await?,
            false => at.tx.execute(MOVE, values).await?,
        };
        at.standing = None;
        if saved == 0 {
            return Err(Conflict::Fenced { task: task.id }.into());
        }
        self.settle_ready(at, &before).await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task.id)]
    }
}

impl SaveTask {
    /// A claimed task has no ready row, so most saves touch none.
    async fn settle_ready<T: Tx>(
        &self,
        at: &mut Boundary<'_, T>,
        before: &Standing,
    ) -> Result<(), CommitError> {
        if self.keeps_its_claim() {
            return Ok(());
        }
        if !before.is_claimed {
            unmake_ready(at, self.task.id).await?;
        }
        match self.ready_at {
            Some(ready_at) if !self.task.status.is_terminal() => {
                make_ready(at, self.task.id, ready_at).await
            }
            _ => Ok(()),
        }
    }
}

impl Apply for HoldTask {
    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }

    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let standing = held(at, self.task, self.fence).await?;
        match standing.is_claimed {
            true => Ok(None),
            false => Err(Conflict::Fenced { task: self.task }.into()),
        }
    }
}

impl Apply for ReleaseTask {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let standing = held(at, self.task, self.fence).await?;
        let sql = "UPDATE task SET worker = NULL WHERE org = $1 AND id = $2";
        at.tx.execute(sql, params![at.org, self.task]).await?;
        at.standing = None;
        if !standing.status.is_terminal() {
            make_ready(at, self.task, self.ready_at).await?;
        }
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}
