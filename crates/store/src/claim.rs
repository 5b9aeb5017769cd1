//! Claims: a worker takes ready tasks, fairly between people, under the caps of people and folders.

use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::sql::{Tx, json, params};
use crate::task::{AT_ONCE, TaskRow, task_columns};
use crate::{CommitError, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use wardroom_domain::{OrgId, TaskId, Timestamp, UserId, WorkerId};

/// How many tasks may be held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimLimits {
    /// By one person.
    pub per_user: u32,
    /// In one workspace.
    pub per_workspace: u32,
}

/// A worker asks for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// The present moment.
    pub now: Timestamp,
    /// How many at most.
    pub tasks_max: usize,
    /// How many may be held at once.
    pub limits: ClaimLimits,
}

/// Whose turn it was last. Kept in memory only: a restart begins a new round.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Rounds>);

#[derive(Debug, Default)]
struct Rounds {
    last: HashMap<(OrgId, UserId), u64>,
    count: u64,
}

impl Turns {
    fn taken(&self, org: OrgId, user: UserId) {
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.count += 1;
        let count = rounds.count;
        rounds.last.insert((org, user), count);
    }

    fn last(&self, org: OrgId, user: UserId) -> u64 {
        let rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.last.get(&(org, user)).copied().unwrap_or(0)
    }
}

/// Takes what is ready.
struct Claim(ClaimRequest);

/// Takes one task, if nobody holds it.
struct ClaimOne(TaskId, ClaimRequest);

impl Deed for Claim {
    type Answer = Vec<TaskRow>;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Vec<TaskRow>, CommitError> {
        claim(at, &self.0).await
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Claims]
    }
}

impl Deed for ClaimOne {
    type Answer = Option<TaskRow>;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<TaskRow>, CommitError> {
        claim_task(at, self.0, &self.1).await
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Claims, Key::Task(self.0)]
    }
}

impl Store {
    /// Takes ready tasks for a worker: one per person and round, who holds least first, then who
    /// waited longest for his turn; a person's own by priority, then by time. Raises their fences.
    pub async fn claim(
        &self,
        org: OrgId,
        request: ClaimRequest,
    ) -> Result<Vec<TaskRow>, CommitError> {
        self.carry_out(org, Claim(request)).await
    }

    /// Claims one task past all limits and turns, if nobody holds it and it has not ended: it is
    /// not to work, only to read its mail.
    pub async fn claim_task(
        &self,
        org: OrgId,
        task: TaskId,
        request: ClaimRequest,
    ) -> Result<Option<TaskRow>, CommitError> {
        self.carry_out(org, ClaimOne(task, request)).await
    }

    /// Whether a task is still held under this fence.
    pub async fn holds(&self, org: OrgId, task: TaskId, fence: u64) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM task \
                   WHERE org = $1 AND id = $2 AND fence = $3 AND worker IS NOT NULL";
        let held: Option<(i64,)> = self.one(sql, params![org, task, fence]).await?;
        Ok(held == Some((1,)))
    }

    /// When the next task becomes claimable; none when nothing waits.
    pub async fn next_ready(&self, org: OrgId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT MIN(run_at) FROM ready WHERE org = $1";
        let next: Option<(Option<Timestamp>,)> = self.one(sql, params![org]).await?;
        Ok(next.and_then(|(at,)| at))
    }

    /// How many tasks could be claimed now, were there no caps.
    pub async fn ready_count(&self, org: OrgId, now: Timestamp) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM ready WHERE org = $1 AND run_at <= $2";
        let count = self.one(sql, params![org, now]).await?;
        Ok(count.map_or(0, |(count,)| count))
    }
}

async fn claim<T: Tx>(
    at: &mut Boundary<'_, T>,
    request: &ClaimRequest,
) -> Result<Vec<TaskRow>, CommitError> {
    let mut waiting = waiting_people(at).await?;
    let mut claimed = Vec::new();
    while !waiting.is_empty() && claimed.len() < request.tasks_max {
        let mut served = Vec::new();
        for (user, held) in waiting {
            if claimed.len() == request.tasks_max || held >= request.limits.per_user {
                continue;
            }
            if let Some(task) = best_of(at, user, request).await? {
                // Somebody is just writing to it: its owner's turn comes again.
                if !at.tx.try_lock(Key::Task(task).number(at.org)).await? {
                    continue;
                }
                claimed.push(take(at, task, request).await?);
                at.turns.taken(at.org, user);
                served.push((user, held + 1));
            }
        }
        waiting = served;
    }
    Ok(claimed)
}

async fn claim_task<T: Tx>(
    at: &mut Boundary<'_, T>,
    task: TaskId,
    request: &ClaimRequest,
) -> Result<Option<TaskRow>, CommitError> {
    let standing = crate::task::standing(at, task).await?;
    if standing.is_claimed || standing.status.is_terminal() {
        return Ok(None);
    }
    Ok(Some(take(at, task, request).await?))
}

