//! The workers of one process: they claim tasks as slots become free, and hear mail for them.

use crate::crew::Crew;
use crate::{Wrong, bench, control, drive, due, signals};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::task::JoinSet;
use wardroom_domain::{TaskId, Waymark};
use wardroom_store::{Hint, TaskRow};

/// How often a worker looks by itself: hints are only hints.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long a task may take to reach its next boundary when the server stops.
const BOUNDARY_TIME_MAX: Duration = Duration::from_secs(5);
/// How many tasks are claimed at once, so that one process does not grab a whole queue.
const CLAIMS_MAX: usize = 16;

/// Works until told to stop, then lets go of every task at its next boundary. Who comes first to a
/// data directory clears away what a crash left in it; whoever joins leaves everything alone.
pub async fn work(crew: Arc<Crew>, is_first: bool, mut stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(crew.settings.executors));
    let freed = Arc::new(Notify::new());
    let mut driving = JoinSet::new();
    let mut hints = crew.store.hints();
    if is_first {
        clear_up(&crew).await;
    }
    while !*stop.borrow() {
        let free = slots.available_permits().min(CLAIMS_MAX);
        match claim(&crew, free).await {
            Ok(rows) => {
                if !rows.is_empty() {
                    Waymark::Claim.reached().await;
                }
                for row in rows {
                    let Ok(slot) = slots.clone().try_acquire_owned() else {
                        break;
                    };
                    let (crew, freed) = (crew.clone(), freed.clone());
                    driving.spawn(async move {
                        drive::drive(crew, row).await;
                        drop(slot);
                        freed.notify_one();
                    });
                }
            }
            Err(wrong) => tracing::warn!(%wrong, "tasks could not be claimed; trying again"),
        }
        while driving.try_join_next().is_some() {}
        wait(&mut hints, &freed, &mut stop).await;
    }
    crew.is_stopping.store(true, Ordering::Relaxed);
    let at_boundary = async { while driving.join_next().await.is_some() {} };
    if tokio::time::timeout(BOUNDARY_TIME_MAX, at_boundary)
        .await
        .is_err()
    {
        // A model or a command may be under way for long: it is dropped here and taken up again
        // from its last boundary by the next start.
        driving.shutdown().await;
    }
}

/// Clears away what a crash left of views; what takes longer goes on beside the work.
async fn clear_up(crew: &Arc<Crew>) {
    let warn =
        |wrong: Wrong| tracing::warn!(%wrong, "views that a crash left were not cleared away");
    bench::clear_remains(crew).await.unwrap_or_else(warn);
    let crew = crew.clone();
    tokio::spawn(async move { bench::clear_ended(&crew).await.unwrap_or_else(warn) });
}

async fn claim(crew: &Crew, free: usize) -> Result<Vec<TaskRow>, Wrong> {
    if free == 0 {
        return Ok(Vec::new());
    }
    let request = crew.claim_request(free);
    Ok(crew.store.claim(crew.org, request).await?)
}

/// Until something may be claimable, or long enough.
async fn wait(
    hints: &mut broadcast::Receiver<Hint>,
    freed: &Notify,
    stop: &mut watch::Receiver<bool>,
) {
    let heard = async {
        loop {
            match hints.recv().await {
                Ok(Hint::Ready { .. }) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        () = heard => {}
        () = freed.notified() => {}
        _ = stop.changed() => {}
        () = tokio::time::sleep(POLL_EVERY) => {}
    }
}

/// Carries mail to the tasks that this process drives, and the clock's knocks to the others.
pub async fn attend(crew: Arc<Crew>, mut stop: watch::Receiver<bool>) {
    let mut hints = crew.store.hints();
    let mut ticks = tokio::time::interval(POLL_EVERY);
    while !*stop.borrow() {
        tokio::select! {
            hint = hints.recv() => match hint {
                Ok(Hint::Signal { task, .. }) if is_driven(&crew, task) => wake(&crew, Some(task)),
                Ok(Hint::Signal { task, .. }) => stop_if_told(&crew, task),
                Err(broadcast::error::RecvError::Lagged(_)) => wake(&crew, None),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = ticks.tick() => {
                if let Err(wrong) = due::knock(&crew).await {
                    tracing::warn!(%wrong, "the clock's knocks were not heard; trying again");
                }
            }
            _ = stop.changed() => {}
        }
    }
}

fn is_driven(crew: &Crew, task: TaskId) -> bool {
    let driven = crew.driven.lock().unwrap_or_else(PoisonError::into_inner);
    driven.contains_key(&task)
}

/// Mail that stops a task is heard without waiting for a slot.
fn stop_if_told(crew: &Arc<Crew>, task: TaskId) {
    let crew = crew.clone();
    tokio::spawn(async move {
        let stopped = match signals::stops(&crew, task).await {
            Ok(true) => control::stop_now(&crew, task).await,
            Ok(false) => Ok(()),
            Err(wrong) => Err(wrong),
        };
        if let Err(wrong) = stopped {
            tracing::warn!(%task, %wrong, "a task was not stopped at once; its next worker stops it");
        }
    });
}

/// Wakes the driver of one task, or of all when it is not known whose mail was missed.
fn wake(crew: &Crew, task: Option<TaskId>) {
    let driven = crew.driven.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, mail) in driven.iter() {
        if task.is_none_or(|task| task == *id) {
            mail.notify_one();
        }
    }
}
