//! The slash commands of a conversation.

use super::session::Session;
use crate::failure::Failure;
use crate::terminal::{painted, visible};
use wardroom_api::approval::ApprovalFilter;
use wardroom_api::task::TellTask;
use wardroom_domain::TaskId;

const HELP: &str = "\
/tasks          how the tasks of this conversation stand
/wait           watch the tasks that are at work (Ctrl-C stops watching, not working)
/cancel [ID]    stop a task
/tell ID TEXT   steer a task at its next step
/diff [ID]      show what a task changed
/undo [ID]      take back what a task applied
/approvals      decide what waits
/quit           leave; everything goes on
An ID may be cut to its last characters; without one, the latest task is meant.";

/// What follows a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next line.
    GoOn,
    /// The end of the session.
    Leave,
}

/// Does what a command asks; `command` is without its slash.
pub async fn run(session: &mut Session, command: &str) -> Result<After, Failure> {
    let (verb, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let rest = rest.trim();
    match verb {
        "help" | "?" => session.watch.screen.say(HELP),
        "quit" | "exit" | "q" => return Ok(After::Leave),
        "tasks" => tasks(session),
        "wait" => session.wait_aloud().await?,
        "cancel" => {
            let id = which(session, rest)?;
            let task = session.watch.client.cancel_task(id).await?;
            session
                .watch
                .screen
                .say(&format!("{id} is {}.", task.status));
        }
        "tell" => tell(session, rest).await?,
        "diff" => diff(session, rest).await?,
        "undo" => undo(session, rest).await?,
        "approvals" => approvals(session).await?,
        other => session
            .watch
            .screen
            .say(&format!("There is no /{}. See /help.", visible(other))),
    }
    Ok(After::GoOn)
}

/// The task that is meant: a whole id, the end of one, or none for the latest.
fn which(session: &Session, text: &str) -> Result<TaskId, Failure> {
    let hint = "See /tasks.";
    if text.is_empty() {
        let latest = session.watch.crew.latest();
        return latest.ok_or_else(|| Failure::new("there is no task yet", hint));
    }
    if let Ok(id) = TaskId::parse(text) {
        return Ok(id);
    }
    let end = text.to_ascii_uppercase();
    let mut found = session
        .watch
        .crew
        .all()
        .filter(|member| member.id.to_string().ends_with(&end));
    match (found.next(), found.next()) {
        (Some(member), None) => Ok(member.id),
        (None, _) => Err(Failure::new(
            format!("no task of this conversation ends in `{text}`"),
            hint,
        )),
        (Some(_), Some(_)) => Err(Failure::new(format!("several tasks end in `{text}`"), hint)),
    }
}

fn tasks(session: &mut Session) {
    let lines: Vec<String> = session
        .watch
        .crew
        .all()
        .map(super::screen::state_line)
        .collect();
    match lines.is_empty() {
        true => session.watch.screen.say("No tasks yet."),
        false => session.watch.screen.say(&lines.join("\n")),
    }
}

async fn tell(session: &mut Session, rest: &str) -> Result<(), Failure> {
    let Some((id, text)) = rest.split_once(char::is_whitespace) else {
        return Err(Failure::new(
            "/tell takes an id and a text",
            "Such as: /tell 3F2K use Python.",
        ));
    };
    let id = which(session, id)?;
    let tell = TellTask {
        text: text.trim().to_owned(),
    };
    session.watch.client.tell_task(id, &tell).await?;
    session.watch.screen.say("It hears that at its next step.");
    Ok(())
}

async fn diff(session: &mut Session, rest: &str) -> Result<(), Failure> {
    let diff = session.watch.client.diff(which(session, rest)?).await?;
    if diff.changes.is_empty() {
        session.watch.screen.say("This task changed nothing.");
        return Ok(());
    }
    if let Some(input) = session.watch.decider.input() {
        input.page(&painted(&diff.text)).await;
    }
    Ok(())
}

async fn undo(session: &mut Session, rest: &str) -> Result<(), Failure> {
    let undone = session.watch.client.undo(which(session, rest)?).await?;
    let paths: Vec<_> = undone
        .changes
        .iter()
        .map(|change| visible(&change.path))
        .collect();
    session
        .watch
        .screen
        .say(&format!("As it was before: {}.", paths.join(", ")));
    Ok(())
}

async fn approvals(session: &mut Session) -> Result<(), Failure> {
    let filter = ApprovalFilter {
        waiting: Some(true),
        ..Default::default()
    };
    let waiting = session.watch.client.approvals(&filter).await?.approvals;
    if waiting.is_empty() {
        session.watch.screen.say("Nothing waits for a decision.");
    }
    for approval in waiting {
        session.watch.ask(approval).await?;
    }
    Ok(())
}
