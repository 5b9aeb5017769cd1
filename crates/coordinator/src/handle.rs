//! The coordinator's tools. None of them touches anything but rows of ours, and those of the one
//! commit that ends the turn.

use crate::converse::Turn;
use crate::delegate::{Order, begin, kind_of};
use crate::quota;
use crate::signals::kind;
use crate::wishes;
use serde_json::{Value, json};
use wardroom_domain::{
    AGENT_DEFAULT, FileId, Integrity, Labels, Mandate, Origin, Priority, Task, TaskId, TaskStatus,
    ToolCall, limits,
};
use wardroom_store::{Page, Signal, TaskFilter, Write};
use wardroom_tools::Seat;

/// Carries out one call. Answers whether it failed, and the text for the model.
pub(crate) async fn call(turn: &mut Turn, call: &ToolCall) -> (bool, String) {
    if let Err(fault) = turn.crew.tools().check(Seat::Coordinator, call) {
        return (true, fault.to_string());
    }
    let done = match call.tool.as_str() {
        "delegate" => delegate(turn, &call.arguments).await,
        "tell_task" => tell_task(turn, &call.arguments).await,
        "task_status" => task_status(turn, &call.arguments).await,
        "cancel_task" => cancel_task(turn, &call.arguments).await,
        other => Err(format!("`{other}` cannot be carried out here")),
    };
    match done {
        Ok(text) => (false, text),
        Err(text) => (true, text),
    }
}

