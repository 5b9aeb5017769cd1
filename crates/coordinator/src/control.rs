//! What people do to tasks from outside: begin, steer, stop, try again.

use crate::crew::Crew;
use crate::delegate::{Order, begin};
use crate::signals::kind;
use crate::{Wrong, accept, attach, drive, quota};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wardroom_domain::{
    AGENT_DEFAULT, Capability, Conversation, FileId, Labels, Origin, Principal, Priority, Task,
    TaskId, TaskType, Waymark, WorkspaceId, limits,
};
use wardroom_engine::Fact;
use wardroom_store::{Signal, TaskRow, Write};

/// A task as a person asks for it directly.
#[derive(Clone, Debug)]
pub struct Direct {
    /// A short name; made from the text when empty.
    pub title: String,
    /// What is to be done.
    pub text: String,
    /// What kind of work it is.
    pub kind: TaskType,
    /// Which of the crew is to do it; nobody in particular when it is not said.
    pub agent: Option<String>,
    /// 1 to 10.
    pub priority: Priority,
    /// The folder; the private one when nobody says.
    pub workspace: Option<WorkspaceId>,
    /// How long it may take.
    pub time_max: Option<Duration>,
    /// Uploads that go with it.
    pub files: Vec<FileId>,
}

/// Whether somebody oversees the tasks of others in this folder and channel: by his role, and where
/// his role holds.
pub(crate) async fn oversees(
    crew: &Crew,
    by: &Principal,
    capability: Capability,
    task: &Task,
) -> Result<bool, Wrong> {
    if !by.may(capability) {
        return Ok(false);
    }
    let scopes = crew.store.scopes(crew.org, by.user).await?;
    Ok(scopes.miss(&task.place()).is_none())
}

/// A task that the person may see; anything else is not there.
pub async fn seen(crew: &Crew, by: &Principal, id: TaskId) -> Result<TaskRow, Wrong> {
    let row = crew.store.task(crew.org, id).await?;
    let row = row.ok_or(Wrong::missing("task"))?;
    let is_seen = row.task.requester == by.user
        || oversees(crew, by, Capability::SeeOthers, &row.task).await?;
    match is_seen {
        true => Ok(row),
        false => Err(Wrong::missing("task")),
    }
}

/// A task that the person sees and may steer.
async fn steered(crew: &Crew, by: &Principal, id: TaskId) -> Result<TaskRow, Wrong> {
    let row = seen(crew, by, id).await?;
    let is_own = row.task.requester == by.user;
    by.require(match is_own {
        true => Capability::SteerOwn,
        false => Capability::SteerOthers,
    })?;
    Ok(row)
}

/// Refuses those who only read.
pub(crate) fn may_act(by: &Principal) -> Result<(), Wrong> {
    Ok(by.require(Capability::SteerOwn)?)
}

/// Begins a task without the coordinator.
pub async fn create(
    crew: &Arc<Crew>,
    by: &Principal,
    direct: Direct,
    also: impl FnOnce(&Task) -> Vec<Write>,
) -> Result<Task, Wrong> {
    create_in(crew, by, direct, None, also).await
}

/// The same, in a conversation that hears of its end.
pub(crate) async fn create_in(
    crew: &Arc<Crew>,
    by: &Principal,
    direct: Direct,
    place: Option<&Conversation>,
    also: impl FnOnce(&Task) -> Vec<Write>,
) -> Result<Task, Wrong> {
    let said = (vec![direct.text.clone()], Labels::owner(by.user));
    create_as(crew, by, direct, said, place, also).await
}

/// Begins a task from words that may not be the person's own, with what he typed himself.
async fn create_as(
    crew: &Arc<Crew>,
    by: &Principal,
    direct: Direct,
    (typed, labels): (Vec<String>, Labels),
    place: Option<&Conversation>,
    also: impl FnOnce(&Task) -> Vec<Write>,
) -> Result<Task, Wrong> {
    by.require(Capability::BeginTasks)?;
    if direct.text.trim().is_empty() {
        return Err(Wrong::Unfit(
            "the task is empty; say what is to be done".to_owned(),
        ));
    }
    if direct.text.len() > limits::MESSAGE_BYTES_MAX {
        return Err(Wrong::Unfit(format!(
            "the text has {} bytes, the most is {}",
            direct.text.len(),
            limits::MESSAGE_BYTES_MAX
        )));
    }
    attach::check(crew, by, &direct.files).await?;
    let text = crew.redactor.redact(&direct.text).into_owned();
    let typed: Vec<String> = typed
        .iter()
        .map(|text| crew.redactor.redact(text).into_owned())
        .collect();
    let workspace = accept::workspace_of(crew, by, direct.workspace).await?;
    let context = match place {
        Some(place) => place.context,
        None => crew.context().await?,
    };
    quota::task(crew, by.user).await?;
    let order = Order {
        title: direct.title,
        text,
        kind: direct.kind,
        agent: direct.agent.unwrap_or_else(|| AGENT_DEFAULT.to_owned()),
        requester: by.user,
        origin: place.map_or(Origin::Api, |_| Origin::Chat),
        context,
        workspace: workspace.id,
        conversation: place.map(|place| place.id),
        parent: None,
        // Its own batch: the conversation is told of it when it has ended.
        batch: place.map(|_| format!("command:{}", crew.nonce())),
        priority: direct.priority,
        time_max: direct.time_max.unwrap_or(limits::TASK_TIME_MAX),
        labels,
        typed,
        mandate: None,
        files: direct.files,
    };
    let (task, mut writes) = begin(crew, order);
    writes.extend(also(&task));
    crew.commit(writes).await?;
    Ok(task)
}

