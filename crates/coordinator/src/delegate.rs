//! Words become tasks: from the coordinator, from another task, from the API.

use crate::authorize::{outcome, refused};
use crate::crew::Crew;
use crate::run::Run;
use crate::{Wrong, mint, quota, wishes};
use serde_json::{Value, json};
use std::time::Duration;
use wardroom_domain::{
    AuditKind, Chain, ContextId, ConversationId, FileId, Inbound, Integrity, Labels, Mandate,
    Origin, Priority, Progress, RiskTier, Task, TaskId, TaskStatus, TaskType, ToolCall, UserId,
    WorkspaceId, limits,
};
use wardroom_engine::{Fact, Judgement, Life};
use wardroom_policy::sanitize;
use wardroom_store::{AT_ONCE, CreateTask, Feed, Journal, Write};

/// The connector under which results come back to a conversation.
pub(crate) const RESULTS: &str = "task";

/// What is to be done, for whom, where.
#[derive(Clone, Debug)]
pub struct Order {
    /// A short name; made from the text when empty.
    pub title: String,
    /// What is to be done.
    pub text: String,
    /// What kind of work it is.
    pub kind: TaskType,
    /// Which of the crew is to do it.
    pub agent: String,
    /// For whom.
    pub requester: UserId,
    /// Through which door.
    pub origin: Origin,
    /// The channel.
    pub context: ContextId,
    /// The folder.
    pub workspace: WorkspaceId,
    /// The conversation that awaits the result.
    pub conversation: Option<ConversationId>,
    /// The task that spawned it, with its depth.
    pub parent: Option<(TaskId, u32)>,
    /// The tasks whose results are told together.
    pub batch: Option<String>,
    /// 1 to 10.
    pub priority: Priority,
    /// How long it may take.
    pub time_max: Duration,
    /// Where the words came from.
    pub labels: Labels,
    /// What the requester typed himself that led to it.
    pub typed: Vec<String>,
    /// What it is to do with the world, fixed from those words.
    pub mandate: Option<Mandate>,
    /// Uploads that go with it.
    pub files: Vec<FileId>,
}

/// The rows that begin a task.
pub(crate) fn begin(crew: &Crew, order: Order) -> (Task, Vec<Write>) {
    let now = crew.clock.now();
    let (known, labels) = (known_from_the_start(&order), labels_of(&order));
    let id = mint!(crew.clock, TaskId);
    let depth = order.parent.map_or(0, |(_, depth)| depth + 1);
    let deadline = now.after(order.time_max);
    let task = Task {
        id,
        status: TaskStatus::Queued,
        kind: order.kind,
        title: title_of(&order),
        text: order.text,
        requester: order.requester,
        origin: order.origin,
        context: order.context,
        workspace: order.workspace,
        conversation: order.conversation,
        parent: order.parent.map(|(parent, _)| parent),
        agent: order.agent,
        tier: RiskTier::default(),
        priority: order.priority,
        progress: Progress::default(),
        result: None,
        error: None,
        applied: None,
        labels,
        deadline,
        created_at: now,
        updated_at: now,
    };
    let life = Life {
        files: order.files,
        ..Life::new(id, deadline)
    };
    let snapshot = serde_json::to_value(life).unwrap_or_default();
    let ready_at = Some(AT_ONCE);
    let created = CreateTask {
        task: task.clone(),
        depth,
        snapshot,
        ready_at,
        batch: order.batch,
    };
    let body = json!({"title": task.title, "type": task.kind, "origin": task.origin, "parent": task.parent,
        "workspace": task.workspace, "text": wardroom_domain::Digest::of(&task.text)});
    let mut writes = vec![
        Write::CreateTask(created),
        crew.audit(
            Chain::Task(id),
            AuditKind::TaskCreated,
            task.requester,
            None,
            body,
        ),
    ];
    writes.extend(known.into_iter().map(|fact| journal(id, &fact)));
    let data = json!({"task": id, "status": task.status, "title": task.title});
    let streams = [
        Some(id.to_string()),
        task.conversation
            .map(|conversation| conversation.to_string()),
    ];
    for stream in streams.into_iter().flatten() {
        writes.push(Write::Feed(Feed {
            stream,
            event: "status".into(),
            at: now,
            data: data.clone(),
        }));
    }
    (task, writes)
}

/// An upload is somebody's file: whatever stands in it came from outside, and only its requester
/// gave it.
fn labels_of(order: &Order) -> Labels {
    match order.files.is_empty() {
        true => order.labels.clone(),
        false => order.labels.join(&Labels::external()),
    }
}

