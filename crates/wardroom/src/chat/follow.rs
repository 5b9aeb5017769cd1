//! Watching work until it ends, asking on the way what has to be asked.

use super::crew::{Crew, News};
use super::question::{self, Put};
use super::screen::Screen;
use crate::failure::Failure;
use crate::terminal::{Hush, Input, is_interactive};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use wardroom_api::approval::Approval;
use wardroom_api::client::{Client, EventStream};
use wardroom_api::event::{Event, EventBody};
use wardroom_domain::{ApprovalId, Digest, TaskId};

/// How often the wheel turns.
const TICK: Duration = Duration::from_millis(120);
/// How long a server may be gone before we give up: a restart with recovery fits in.
const LOST_MAX: Duration = Duration::from_secs(60);

/// What was heard.
#[derive(Debug)]
pub enum Heard {
    /// News of the work.
    News(News),
    /// The stream's subject has ended.
    End,
    /// Ctrl-C.
    Interrupted,
}

/// Who answers questions here.
pub enum Decider {
    /// The person at the terminal.
    Person(Input),
    /// Nobody: questions are shown and left open.
    Nobody,
    /// A yes to everything, for a rehearsal in a folder of its own.
    AlwaysYes,
}

impl Decider {
    /// The person at the terminal, if there is one.
    pub fn at_terminal() -> Result<Self, Failure> {
        match is_interactive() {
            true => Ok(Self::Person(Input::start(None)?)),
            false => Ok(Self::Nobody),
        }
    }

    /// The line editor, where a person sits at one.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self {
            Self::Person(input) => Some(input),
            Self::Nobody | Self::AlwaysYes => None,
        }
    }
}

/// How many pieces of output wait to be shown; older ones are of no interest.
const TAILS_MAX: usize = 64;

/// One who watches: what he knows, what he has drawn, what still waits for a person.
pub struct Watch {
    pub client: Client,
    pub screen: Screen,
    pub crew: Crew,
    pub decider: Decider,
    /// Questions that were left open.
    pub waiting: BTreeMap<ApprovalId, Approval>,
    lost_since: Option<Instant>,
    tails: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    tailed: BTreeSet<TaskId>,
    /// What was approved without asking a person: once each, so that nothing goes in circles.
    approved: BTreeSet<Digest>,
}

impl Watch {
    /// For one conversation or task.
    pub fn new(client: Client, screen: Screen, decider: Decider) -> Self {
        Self {
            client,
            screen,
            crew: Crew::default(),
            decider,
            waiting: BTreeMap::new(),
            lost_since: None,
            tails: mpsc::channel(TAILS_MAX),
            tailed: BTreeSet::new(),
            approved: BTreeSet::new(),
        }
    }

    /// Shows what the tools of a task say while they run: a conversation's own stream tells only
    /// where its tasks stand.
    pub fn tail(&mut self, id: TaskId) -> Result<(), Failure> {
        if !self.screen.is_live() || !self.tailed.insert(id) {
            return Ok(());
        }
        let mut events = self.client.task_events(id, None)?;
        let tails = self.tails.0.clone();
        tokio::spawn(async move {
            loop {
                match events.next().await {
                    Ok(Some(event)) if matches!(event.body, EventBody::Output { .. }) => {
                        let _ = tails.try_send(event);
                    }
                    Ok(Some(_)) => {}
                    Err(error) if error.is_transient() && !tails.is_closed() => {}
                    Ok(None) | Err(_) => return,
                }
            }
        });
        Ok(())
    }

