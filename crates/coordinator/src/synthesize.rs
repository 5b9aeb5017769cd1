//! What delegated tasks came to is told in one reply, when the last of them has ended.

use crate::accept::Replied;
use crate::converse::{Turn, said};
use crate::delegate::told;
use crate::{Wrong, assemble, mint, quota};
use wardroom_domain::{Inbound, Message, MessageId, Speaker, Task, TaskId, limits};
use wardroom_llm::message::ModelRequest;
use wardroom_store::{Admit, CommitError, Conflict, InboxDone, InboxRow, Page, TaskFilter, Write};

/// The connector under which a batch is answered once.
const BATCH: &str = "batch";

/// An ended task knocks. Unless others of its batch are still at work, their results are told.
pub(crate) async fn results(mut turn: Turn, row: &InboxRow) -> Result<Replied, Wrong> {
    let crew = turn.crew.clone();
    let nothing = Replied {
        conversation: row.conversation,
        message: None,
        tasks: Vec::new(),
    };
    let id = TaskId::parse(&row.inbound.external_id).map_err(|_| Wrong::missing("task"))?;
    let task = crew
        .store
        .task(crew.org, id)
        .await?
        .ok_or(Wrong::missing("task"))?;
    let batch = task
        .batch
        .clone()
        .unwrap_or_else(|| row.inbound.external_id.clone());
    let filter = TaskFilter {
        batch: Some(batch.clone()),
        ..TaskFilter::default()
    };
    let page = Page {
        limit: Some(limits::PAGE_ROWS_MAX),
        cursor: None,
    };
    let mut tasks: Vec<Task> = crew
        .store
        .tasks(crew.org, &filter, &page)
        .await?
        .items
        .into_iter()
        .map(|row| row.task)
        .collect();
    tasks.sort_by_key(|task| (task.created_at, task.id));
    if tasks.iter().any(|task| !task.status.is_terminal()) {
        crew.commit(vec![done(&row.inbound.connector, &row.inbound.external_id)])
            .await?;
        return Ok(nothing);
    }
    turn.tasks = tasks.iter().map(|task| task.id).collect();
    turn.labels = tasks.iter().fold(turn.labels.clone(), |labels, task| {
        labels.join(&task.labels)
    });
    turn.writes.extend(once(&turn, &batch));
    let listed = list(&tasks);
    turn.writes
        .extend(said(&crew, results_message(&turn, listed.clone())));
    let text = match quota::before_model(&crew, turn.by.user).await? {
        // Without a model the results are told as they are.
        Some(_) => listed,
        None => tell(&mut turn, &listed).await.unwrap_or(listed),
    };
    match turn.finish(text, row).await {
        // Another ended task of the batch was first; its reply tells of this one too.
        Err(Wrong::Commit(CommitError::Refused(Conflict::Duplicate(_)))) => {
            crew.commit(vec![done(&row.inbound.connector, &row.inbound.external_id)])
                .await?;
            Ok(nothing)
        }
        other => other,
    }
}

/// A batch is a delivery of its own, so that it is answered once.
fn once(turn: &Turn, batch: &str) -> [Write; 2] {
    let inbound = Inbound {
        connector: BATCH.to_owned(),
        external_id: batch.to_owned(),
        text: String::new(),
        files: Vec::new(),
    };
    let (conversation, user, at) = (turn.conversation.id, turn.by.user, turn.crew.clock.now());
    [
        Write::Admit(Admit {
            inbound,
            conversation,
            user,
            at,
        }),
        done(BATCH, batch),
    ]
}

fn done(connector: &str, external_id: &str) -> Write {
    let (connector, external_id) = (connector.to_owned(), external_id.to_owned());
    Write::InboxDone(InboxDone {
        connector,
        external_id,
        reply: None,
    })
}

fn list(tasks: &[Task]) -> String {
    let lines = tasks.iter().map(|task| {
        let (_, text) = told(task);
        let applied = match task.applied {
            Some(true) => format!(
                "\nIts changes were applied. Undo: wardroom task undo {}",
                task.id
            ),
            Some(false) => "\nIts changes were not applied.".to_owned(),
            None => String::new(),
        };
        format!(
            "**{}** ({}, {})\n{text}{applied}",
            task.title, task.id, task.status
        )
    });
    lines.collect::<Vec<_>>().join("\n\n")
}

fn results_message(turn: &Turn, text: String) -> Message {
    Message {
        id: mint!(turn.crew.clock, MessageId),
        conversation: turn.conversation.id,
        seq: 0,
        speaker: Speaker::Task,
        text,
        tasks: turn.tasks.clone(),
        files: Vec::new(),
        labels: turn.labels.clone(),
        at: turn.crew.clock.now(),
    }
}

/// The coordinator's words about the results; none if no model answers, and then the plain list
/// is the reply.
async fn tell(turn: &mut Turn, listed: &str) -> Option<String> {
    let crew = turn.crew.clone();
    let id = turn.conversation.id;
    let mut history = crew
        .store
        .recent_messages(crew.org, id, limits::CONVERSATION_BYTES_MAX)
        .await
        .ok()?;
    history.push(results_message(turn, listed.to_owned()));
    let nonce = crew.nonce();
    let request = assemble::conversation(
        &history,
        Vec::new(),
        Vec::new(),
        &crew.tools(),
        &[],
        &nonce,
        crew.clock.now(),
    );
    let request = ModelRequest {
        tools: Vec::new(),
        ..request
    };
    let conversed = turn.speak(request).await.ok()?;
    Some(conversed.reply.text).filter(|text| !text.trim().is_empty())
}
