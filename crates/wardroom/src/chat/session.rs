//! One conversation: what is said, what is delegated, what comes back.

use super::commands::{self, After};
use super::crew::News;
use super::follow::{Decider, Heard, Watch};
use super::question::Put;
use super::screen::{Screen, state_line};
use crate::failure::{Exit, Failure};
use crate::machine::idempotency_key;
use crate::terminal::{Hush, Line, style, visible};
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use wardroom_api::client::{Client, EventStream};
use wardroom_api::message::PostMessage;
use wardroom_api::task::Task;
use wardroom_domain::{ConversationId, TaskStatus, WorkspaceId};

/// How long the coordinator may take to tell what came of tasks that have all ended: a slow
/// model's turn with its retries.
const REPORT_MAX: Duration = Duration::from_secs(300);

/// One conversation.
pub struct Session {
    pub watch: Watch,
    workspace: Option<WorkspaceId>,
    conversation: Option<ConversationId>,
    events: Option<EventStream>,
    last_reply: String,
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Everything that was delegated has been told.
    Told,
    /// Somebody has to decide first, and nobody here does.
    Blocked,
    /// Ctrl-C.
    Interrupted,
}

/// What `wardroom chat TEXT --json` prints.
#[derive(Serialize)]
struct Said {
    conversation: Option<ConversationId>,
    reply: String,
    tasks: Vec<Task>,
}

impl Session {
    /// A new conversation about a workspace.
    pub fn new(
        client: Client,
        workspace: Option<WorkspaceId>,
        decider: Decider,
        is_quiet: bool,
    ) -> Self {
        let watch = Watch::new(client, Screen::new(is_quiet), decider);
        Self {
            watch,
            workspace,
            conversation: None,
            events: None,
            last_reply: String::new(),
        }
    }

    /// Says something, and waits for the reply. Answers false where the person did not wait.
    pub async fn say(&mut self, text: &str) -> Result<bool, Failure> {
        let message = PostMessage {
            text: text.to_owned(),
            conversation: self.conversation,
            workspace: self.workspace.filter(|_| self.conversation.is_none()),
            files: Vec::new(),
        };
        let _hush = Hush::new();
        let mut stream = self
            .watch
            .client
            .stream_message(&message, &idempotency_key()?)?;
        loop {
            match self.watch.hear(&mut stream).await? {
                Heard::News(News::Said(message)) => self.last_reply = message.text,
                Heard::News(News::Asked(approval)) => {
                    self.watch.ask(*approval).await?;
                }
                Heard::News(News::Done(done)) => {
                    self.replied(done, stream.last_seq()).await?;
                    return Ok(true);
                }
                Heard::News(_) => {}
                Heard::End => return Ok(true),
                Heard::Interrupted => {
                    self.watch
                        .screen
                        .say("Not waiting any longer; the reply is kept.");
                    return Ok(false);
                }
            }
        }
    }

    /// Takes the end of a reply in: what was said, and what was delegated.
    async fn replied(
        &mut self,
        done: wardroom_api::event::Done,
        last_seq: Option<i64>,
    ) -> Result<(), Failure> {
        if let Some(error) = done.error {
            let hint = "Say it again, or see `wardroom doctor` if it happens again.";
            return Err(Failure::new(error, hint));
        }
        if let Some(reply) = done.reply
            && reply != self.last_reply
        {
            self.watch.screen.reply(&reply);
            self.last_reply = reply;
        }
        if let Some(conversation) = done.conversation
            && self.conversation != Some(conversation)
        {
            self.conversation = Some(conversation);
            let events = self
                .watch
                .client
                .conversation_events(conversation, last_seq)?;
            self.events = Some(events);
        }
        for id in done.tasks {
            self.watch.crew.learn(&self.watch.client.task(id).await?);
            self.watch.crew.expect(id);
            self.watch.tail(id)?;
        }
        Ok(())
    }

    /// Waits until everything that was delegated has been told.
    pub async fn wait(&mut self) -> Result<Waited, Failure> {
        let Some(mut events) = self.events.take() else {
            return Ok(Waited::Told);
        };
        let _hush = Hush::new();
        let waited = self.wait_for(&mut events).await;
        self.events = Some(events);
        self.watch.screen.erase();
        waited
    }