fn text_of(arguments: &Value, name: &str) -> String {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

async fn delegate(turn: &mut Turn, arguments: &Value) -> Result<String, String> {
    if turn.tasks.len() >= limits::FAN_OUT_MAX {
        return Err(format!(
            "at most {} tasks from one message",
            limits::FAN_OUT_MAX
        ));
    }
    let listed = arguments
        .get("files")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let named: Vec<FileId> = listed
        .iter()
        .filter_map(|id| FileId::parse(id.as_str()?).ok())
        .collect();
    let counted = quota::task(&turn.crew, turn.by.user).await;
    counted.map_err(|wrong| wrong.to_string())?;
    let labels = turn.labels_of(&text_of(arguments, "instructions"));
    let order = Order {
        typed: Some(turn.typed.clone())
            .filter(|typed| !typed.is_empty())
            .into_iter()
            .collect(),
        mandate: mandate_of(turn, arguments)?,
        title: text_of(arguments, "title"),
        text: text_of(arguments, "instructions"),
        kind: kind_of(arguments),
        agent: agent_of(turn, arguments, &labels).await?,
        requester: turn.by.user,
        origin: Origin::Chat,
        context: turn.conversation.context,
        workspace: turn.conversation.workspace,
        conversation: Some(turn.conversation.id),
        parent: None,
        batch: Some(turn.batch.clone()),
        priority: Priority::NORMAL,
        time_max: limits::TASK_TIME_MAX,
        labels,
        files: if named.is_empty() {
            turn.files.clone()
        } else {
            named
        },
    };
    let (task, writes) = begin(&turn.crew, order);
    turn.writes.extend(writes);
    turn.tasks.push(task.id);
    turn.titles.push(task.title.clone());
    Ok(format!("begun as {} (\"{}\")", task.id, task.title))
}

/// Who is to do it: the agent that is named, if the org has one of that name. Words from outside
/// choose none.
async fn agent_of(turn: &Turn, arguments: &Value, labels: &Labels) -> Result<String, String> {
    let named = text_of(arguments, "agent");
    let named = named.trim();
    if named.is_empty() || named == AGENT_DEFAULT {
        return Ok(AGENT_DEFAULT.to_owned());
    }
    if labels.integrity == Integrity::External {
        return Err(format!(
            "this order came from outside, so it goes to `{AGENT_DEFAULT}`: name no other agent"
        ));
    }
    let policy = turn.crew.policy_now().await;
    let policy = policy.map_err(|wrong| wrong.to_string())?;
    if policy.agents().any(|known| known == named) {
        return Ok(named.to_owned());
    }
    let known: Vec<_> = policy
        .agents()
        .filter(|known| *known != AGENT_DEFAULT)
        .collect();
    Err(match known.is_empty() {
        true => format!("there is no agent `{named}` here, and no other to name: leave it out"),
        false => format!(
            "there is no agent `{named}` here: name one of {}, or leave it out",
            known.join(", ")
        ),
    })
}

/// What the work is to do with the world, if the coordinator fixed it; only from typed words.
fn mandate_of(turn: &Turn, arguments: &Value) -> Result<Option<Mandate>, String> {
    let Some(given) = arguments.get("mandate").filter(|given| !given.is_null()) else {
        return Ok(None);
    };
    let mandate: Mandate = serde_json::from_value(given.clone())
        .map_err(|fault| format!("the mandate does not fit: {fault}"))?;
    let tools = turn.crew.tools();
    let known = |tool: &str| {
        let found = tools.get(tool);
        found.is_some_and(|tool| tool.seat == Seat::Executor)
    };
    wishes::check(&mandate, &[turn.typed.as_str()], &known)?;
    Ok(Some(mandate))
}

async fn mine(turn: &Turn, arguments: &Value) -> Result<Task, String> {
    let id = TaskId::parse(&text_of(arguments, "task_id")).map_err(|error| error.to_string())?;
    let found = turn
        .crew
        .store
        .task(turn.crew.org, id)
        .await
        .map_err(|error| error.to_string())?;
    let mine = found.filter(|row| row.task.requester == turn.by.user);
    mine.map(|row| row.task)
        .ok_or_else(|| format!("there is no task {id}"))
}

async fn tell_task(turn: &mut Turn, arguments: &Value) -> Result<String, String> {
    let task = mine(turn, arguments).await?;
    if task.status.is_terminal() {
        return Err(format!(
            "{} has ended ({}); begin a new one",
            task.id, task.status
        ));
    }
    let text = text_of(arguments, "text");
    let labels = turn.labels_of(&text);
    let body = json!({"text": text, "by": turn.by.user, "labels": labels, "typed": turn.typed});
    turn.writes.push(letter(turn, task.id, kind::TELL, body));
    Ok(format!("{} hears it at its next step", task.id))
}

async fn cancel_task(turn: &mut Turn, arguments: &Value) -> Result<String, String> {
    let task = mine(turn, arguments).await?;
    if task.status.is_terminal() {
        return Err(format!("{} has ended already ({})", task.id, task.status));
    }
    let body = json!({"why": format!("stopped by {} in chat", turn.by.name)});
    turn.writes.push(letter(turn, task.id, kind::CANCEL, body));
    Ok(format!("{} is being stopped", task.id))
}

fn letter(turn: &Turn, task: TaskId, kind: &str, body: Value) -> Write {
    let dedup_key = format!("{kind}:{}", turn.crew.nonce());
    Write::Signal(Signal {
        task,
        dedup_key,
        kind: kind.to_owned(),
        body,
        at: turn.crew.clock.now(),
    })
}

async fn task_status(turn: &Turn, arguments: &Value) -> Result<String, String> {
    if !text_of(arguments, "task_id").is_empty() {
        return mine(turn, arguments).await.map(|task| line(&task));
    }
    let filter = TaskFilter {
        requester: Some(turn.by.user),
        ..TaskFilter::default()
    };
    let page = Page {
        limit: Some(20),
        cursor: None,
    };
    let tasks = turn.crew.store.tasks(turn.crew.org, &filter, &page).await;
    let tasks = tasks.map_err(|error| error.to_string())?.items;
    let lines: Vec<_> = tasks.iter().map(|row| line(&row.task)).collect();
    Ok(if lines.is_empty() {
        "there are no tasks".to_owned()
    } else {
        lines.join("\n")
    })
}

fn line(task: &Task) -> String {
    let detail = match task.status {
        TaskStatus::Succeeded => task.result.clone().unwrap_or_default(),
        status if status.is_terminal() => task.error.clone().unwrap_or_default(),
        _ => format!("{}% {}", task.progress.percent, task.progress.note),
    };
    let detail: String = detail.chars().take(300).collect();
    format!("{} \"{}\" {}: {detail}", task.id, task.title, task.status)
}
