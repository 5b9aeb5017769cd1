//! What has become due: questions that expire, tasks whose time is over, deliveries left behind.

use crate::control::stop_now;
use crate::crew::Crew;
use crate::signals::kind;
use crate::{Wrong, converse, decide};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use wardroom_domain::{Waymark, limits};
use wardroom_store::{InboxRow, Signal, Write};

/// How old a delivery must be before it counts as left behind.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(10);

/// Sees to everything that is due now.
pub(crate) async fn knock(crew: &Arc<Crew>) -> Result<(), Wrong> {
    let now = crew.clock.now();
    for row in crew
        .store
        .approvals_due(crew.org, now, limits::PAGE_ROWS_MAX)
        .await?
    {
        Waymark::TimerFire.reached().await;
        decide::expire(crew, &row.approval).await?;
    }
    for row in crew
        .store
        .due_deadlines(crew.org, now, limits::PAGE_ROWS_MAX)
        .await?
    {
        Waymark::TimerFire.reached().await;
        let signal = Signal {
            task: row.task.id,
            dedup_key: kind::DEADLINE.to_owned(),
            kind: kind::DEADLINE.to_owned(),
            body: json!({}),
            at: now,
        };
        crew.commit(vec![Write::Signal(signal)]).await?;
        stop_now(crew, row.task.id).await?;
    }
    for row in crew.store.inbox_pending(crew.org).await? {
        // It may have been taken in by a process whose clock runs ahead.
        let age = now.since(row.at).max(row.at.since(now));
        if age >= LEFT_BEHIND_AFTER && is_idle(crew, &row) {
            answer_later(crew, row);
        }
    }
    Ok(())
}

fn is_idle(crew: &Crew, row: &InboxRow) -> bool {
    crew.talk(row.conversation).try_lock().is_ok()
}

/// Answers a delivery that nobody waits for.
pub(crate) fn answer_later(crew: &Arc<Crew>, row: InboxRow) {
    let crew = crew.clone();
    tokio::spawn(async move {
        let conversation = row.conversation;
        if let Err(wrong) = converse::answer(&crew, row).await {
            tracing::warn!(%conversation, %wrong, "a delivery was not answered; trying again later");
        }
    });
}

/// After a start: everything that was taken in and not answered is answered now.
pub async fn recover(crew: &Arc<Crew>) -> Result<usize, Wrong> {
    let pending = crew.store.inbox_pending(crew.org).await?;
    let count = pending.len();
    for row in pending {
        answer_later(crew, row);
    }
    Ok(count)
}
