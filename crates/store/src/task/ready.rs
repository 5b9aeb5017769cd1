//! Which tasks may be claimed, and from when.

use super::{AT_ONCE, SaveTask};
use crate::boundary::Boundary;
use crate::sql::{Tx, params};
use crate::{CommitError, Hint};
use wardroom_domain::{TaskId, Timestamp};

/// A task that was saved without a claim, over mail that it has not read, is ready at once: the
/// mail came while it was working.
pub(crate) async fn wake_over_unread_mail<T: Tx>(
    at: &mut Boundary<'_, T>,
    saved: &SaveTask,
) -> Result<(), CommitError> {
    if saved.keeps_its_claim() || saved.task.status.is_terminal() {
        return Ok(());
    }
    let unread: Option<(i64,)> = at
        .tx
        .one(
            "SELECT seq FROM signal WHERE org = $1 AND task = $2 AND consumed = FALSE LIMIT 1",
            params![at.org, saved.task.id],
        )
        .await?;
    match unread {
        Some(_) => make_ready(at, saved.task.id, AT_ONCE).await,
        None => Ok(()),
    }
}

/// Makes the task claimable at this time, or at the earlier one that it has.
pub(crate) async fn make_ready<T: Tx>(
    at: &mut Boundary<'_, T>,
    task: TaskId,
    ready_at: Timestamp,
) -> Result<(), CommitError> {
    at.tx
        .execute(
            "INSERT INTO ready (org, task, requester, workspace, priority, run_at) \
             SELECT org, id, requester, workspace, priority, $3 FROM task \
             WHERE org = $1 AND id = $2 \
             ON CONFLICT (org, task) DO UPDATE SET priority = excluded.priority, run_at = \
             CASE WHEN excluded.run_at < ready.run_at THEN excluded.run_at ELSE ready.run_at END",
            params![at.org, task, ready_at],
        )
        .await?;
    at.hints.push(Hint::Ready { org: at.org });
    Ok(())
}

pub(crate) async fn unmake_ready<T: Tx>(
    at: &mut Boundary<'_, T>,
    task: TaskId,
) -> Result<(), CommitError> {
    let sql = "DELETE FROM ready WHERE org = $1 AND task = $2";
    at.tx.execute(sql, params![at.org, task]).await?;
    Ok(())
}