    /// The next news, with the lines of the crew drawn while waiting for it.
    pub async fn hear(&mut self, events: &mut EventStream) -> Result<Heard, Failure> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // One future over all ticks: dropped, it would begin its pause anew.
            let next = events.next();
            tokio::pin!(next);
            let event = loop {
                tokio::select! {
                    event = &mut next => break event,
                    _ = tokio::signal::ctrl_c() => {
                        self.screen.erase();
                        return Ok(Heard::Interrupted);
                    }
                    Some(event) = self.tails.1.recv() => {
                        self.crew.hear(event);
                    }
                    _ = tick.tick() => {
                        self.screen.tick();
                        self.screen.draw(self.crew.at_work());
                    }
                }
            };
            match event {
                Ok(Some(event)) => {
                    self.lost_since = None;
                    return Ok(Heard::News(self.take(event)));
                }
                Ok(None) => return Ok(Heard::End),
                Err(error) if error.is_transient() => self.lose(error)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, event: Event) -> News {
        let news = self.crew.hear(event);
        match &news {
            News::Moved(id) => {
                if let Some(member) = self.crew.get(*id) {
                    self.screen.moved(member);
                }
            }
            News::Writing { attempt, text } => self.screen.preview(attempt, text),
            News::Said(message) => self.screen.reply(&message.text),
            News::Quiet | News::Asked(_) | News::Done(_) => {}
        }
        news
    }

    /// Says once that the server is gone, and gives up when it stays away.
    fn lose(&mut self, error: wardroom_api::client::ClientError) -> Result<(), Failure> {
        match self.lost_since {
            None => {
                self.lost_since = Some(Instant::now());
                self.screen
                    .say("The connection to the server is lost; trying again.");
                Ok(())
            }
            Some(since) if since.elapsed() > LOST_MAX => Err(error.into()),
            Some(_) => Ok(()),
        }
    }

    /// Puts a question before the person, or shows it where nobody can answer.
    pub async fn ask(&mut self, approval: Approval) -> Result<Put, Failure> {
        if let Some(decision) = approval.decision {
            if self.waiting.remove(&approval.id).is_some() {
                self.screen
                    .say(&format!("{} ended: {decision}.", approval.id));
            }
            return Ok(Put::Answered);
        }
        self.screen.erase();
        let put = match &self.decider {
            Decider::Person(input) => {
                question::put(&self.client, &mut self.screen, input, &approval).await?
            }
            Decider::AlwaysYes if !self.approved.insert(approval.digest) => {
                let sentence = format!("{} asks what was approved before", approval.tool);
                return Err(Failure::new(sentence, "See `wardroom doctor`."));
            }
            Decider::AlwaysYes => {
                self.screen.say(&question::in_full(&approval));
                self.screen.say("May it happen? [y/N] y");
                question::approve(&self.client, &mut self.screen, &approval).await?
            }
            Decider::Nobody => {
                self.screen.say(&question::in_full(&approval));
                self.screen.say(&question::how_to_decide(&approval));
                Put::Waits
            }
        };
        match put {
            Put::Answered => self.waiting.remove(&approval.id),
            Put::Waits => self.waiting.insert(approval.id, approval),
        };
        Ok(put)
    }
}

/// How following a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// The task has ended.
    Ended,
    /// The person left; the task goes on.
    LeftWaiting,
}

/// Watches one task until it ends. Where nobody can answer here, it waits for an answer from
/// elsewhere.
pub async fn follow_task(client: &Client, id: TaskId) -> Result<Following, Failure> {
    let mut watch = Watch::new(client.clone(), Screen::new(true), Decider::at_terminal()?);
    watch.tail(id)?;
    watch.crew.learn(&client.task(id).await?);
    let _hush = Hush::new();
    let mut events = client.task_events(id, None)?;
    loop {
        match watch.hear(&mut events).await? {
            Heard::News(News::Asked(approval)) => {
                watch.ask(*approval).await?;
            }
            Heard::News(News::Done(_)) | Heard::End => {
                watch.screen.erase();
                return Ok(Following::Ended);
            }
            Heard::News(_) => {}
            Heard::Interrupted => {
                watch.screen.say(&format!(
                    "{id} goes on. See `wardroom task show {id}`, stop it with `wardroom task cancel {id}`."
                ));
                return Ok(Following::LeftWaiting);
            }
        }
    }
}
