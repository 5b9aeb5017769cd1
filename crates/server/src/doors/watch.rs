//! Everything that a person may see, as it happens, on one stream: what a control room listens to.
//!
//! The stream begins at the present. What was before stands in the lists, which a listener reads
//! after the event `ready`; when a slow listener has missed something, `ready` comes again.

use crate::app::App;
use crate::doors::events::expanded;
use crate::stop::stopped;
use crate::who::{Who, again};
use crate::wrong::Refusal;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::event::Listening;
use wardroom_api::problem::Problem;
use wardroom_coordinator::{Wrong, control, decide};
use wardroom_domain::{Approval, ConversationId, Principal, TaskId};
use wardroom_store::{FeedRow, Hint};

/// How many events wait for a slow reader before the stream waits with them.
const EVENTS_MAX: usize = 256;
/// How many rows of one stream are read at once.
const ROWS: u32 = 200;
/// How often we look whether the listener may still listen.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many subjects are remembered with who may see them.
const SUBJECTS_MAX: usize = 10_000;

type Events = mpsc::Sender<Result<Event, Infallible>>;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// Everything that the caller may see, as it happens: how tasks stand, what waits for a decision,
/// what is said in his conversations, and the output of his own tasks.
#[utoipa::path(get, path = "/v1/events", security(("token" = [])),
    responses((status = 200, content_type = "text/event-stream", description = "Server-sent events: first `ready` with a Listening, then Events; `conversation` names that of a preview, `decidable` says of an approval whether it is the caller's to decide.", body = wardroom_api::event::EventLines),
        (status = 401, body = Problem)))]
async fn watch(
    State(app): State<App>,
    Who(who): Who,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(async move {
        let stopping = app.stopping.clone();
        let mut watcher = Watcher {
            app,
            who,
            headers,
            events: sender.clone(),
            known: HashMap::new(),
        };
        tokio::select! {
            () = watcher.run() => {}
            () = stopped(stopping) => {}
            () = sender.closed() => {}
        }
    });
    let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (event, receiver))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// The stream is over: nobody reads it, or the reader may not any more.
struct Over;

/// What a subject is to the listener.
#[derive(Clone, Copy)]
struct Sight {
    is_seen: bool,
    is_own: bool,
    /// The last kept event that was told.
    told: i64,
}

struct Watcher {
    app: App,
    who: Principal,
    headers: HeaderMap,
    events: Events,
    known: HashMap<String, Sight>,
}

impl Watcher {
    async fn run(&mut self) {
        let mut hints = self.app.crew.store.hints();
        let mut live = self.app.crew.bus.listen();
        let mut look = tokio::time::interval(LOOK_EVERY);
        if self.ready().await.is_err() {
            return;
        }
        loop {
            let went = tokio::select! {
                hint = hints.recv() => match hint {
                    Ok(Hint::Feed { stream, seq, .. }) => self.kept(&stream, seq).await,
                    Ok(_) => Ok(()),
                    Err(RecvError::Lagged(_)) => self.ready().await,
                    Err(RecvError::Closed) => Err(Over),
                },
                said = live.recv() => match said {
                    Ok(said) => self.said(&said.stream, said.event, said.data).await,
                    // What is not kept may be missed.
                    Err(RecvError::Lagged(_)) => Ok(()),
                    Err(RecvError::Closed) => Err(Over),
                },
                _ = look.tick() => self.look().await,
            };
            if went.is_err() {
                return;
            }
        }
    }

