//! Server-sent events: what is kept comes from the store's feed, what is not from the bus.

use crate::app::App;
use crate::body::{Id, Query};
use crate::doors::messages::own;
use crate::stop::stopped;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use wardroom_api::event::EventFilter;
use wardroom_api::message::Message;
use wardroom_api::problem::Problem;
use wardroom_domain::{ConversationId, MessageId, Timestamp};
use wardroom_store::{FeedRow, Hint, InboxRow};

/// How many rows are read at once.
const ROWS: u32 = 200;
/// How many events wait for a slow reader before the stream waits with them.
const EVENTS_MAX: usize = 256;
/// Hints are only hints: this often a stream looks by itself.
const POLL_EVERY: Duration = Duration::from_secs(2);

type Events = mpsc::Sender<Result<Event, Infallible>>;

/// What happens in a conversation, as it happens.
#[utoipa::path(get, path = "/v1/conversations/{id}/events", security(("token" = [])),
    params(("id" = String, Path, description = "conv_…"), EventFilter),
    responses((status = 200, content_type = "text/event-stream", description = "Server-sent events: `id`, `event`, and in `data` an Event.", body = wardroom_api::event::EventLines),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn conversation_events(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<ConversationId>,
    headers: HeaderMap,
    Query(filter): Query<EventFilter>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    own(&app, &who, id).await?;
    Ok(stream(app, id.to_string(), after(&headers, &filter)))
}

/// From where on to read: the header wins.
pub(crate) fn after(headers: &HeaderMap, filter: &EventFilter) -> i64 {
    let header = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    header
        .and_then(|text| text.parse().ok())
        .or(filter.after)
        .unwrap_or(0)
}

/// A stream of everything after `after`, and then of what comes.
pub(crate) fn stream(
    app: App,
    subject: String,
    after: i64,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(async move {
        let stopping = app.stopping.clone();
        tokio::select! {
            () = follow(&app, &subject, after, &sender) => {}
            () = stopped(stopping) => {}
            () = sender.closed() => {}
        }
    });
    sse(receiver)
}

fn sse(
    receiver: mpsc::Receiver<Result<Event, Infallible>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (event, receiver))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

async fn follow(app: &App, subject: &str, mut after: i64, events: &Events) {
    let mut hints = app.crew.store.hints();
    let mut live = app.crew.bus.listen();
    loop {
        match forward(app, subject, &mut after, events).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, subject, "an event stream cannot be read");
                return;
            }
        }
        loop {
            tokio::select! {
                said = live.recv() => {
                    if let Ok(said) = said && said.stream == subject {
                        let sent = send(events, None, said.event, after, said.data, app).await;
                        if sent.is_err() { return; }
                    }
                }
                hint = hints.recv() => match hint {
                    Ok(Hint::Feed { stream, .. }) if stream == subject => break,
                    Ok(_) => {}
                    Err(_) => break,
                },
                () = tokio::time::sleep(POLL_EVERY) => break,
            }
        }
    }
}

/// Sends what is kept after `after`. Answers whether nothing follows.
async fn forward(
    app: &App,
    subject: &str,
    after: &mut i64,
    events: &Events,
) -> Result<bool, wardroom_store::StoreError> {
    loop {
        let rows = app
            .crew
            .store
            .feed_after(app.crew.org, subject, *after, ROWS)
            .await?;
        let is_last = rows.len() < ROWS as usize;
        for row in rows {
            *after = row.seq;
            let is_end = row.event == "done";
            let data = expanded(app, &row).await?;
            if send(
                events,
                Some((row.seq, row.at)),
                &row.event,
                row.seq,
                data,
                app,
            )
            .await
            .is_err()
                || is_end
            {
                return Ok(true);
            }
        }
        if is_last {
            return Ok(false);
        }
    }
}

/// A message is kept once; its event only names it.
pub(crate) async fn expanded(
    app: &App,
    row: &FeedRow,
) -> Result<Value, wardroom_store::StoreError> {
    if row.event != "message" {
        return Ok(row.data.clone());
    }
    let id = row.data["message"]
        .as_str()
        .and_then(|id| MessageId::parse(id).ok());
    let found = match id {
        Some(id) => app.crew.store.message(app.crew.org, id).await?,
        None => None,
    };
    Ok(json!({"message": found.map(Message::from)}))
}

/// A page of kept events, and how to ask for what follows.
pub(crate) async fn page(
    app: &App,
    subject: &str,
    after: i64,
    rows: u32,
) -> Result<(Vec<Value>, Option<String>), wardroom_store::StoreError> {
    let mut kept = app
        .crew
        .store
        .feed_after(app.crew.org, subject, after, rows + 1)
        .await?;
    let more = kept.len() > rows as usize;
    kept.truncate(rows as usize);
    let next = kept
        .last()
        .filter(|_| more)
        .map(|last| last.seq.to_string());
    let mut events = Vec::with_capacity(kept.len());
    for row in kept {
        let mut event = expanded(app, &row).await?;
        stamp(&mut event, row.seq, row.at, &row.event);
        events.push(event);
    }
    Ok((events, next))
}

fn stamp(data: &mut Value, seq: i64, at: Timestamp, name: &str) {
    data["seq"] = json!(seq);
    data["at"] = json!(at);
    data["event"] = json!(name);
}

async fn send(
    events: &Events,
    kept: Option<(i64, Timestamp)>,
    name: &str,
    seq: i64,
    mut data: Value,
    app: &App,
) -> Result<(), ()> {
    let at = kept.map_or_else(|| app.crew.clock.now(), |(_, at)| at);
    stamp(&mut data, seq, at, name);
    let mut event = Event::default().event(name).data(data.to_string());
    if let Some((seq, _)) = kept {
        event = event.id(seq.to_string());
    }
    events.send(Ok(event)).await.map_err(|_| ())
}

/// The reply to one message: its words as they come, the message, and the end.
pub(crate) fn reply_stream(
    app: App,
    row: InboxRow,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(async move { tell_reply(app, row, sender).await });
    sse(receiver)
}

async fn tell_reply(app: App, row: InboxRow, events: Events) {
    let subject = row.conversation.to_string();
    let mut live = app.crew.bus.listen();
    let crew = app.crew.clone();
    let mut answer = tokio::spawn(async move { wardroom_coordinator::answer(&crew, row).await });
    let replied = loop {
        tokio::select! {
            replied = &mut answer => break replied,
            said = live.recv() => {
                if let Ok(said) = said && said.stream == subject && said.event == "preview" {
                    // A reader that is gone does not stop the turn: it was taken in.
                    let _ = send(&events, None, said.event, 0, said.data, &app).await;
                }
            }
        }
    };
    let done = match replied {
        Ok(Ok(replied)) => {
            if let Some(message) = &replied.message {
                let data = json!({"message": Message::from(message.clone())});
                let _ = send(&events, None, "message", 0, data, &app).await;
            }
            let (reply, tasks) = (replied.message.map(|message| message.text), replied.tasks);
            json!({"conversation": replied.conversation, "reply": reply, "tasks": tasks})
        }
        Ok(Err(wrong)) => json!({"error": wrong.to_string()}),
        Err(_) => json!({"error": "the turn was cut off; it is taken again after the next start"}),
    };
    let _ = send(&events, None, "done", 0, done, &app).await;
}