/// The first lines of a task's journal: whose words it follows, and what they allow it.
fn known_from_the_start(order: &Order) -> Vec<Fact> {
    let by = order.requester;
    let typed = order.typed.iter().cloned();
    let mut facts: Vec<Fact> = typed.map(|text| Fact::Typed { text, by }).collect();
    let mandate = order.mandate.clone();
    facts.extend(mandate.map(|mandate| Fact::Foreseen { mandate }));
    facts
}

fn journal(task: TaskId, fact: &Fact) -> Write {
    let body = serde_json::to_value(fact).unwrap_or_default();
    let kind = body["fact"].as_str().unwrap_or("fact").to_owned();
    Write::Journal(Journal {
        task,
        fence: 0,
        kind,
        body,
    })
}

fn title_of(order: &Order) -> String {
    let source = if order.title.trim().is_empty() {
        &order.text
    } else {
        &order.title
    };
    source
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(80)
        .collect()
}

/// A task spawns another: same agent, requester, workspace and context, never more.
pub(crate) async fn spawn(run: &mut Run, call: &ToolCall) -> Result<Judgement, Wrong> {
    if run.depth + 1 > limits::TASK_DEPTH_MAX {
        let text = format!(
            "tasks may spawn tasks only {} deep; do this part yourself",
            limits::TASK_DEPTH_MAX
        );
        return Ok(refused(run, text, Value::Null));
    }
    let spawned = run
        .life
        .lines
        .iter()
        .filter(|line| line.call.tool == "spawn_task")
        .count();
    if spawned > limits::FAN_OUT_MAX {
        let text = format!(
            "at most {} tasks at once; do them one after another",
            limits::FAN_OUT_MAX
        );
        return Ok(refused(run, text, Value::Null));
    }
    if let Err(Wrong::Limited { why, .. }) = quota::task(&run.crew, run.task.requester).await {
        return Ok(refused(run, why, Value::Null));
    }
    let order = Order {
        typed: typed_for_a_child(run),
        mandate: None,
        title: String::new(),
        text: call.arguments["instructions"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        kind: kind_of(&call.arguments),
        agent: run.task.agent.clone(),
        requester: run.task.requester,
        origin: Origin::Subtask,
        context: run.task.context,
        workspace: run.task.workspace,
        conversation: run.task.conversation,
        parent: Some((run.task.id, run.depth)),
        batch: None,
        priority: run.task.priority,
        time_max: run.task.deadline.since(run.crew.clock.now()),
        labels: run.task.labels.clone(),
        files: Vec::new(),
    };
    let (task, writes) = begin(&run.crew, order);
    run.writes.extend(writes);
    Ok(Judgement::Spawn { child: task.id })
}

/// A task that has read something from outside may have been told to spawn another: its child does
/// not speak with the person's voice.
fn typed_for_a_child(run: &Run) -> Vec<String> {
    if run.task.labels.integrity == Integrity::External {
        return Vec::new();
    }
    wishes::texts(run).into_iter().map(str::to_owned).collect()
}

pub(crate) fn kind_of(arguments: &Value) -> TaskType {
    let word = arguments.get("type").and_then(Value::as_str);
    word.and_then(TaskType::parse).unwrap_or(TaskType::General)
}

/// An ended task, told to whoever spawned it.
pub(crate) fn told(task: &Task) -> (bool, String) {
    match (&task.result, &task.error) {
        (Some(result), _) => (false, result.clone()),
        (None, Some(error)) => (true, format!("{}: {error}", task.status)),
        (None, None) => (true, task.status.to_string()),
    }
}

/// An ended task, as a delivery to its conversation.
pub(crate) fn result_of(task: &Task) -> Inbound {
    Inbound {
        connector: RESULTS.to_owned(),
        external_id: task.id.to_string(),
        text: String::new(),
        files: Vec::new(),
    }
}

/// What a spawned task came to, for its parent's model.
pub(crate) fn child_outcome(run: &Run, body: &Value) -> wardroom_domain::Outcome {
    let is_error = body["is_error"].as_bool().unwrap_or(true);
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    let labels = serde_json::from_value(body["labels"].clone());
    let mut heard = outcome(run, is_error, text, Value::Null);
    heard.labels = heard
        .labels
        .join(&labels.unwrap_or_else(|_| Labels::external()));
    heard.text = sanitize::plain(&heard.text);
    heard
}