    /// A session that has ended, and a person who was suspended, hear nothing more; a role that
    /// changed counts from now on.
    async fn look(&mut self) -> Result<(), Over> {
        let who = again(&self.app, &self.who, &self.headers)
            .await
            .map_err(|_| Over)?;
        if who.role != self.who.role {
            self.known.clear();
        }
        self.who = who;
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Over> {
        let listening = Listening {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            portal: crate::portal::entry().map(str::to_owned),
        };
        self.send("ready", json!(listening)).await
    }

    async fn send(&self, name: &str, data: Value) -> Result<(), Over> {
        let event = Event::default().event(name).data(data.to_string());
        self.events.send(Ok(event)).await.map_err(|_| Over)
    }

    /// A subject's feed has grown to `seq`.
    async fn kept(&mut self, subject: &str, seq: i64) -> Result<(), Over> {
        match self.tell(subject, seq).await {
            Ok(went) => went,
            Err(error) => {
                tracing::warn!(%error, subject, "an event could not be told");
                Ok(())
            }
        }
    }

    async fn tell(&mut self, subject: &str, seq: i64) -> Result<Result<(), Over>, Wrong> {
        let sight = self.sight(subject).await?;
        if !sight.is_seen || seq <= sight.told {
            return Ok(Ok(()));
        }
        let after = if sight.told == 0 { seq - 1 } else { sight.told };
        let (store, org) = (&self.app.crew.store, self.app.crew.org);
        let rows = store.feed_after(org, subject, after, ROWS).await?;
        for row in rows {
            if let Some(known) = self.known.get_mut(subject) {
                known.told = row.seq;
            }
            if !is_told(&row, subject, sight) {
                continue;
            }
            let mut data = expanded(&self.app, &row).await?;
            if row.event == "approval" {
                data["decidable"] = json!(self.may_decide(&data["approval"]).await?);
            }
            data["seq"] = json!(row.seq);
            data["at"] = json!(row.at);
            data["event"] = json!(row.event);
            if self.send(&row.event, data).await.is_err() {
                return Ok(Err(Over));
            }
        }
        Ok(Ok(()))
    }

    /// Whether the listener may decide a question that waits.
    async fn may_decide(&self, approval: &Value) -> Result<bool, Wrong> {
        match serde_json::from_value::<Approval>(approval.clone()) {
            Ok(approval) if approval.decision.is_none() => {
                decide::may_decide(&self.app.crew, &self.who, &approval).await
            }
            _ => Ok(false),
        }
    }

    /// Something that is not kept: words of a reply, output of a command.
    async fn said(&mut self, subject: &str, name: &str, mut data: Value) -> Result<(), Over> {
        match self.sight(subject).await {
            Ok(sight) if sight.is_own => {}
            _ => return Ok(()),
        }
        if subject.starts_with(ConversationId::PREFIX) {
            data["conversation"] = json!(subject);
        }
        data["event"] = json!(name);
        data["at"] = json!(self.app.crew.clock.now());
        self.send(name, data).await
    }

    /// Whether the subject is a task of somebody else that the listener may see.
    async fn oversees(&self, subject: &str) -> Result<bool, Wrong> {
        let Ok(id) = TaskId::parse(subject) else {
            return Ok(false);
        };
        match control::seen(&self.app.crew, &self.who, id).await {
            Ok(_) => Ok(true),
            Err(Wrong::NotFound { .. } | Wrong::Forbidden(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    async fn sight(&mut self, subject: &str) -> Result<Sight, Wrong> {
        if let Some(known) = self.known.get(subject) {
            return Ok(*known);
        }
        if self.known.len() >= SUBJECTS_MAX {
            self.known.clear();
        }
        let (store, org) = (&self.app.crew.store, self.app.crew.org);
        let owner = if let Ok(id) = TaskId::parse(subject) {
            store.task(org, id).await?.map(|row| row.task.requester)
        } else if let Ok(id) = ConversationId::parse(subject) {
            store.conversation(org, id).await?.map(|row| row.owner)
        } else {
            None
        };
        let is_own = owner == Some(self.who.user);
        let is_seen = is_own || self.oversees(subject).await?;
        let sight = Sight {
            is_seen,
            is_own,
            told: 0,
        };
        self.known.insert(subject.to_owned(), sight);
        Ok(sight)
    }
}

/// A task tells of itself on its own stream; its conversation repeats that, and adds what is said.
fn is_told(row: &FeedRow, subject: &str, sight: Sight) -> bool {
    match row.event.as_str() {
        "message" => true,
        "output" => sight.is_own && subject.starts_with(TaskId::PREFIX),
        "done" => false,
        _ => subject.starts_with(TaskId::PREFIX),
    }
}