/// Makes a new task from one that has ended.
pub async fn retry(crew: &Arc<Crew>, by: &Principal, id: TaskId) -> Result<Task, Wrong> {
    let old = seen(crew, by, id).await?.task;
    if old.requester != by.user {
        return Err(Wrong::Forbidden(
            "only the person who asked for a task can ask for it again".to_owned(),
        ));
    }
    if !old.status.is_terminal() {
        return Err(Wrong::NotEnded(format!(
            "{id} has not ended ({}); stop it first",
            old.status
        )));
    }
    let direct = Direct {
        title: old.title,
        text: old.text,
        kind: old.kind,
        agent: Some(old.agent),
        priority: old.priority,
        workspace: Some(old.workspace),
        time_max: None,
        files: Vec::new(),
    };
    let typed = typed_for(crew, id).await?;
    // Who heard of the first one hears of this one.
    let place = match old.conversation {
        Some(id) => crew.store.conversation(crew.org, id).await?,
        None => None,
    };
    let from = (typed, old.labels);
    create_as(crew, by, direct, from, place.as_ref(), |_| Vec::new()).await
}

/// What the requester typed himself for a task.
async fn typed_for(crew: &Crew, id: TaskId) -> Result<Vec<String>, Wrong> {
    let journal = crew.store.journal(crew.org, id, 0).await?;
    let facts = journal
        .into_iter()
        .filter_map(|entry| serde_json::from_value(entry.body).ok());
    let typed = facts.filter_map(|fact| match fact {
        Fact::Typed { text, .. } => Some(text),
        _ => None,
    });
    Ok(typed.collect())
}

/// Says something to a task; it hears it at its next boundary.
pub async fn tell(
    crew: &Arc<Crew>,
    by: &Principal,
    id: TaskId,
    text: &str,
    key: Option<&str>,
) -> Result<Task, Wrong> {
    let task = steered(crew, by, id).await?.task;
    if task.status.is_terminal() {
        return Err(Wrong::TooLate(format!(
            "{id} has ended ({}); begin a new one",
            task.status
        )));
    }
    if text.trim().is_empty() {
        return Err(Wrong::Unfit("say something".to_owned()));
    }
    let labels = if by.user == task.requester {
        Labels::owner(by.user)
    } else {
        Labels::external()
    };
    let text = crew.redactor.redact(text);
    let body = json!({"text": text, "by": by.user, "labels": labels, "typed": text});
    // The same key again is the same letter.
    let key = key.map(|key| format!("{}:{}:{key}", kind::TELL, by.user));
    send(crew, id, kind::TELL, body, key).await?;
    Ok(task)
}

/// Stops a task, in the middle of whatever it does. Stopping it twice does no harm.
pub async fn cancel(crew: &Arc<Crew>, by: &Principal, id: TaskId) -> Result<Task, Wrong> {
    let task = steered(crew, by, id).await?.task;
    if task.status.is_terminal() {
        return Err(Wrong::TooLate(format!(
            "{id} has ended already ({})",
            task.status
        )));
    }
    let body = json!({"why": format!("stopped by {}", by.name)});
    send(crew, id, kind::CANCEL, body, None).await?;
    Waymark::CancelCommit.reached().await;
    stop_now(crew, id).await?;
    Ok(seen(crew, by, id).await?.task)
}

async fn send(
    crew: &Crew,
    task: TaskId,
    kind: &str,
    body: Value,
    key: Option<String>,
) -> Result<(), Wrong> {
    let at = crew.clock.now();
    let dedup_key = key.unwrap_or_else(|| format!("{kind}:{}", crew.nonce()));
    crew.commit(vec![Write::Signal(Signal {
        task,
        dedup_key,
        kind: kind.to_owned(),
        body,
        at,
    })])
    .await?;
    Ok(())
}

/// A task that no worker holds is taken up at once, without waiting for a slot: it only has to
/// read its mail.
pub(crate) async fn stop_now(crew: &Arc<Crew>, task: TaskId) -> Result<(), Wrong> {
    if let Some(row) = crew
        .store
        .claim_task(crew.org, task, crew.claim_request(1))
        .await?
    {
        drive::drive(crew.clone(), row).await;
    }
    Ok(())
}
