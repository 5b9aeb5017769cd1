//! How running tasks get on: one message per task, edited as often as the platform likes.
//!
//! That message is a row of the outbox; its edits are not, because the next one replaces them.

use crate::gateway::{Gateway, lock};
use crate::parcel::Note;
use crate::press::{Deed, Offer};
use crate::{limits, words};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wardroom_connectors::{Place, Posted};
use wardroom_coordinator::Wrong;
use wardroom_domain::{TaskId, TaskStatus, UserId};

/// The tasks whose progress is shown somewhere.
pub(crate) type Board = HashMap<TaskId, Entry>;

/// A task that was seen at work in a conversation.
pub(crate) struct Seen {
    pub(crate) task: TaskId,
    pub(crate) place: Place,
    pub(crate) user: UserId,
}

pub(crate) struct Entry {
    place: Place,
    user: UserId,
    since: Instant,
    status: TaskStatus,
    note: String,
    is_posted: bool,
    shown: String,
    next_edit: Instant,
}

/// Notes what a task's feed says.
pub(crate) fn note(gateway: &Gateway, seen: Seen, data: &Value) {
    let mut board = lock(&gateway.board);
    let now = Instant::now();
    let entry = board.entry(seen.task).or_insert_with(|| Entry {
        place: seen.place,
        user: seen.user,
        since: now,
        status: TaskStatus::Queued,
        note: String::new(),
        is_posted: false,
        shown: String::new(),
        next_edit: now,
    });
    if let Some(status) = data["status"].as_str().and_then(TaskStatus::parse) {
        entry.status = status;
    }
    if let Some(note) = data["note"].as_str() {
        note.clone_into(&mut entry.note);
    }
}

/// Keeps the messages up to date.
pub(crate) async fn attend(gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let due: Vec<TaskId> = {
            let board = lock(&gateway.board);
            let due = board.iter().filter(|(_, entry)| entry.next_edit <= now);
            due.map(|(task, _)| *task).collect()
        };
        for task in due {
            if let Err(wrong) = show(&gateway, task).await {
                tracing::debug!(%task, %wrong, "progress was not shown");
            }
        }
    }
}

enum Step {
    Nothing,
    Forget,
    Post(Place, UserId),
    Edit(Place, UserId, String),
}

fn step(gateway: &Gateway, task: TaskId) -> Step {
    let mut board = lock(&gateway.board);
    let Some(entry) = board.get_mut(&task) else {
        return Step::Nothing;
    };
    let (place, user) = (entry.place.clone(), entry.user);
    if !entry.is_posted {
        // What ends at once needs no message of its own: its result says it all. Where one stands
        // since before a restart, it reads how it ended.
        return match (entry.status.is_terminal(), entry.status) {
            (true, _) => Step::Edit(place, user, state_of(entry)),
            (_, TaskStatus::Queued) => Step::Nothing,
            _ if entry.since.elapsed() >= limits::PROGRESS_AFTER => Step::Post(place, user),
            _ => Step::Nothing,
        };
    }
    let state = state_of(entry);
    if state == entry.shown {
        return if entry.status.is_terminal() {
            Step::Forget
        } else {
            Step::Nothing
        };
    }
    Step::Edit(place, user, state)
}

fn state_of(entry: &Entry) -> String {
    format!("{} {}", entry.status, entry.note)
}

async fn show(gateway: &Arc<Gateway>, task: TaskId) -> Result<(), Wrong> {
    match step(gateway, task) {
        Step::Nothing => {}
        Step::Forget => {
            lock(&gateway.board).remove(&task);
        }
        Step::Post(place, user) => {
            let (note, mut writes) = message(gateway, task, &place, user).await?;
            if wants_progress(gateway, user).await? {
                writes.extend(gateway.say(&place, &key(task), note));
                gateway.commit(writes).await?;
            }
            if let Some(entry) = lock(&gateway.board).get_mut(&task) {
                entry.is_posted = true;
            }
        }
        Step::Edit(place, user, state) => edit(gateway, task, &place, user, state).await?,
    }
    Ok(())
}

async fn edit(
    gateway: &Arc<Gateway>,
    task: TaskId,
    place: &Place,
    user: UserId,
    state: String,
) -> Result<(), Wrong> {
    let receipt = gateway
        .crew
        .store
        .outbox_receipt(gateway.org(), &key(task))
        .await?;
    let (Some(door), Some(receipt)) = (gateway.door(place), receipt) else {
        lock(&gateway.board).remove(&task);
        return Ok(());
    };
    let pause = door.connector.limits().edit_pause;
    let mut next_edit = Instant::now() + pause;
    // Before the message itself is there, nothing can be edited.
    if let Some(message) = receipt {
        let (note, writes) = self::message(gateway, task, place, user).await?;
        gateway.commit(writes).await?;
        let post = gateway.short_post(place, note);
        let posted = Posted {
            place: place.clone(),
            message,
        };
        match door.connector.edit(&posted, &post).await {
            Err(fault) if fault.is_passing() => {
                next_edit = Instant::now() + crate::poll::pause(&fault, 3)
            }
            _ => {
                if let Some(entry) = lock(&gateway.board).get_mut(&task) {
                    entry.shown = state;
                    entry.is_posted = true;
                }
            }
        }
    }
    if let Some(entry) = lock(&gateway.board).get_mut(&task) {
        entry.next_edit = next_edit;
    }
    Ok(())
}

fn key(task: TaskId) -> String {
    format!("progress:{task}")
}

/// How a task stands, with what can be done about it.
async fn message(
    gateway: &Gateway,
    task: TaskId,
    place: &Place,
    user: UserId,
) -> Result<(Note, Vec<wardroom_store::Write>), Wrong> {
    let found = gateway.crew.store.task(gateway.org(), task).await?;
    let Some(task) = found.map(|row| row.task) else {
        return Ok((Note::of("This task is gone."), Vec::new()));
    };
    let deed = match task.status {
        TaskStatus::Canceled | TaskStatus::Failed | TaskStatus::TimedOut => Some(Deed::Resume),
        TaskStatus::Succeeded => None,
        _ => Some(Deed::Stop),
    };
    let mut note = Note::of(words::task(&task));
    let mut writes = Vec::new();
    if let Some(deed) = deed {
        let offer = Offer {
            deed,
            subject: task.id.to_string(),
            person: Some(user),
            expires_at: gateway
                .crew
                .clock
                .now()
                .after(Duration::from_secs(7 * 24 * 3600)),
        };
        note.buttons = vec![vec![gateway.offer(place, offer, &mut writes)]];
    }
    Ok((note, writes))
}

/// Whether a person wants to see tasks at work; he does unless he says otherwise.
async fn wants_progress(gateway: &Gateway, user: UserId) -> Result<bool, Wrong> {
    let settings = crate::command::settings(gateway, user).await?;
    Ok(settings.progress)
}