    async fn wait_for(&mut self, events: &mut EventStream) -> Result<Waited, Failure> {
        let mut all_ended_at = None;
        while self.watch.crew.awaited().next().is_some() {
            let is_all_ended = self.watch.crew.awaited().all(|m| m.status.is_terminal());
            let deadline = match is_all_ended {
                true => *all_ended_at.get_or_insert_with(Instant::now) + REPORT_MAX,
                false => {
                    all_ended_at = None;
                    Instant::now() + Duration::from_secs(86_400)
                }
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(heard) = timeout(left, self.watch.hear(events)).await else {
                self.tell_results().await?;
                return Ok(Waited::Told);
            };
            match heard? {
                Heard::News(News::Said(message)) => self.last_reply = message.text,
                Heard::News(News::Asked(approval)) => {
                    if self.watch.ask(*approval).await? == Put::Waits {
                        return Ok(Waited::Blocked);
                    }
                }
                Heard::News(_) => {}
                Heard::End => return Ok(Waited::Told),
                Heard::Interrupted => return Ok(Waited::Interrupted),
            }
        }
        Ok(Waited::Told)
    }

    /// Where the coordinator does not tell what came of its tasks, their results speak.
    async fn tell_results(&mut self) -> Result<(), Failure> {
        for id in self.watch.crew.give_up() {
            let task = self.watch.client.task(id).await?;
            let text = task.result.or(task.error).unwrap_or_default();
            self.watch.screen.reply(&text);
            self.last_reply = text;
        }
        Ok(())
    }

    /// `wardroom chat TEXT`: one thing said, everything that comes of it waited for.
    pub async fn once(&mut self, text: &str, as_json: bool) -> Result<Exit, Failure> {
        let waited = match self.say(text).await? {
            true => self.wait().await?,
            false => Waited::Interrupted,
        };
        let mut tasks = Vec::new();
        for id in self
            .watch
            .crew
            .all()
            .map(|member| member.id)
            .collect::<Vec<_>>()
        {
            tasks.push(self.watch.client.task(id).await?);
        }
        let is_good = tasks
            .iter()
            .all(|task| task.status == TaskStatus::Succeeded);
        if as_json {
            let reply = self.last_reply.clone();
            crate::output::json(&Said {
                conversation: self.conversation,
                reply,
                tasks,
            })?;
        }
        match waited {
            Waited::Told if is_good => Ok(Exit::Done),
            Waited::Told | Waited::Blocked | Waited::Interrupted => Ok(Exit::Refused),
        }
    }

    /// The interactive session, until the person leaves.
    pub async fn talk(&mut self) -> Result<Exit, Failure> {
        loop {
            let line = self.read_line().await;
            let text = match line {
                Line::Text(text) => text,
                Line::Interrupted => {
                    self.watch.screen.say("Leave with /quit or Ctrl-D.");
                    continue;
                }
                Line::Gone => return Ok(Exit::Done),
            };
            match self.turn(text.trim()).await {
                Ok(After::GoOn) => {}
                Ok(After::Leave) => return Ok(Exit::Done),
                // One request that failed does not end a conversation.
                Err(failure) => {
                    self.watch.screen.say("");
                    failure.tell();
                }
            }
        }
    }

    async fn turn(&mut self, text: &str) -> Result<After, Failure> {
        if text.is_empty() {
            return Ok(After::GoOn);
        }
        if let Some(command) = text.strip_prefix('/') {
            return commands::run(self, command).await;
        }
        if self.say(text).await? {
            self.wait_aloud().await?;
        }
        Ok(After::GoOn)
    }

    /// Waits, and says what goes on when the person stops waiting.
    pub async fn wait_aloud(&mut self) -> Result<(), Failure> {
        match self.wait().await? {
            Waited::Told => {}
            Waited::Blocked => self.watch.screen.say("/approvals asks again."),
            Waited::Interrupted => {
                let way = "The tasks go on. /wait watches them again, /cancel stops one.";
                self.watch.screen.say(way);
            }
        }
        Ok(())
    }

    /// The next line, with what happens meanwhile printed above it.
    async fn read_line(&mut self) -> Line {
        let Some(input) = self.watch.decider.input() else {
            return Line::Gone;
        };
        let mut line = input.line("you> ");
        loop {
            let Some(events) = &mut self.events else {
                return line.await.unwrap_or(Line::Gone);
            };
            let event = tokio::select! {
                line = &mut line => return line.unwrap_or(Line::Gone),
                event = events.next() => event,
            };
            match event {
                Ok(Some(event)) => self.hear_aside(event),
                Err(error) if error.is_transient() => {}
                Ok(None) | Err(_) => self.events = None,
            }
        }
    }

    /// Prints what happens while the person is writing.
    fn hear_aside(&mut self, event: wardroom_api::event::Event) {
        let text = match self.watch.crew.hear(event) {
            News::Moved(id) => match self.watch.crew.get(id) {
                Some(member) if member.status.is_terminal() => state_line(member),
                _ => return,
            },
            News::Said(message) => visible(&message.text).into_owned(),
            News::Asked(approval) if approval.decision.is_some() => {
                self.watch.waiting.remove(&approval.id);
                return;
            }
            News::Asked(approval) => {
                let ask = style::ASK;
                let text = format!("{ask}A decision waits: /approvals{ask:#}");
                self.watch.waiting.insert(approval.id, *approval);
                text
            }
            News::Quiet | News::Writing { .. } | News::Done(_) => return,
        };
        if let Some(input) = self.watch.decider.input() {
            input.print_above(&text);
        }
    }
}