/// The people with ready tasks and how many each holds, in the order of their turns. Skips from
/// person to person through the index, however many tasks each has.
async fn waiting_people<T: Tx>(at: &mut Boundary<'_, T>) -> Result<Vec<(UserId, u32)>, StoreError> {
    let mut people: Vec<(UserId, u32)> = at
        .tx
        .all(
            "WITH RECURSIVE waiting (person) AS ( \
               SELECT MIN(requester) FROM ready WHERE org = $1 \
               UNION ALL \
               SELECT (SELECT MIN(r.requester) FROM ready r \
                       WHERE r.org = $1 AND r.requester > w.person) \
               FROM waiting w WHERE w.person IS NOT NULL) \
             SELECT w.person, (SELECT COUNT(*) FROM task t WHERE t.org = $1 \
                               AND t.requester = w.person AND t.worker IS NOT NULL) \
             FROM waiting w WHERE w.person IS NOT NULL",
            params![at.org],
        )
        .await?;
    people.sort_by_key(|(user, held)| (*held, at.turns.last(at.org, *user)));
    Ok(people)
}

/// `run_at + 0` keeps SQLite from reading everything that is due and sorting it: the index in the
/// order of turns gives the best one first.
async fn best_of<T: Tx>(
    at: &mut Boundary<'_, T>,
    user: UserId,
    request: &ClaimRequest,
) -> Result<Option<TaskId>, StoreError> {
    let best = at
        .tx
        .one(
            "SELECT r.task FROM ready r \
             WHERE r.org = $1 AND r.requester = $2 AND r.run_at + 0 <= $3 \
             AND (SELECT COUNT(*) FROM task t WHERE t.org = $1 AND t.workspace = r.workspace \
                  AND t.worker IS NOT NULL) < $4 \
             ORDER BY r.priority DESC, r.run_at, r.task LIMIT 1",
            params![at.org, user, request.now, request.limits.per_workspace],
        )
        .await?;
    Ok(best.map(|(task,)| task))
}

async fn take<T: Tx>(
    at: &mut Boundary<'_, T>,
    task: TaskId,
    request: &ClaimRequest,
) -> Result<TaskRow, CommitError> {
    crate::task::unmake_ready(at, task).await?;
    let taken = at
        .tx
        .one(
            concat!(
                "UPDATE task SET fence = fence + 1, worker = $3, worker_epoch = $4 \
                 WHERE org = $1 AND id = $2 RETURNING ",
                task_columns!()
            ),
            params![at.org, task, request.worker, at.epoch],
        )
        .await?;
    let missing = || StoreError::Damaged(format!("{task} is ready but does not exist"));
    Ok(taken.ok_or_else(missing)?)
}

/// Begins the epoch of this process. What workers of older ones held is free and ready, but for
/// those that live.
pub(crate) async fn begin_epoch<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    living: &[i64],
) -> Result<i64, StoreError> {
    let epoch = next_epoch(tx, now).await?;
    let living = json(&living);
    tx.execute(
        "INSERT INTO ready (org, task, requester, workspace, priority, run_at) \
         SELECT org, id, requester, workspace, priority, $2 FROM task \
         WHERE worker IS NOT NULL AND worker_epoch < $1 \
         AND status IN ('QUEUED', 'RUNNING', 'WAITING_APPROVAL') \
         AND worker_epoch NOT IN (SELECT value FROM json_each($3)) \
         ON CONFLICT (org, task) DO NOTHING",
        params![epoch, AT_ONCE, living],
    )
    .await?;
    tx.execute(
        "UPDATE task SET worker = NULL WHERE worker IS NOT NULL AND worker_epoch < $1 \
         AND worker_epoch NOT IN (SELECT value FROM json_each($2))",
        params![epoch, living],
    )
    .await?;
    // Also what was carried here from a database of several processes.
    tx.execute(
        "DELETE FROM duty WHERE epoch < $1 \
         AND epoch NOT IN (SELECT value FROM json_each($2))",
        params![epoch, living],
    )
    .await?;
    Ok(epoch)
}

/// Begins an epoch beside the others.
pub(crate) async fn next_epoch<T: Tx>(tx: &mut T, now: Timestamp) -> Result<i64, StoreError> {
    let begun = tx
        .one(
            "INSERT INTO worker_epoch (epoch, started_at) \
             SELECT COALESCE(MAX(epoch), 0) + 1, $1 FROM worker_epoch WHERE TRUE RETURNING epoch",
            params![now],
        )
        .await?;
    let (epoch,): (i64,) = begun.unwrap_or_default();
    Ok(epoch)
}
