//! What people do to tasks from outside: begin, steer, stop, try again.

use crate::crew::Crew;
use crate::delegate::{Order, begin};
use crate::signals::kind;
use crate::{Wrong, accept, attach, drive};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wardroom_domain::{
    FileId, Labels, Origin, Principal, Priority, Role, Task, TaskId, TaskType, WorkspaceId, limits,
};
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
    /// 1 to 10.
    pub priority: Priority,
    /// The folder; the private one when nobody says.
    pub workspace: Option<WorkspaceId>,
    /// How long it may take.
    pub time_max: Option<Duration>,
    /// Uploads that go with it.
    pub files: Vec<FileId>,
}

/// Whether a person may see what belongs to another.
pub fn sees_all(by: &Principal) -> bool {
    by.role.is_at_least(Role::Operator)
}

/// A task that the person may see; anything else is not there.
pub async fn seen(crew: &Crew, by: &Principal, id: TaskId) -> Result<TaskRow, Wrong> {
    let found = crew.store.task(crew.org, id).await?;
    let seen = found.filter(|row| row.task.requester == by.user || sees_all(by));
    seen.ok_or(Wrong::missing("task"))
}

fn may_act(by: &Principal) -> Result<(), Wrong> {
    if by.role == Role::Viewer {
        return Err(Wrong::Forbidden(
            "a viewer reads; ask an admin for the role member".to_owned(),
        ));
    }
    Ok(())
}

/// Begins a task without the coordinator.
pub async fn create(
    crew: &Arc<Crew>,
    by: &Principal,
    direct: Direct,
    also: impl FnOnce(&Task) -> Vec<Write>,
) -> Result<Task, Wrong> {
    may_act(by)?;
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
    let workspace = accept::workspace_of(crew, by, direct.workspace).await?;
    let context = crew.context().await?;
    let order = Order {
        title: direct.title,
        text: direct.text,
        kind: direct.kind,
        requester: by.user,
        origin: Origin::Api,
        context,
        workspace: workspace.id,
        conversation: None,
        parent: None,
        batch: None,
        priority: direct.priority,
        time_max: direct.time_max.unwrap_or(limits::TASK_TIME_MAX),
        labels: Labels::owner(by.user),
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
        priority: old.priority,
        workspace: Some(old.workspace),
        time_max: None,
        files: Vec::new(),
    };
    create(crew, by, direct, |_| Vec::new()).await
}

/// Says something to a task; it hears it at its next boundary.
pub async fn tell(
    crew: &Arc<Crew>,
    by: &Principal,
    id: TaskId,
    text: &str,
    key: Option<&str>,
) -> Result<Task, Wrong> {
    may_act(by)?;
    let task = seen(crew, by, id).await?.task;
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
    let body = json!({"text": text, "by": by.user, "labels": labels});
    // The same key again is the same letter.
    let key = key.map(|key| format!("{}:{}:{key}", kind::TELL, by.user));
    send(crew, id, kind::TELL, body, key).await?;
    Ok(task)
}

/// Stops a task, in the middle of whatever it does. Stopping it twice does no harm.
pub async fn cancel(crew: &Arc<Crew>, by: &Principal, id: TaskId) -> Result<Task, Wrong> {
    may_act(by)?;
    let task = seen(crew, by, id).await?.task;
    if task.status.is_terminal() {
        return Err(Wrong::TooLate(format!(
            "{id} has ended already ({})",
            task.status
        )));
    }
    let body = json!({"why": format!("stopped by {}", by.name)});
    send(crew, id, kind::CANCEL, body, None).await?;
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
