//! What arrived is seen to: place by place, in order, each delivery once.

use crate::command::{self, Words};
use crate::gateway::{Gateway, lock, wait};
use crate::parcel::Note;
use crate::speaker::Speaker;
use crate::{deliver, files, limits, press, stranger, words};
use serde_json::json;
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;
use wardroom_connectors::{Arrival, Attachment, Place, PlaceKind, What};
use wardroom_coordinator::{Saying, Wrong, stop};
use wardroom_domain::{AuditKind, Capability, FileId, Inbound, Principal};
use wardroom_store::{ArrivalDone, Arrived, Bind, Hint, InboxRow, OutboxReleased, Write};

/// A delivery that is being seen to.
pub(crate) struct Case {
    pub(crate) arrival: Arrival,
}

impl Case {
    /// The key of whatever is said about it.
    pub(crate) fn key(&self) -> String {
        format!(
            "reply:{}:{}",
            self.arrival.place.connector, self.arrival.external_id
        )
    }

    /// Says something where it came from, once.
    pub(crate) fn reply(&self, gateway: &Gateway, mut note: Note) -> Vec<Write> {
        // In a group an answer stands below what it answers.
        if let (PlaceKind::Group, What::Said { message, .. }) =
            (self.arrival.kind, &self.arrival.what)
        {
            note.reply_to = Some(message.clone());
        }
        gateway.say(&self.arrival.place, &self.key(), note)
    }

    /// How the sender calls himself.
    pub(crate) fn sender_name(&self) -> String {
        let sender = self.arrival.sender.as_ref();
        sender.map_or("somebody".to_owned(), |sender| sender.name.clone())
    }

    pub(crate) fn done(&self) -> Write {
        Write::ArrivalDone(ArrivalDone {
            connector: self.arrival.place.connector.clone(),
            external_id: self.arrival.external_id.clone(),
        })
    }
}

/// Sees to arrivals as they come.
pub(crate) async fn attend(gateway: Arc<Gateway>) {
    let mut hints = gateway.crew.store.hints();
    loop {
        if let Err(wrong) = look(&gateway).await {
            tracing::warn!(%wrong, "what arrived could not be read; trying again");
        }
        wait(&mut hints, |hint| matches!(hint, Hint::Arrival { .. })).await;
    }
}

async fn look(gateway: &Arc<Gateway>) -> Result<(), Wrong> {
    let store = &gateway.crew.store;
    let rows = store
        .arrivals_pending(gateway.org(), limits::ROWS_MAX)
        .await?;
    let mut places: Vec<(String, Vec<Arrived>)> = Vec::new();
    for row in rows {
        match places.iter_mut().find(|(place, _)| *place == row.place) {
            Some((_, rows)) => rows.push(row),
            None => places.push((row.place.clone(), vec![row])),
        }
    }
    for (place, rows) in places {
        if !lock(&gateway.arriving).insert(place.clone()) {
            continue;
        }
        let gateway = gateway.clone();
        tokio::spawn(async move {
            for row in rows {
                if !attend_one(&gateway, row).await {
                    break;
                }
            }
            lock(&gateway.arriving).remove(&place);
        });
    }
    Ok(())
}

/// Sees to one. Answers whether the next in its place may be seen to.
async fn attend_one(gateway: &Arc<Gateway>, row: Arrived) -> bool {
    let key = format!("{}:{}", row.connector, row.external_id);
    let Ok(arrival) = serde_json::from_value::<Arrival>(row.body) else {
        tracing::error!(key, "a kept delivery cannot be read");
        let done = ArrivalDone {
            connector: row.connector,
            external_id: row.external_id,
        };
        return gateway.commit(vec![Write::ArrivalDone(done)]).await.is_ok();
    };
    let case = Case { arrival };
    let seen_to = match see_to(gateway, &case).await {
        Ok(writes) => settle(gateway, &case, writes).await,
        Err(wrong) => Err(wrong),
    };
    let Err(wrong) = seen_to else {
        lock(&gateway.tries).remove(&key);
        return true;
    };
    tracing::warn!(key, %wrong, "a delivery was not seen to");
    let tries = {
        let mut tries = lock(&gateway.tries);
        let count = tries.entry(key.clone()).or_default();
        *count += 1;
        *count
    };
    if tries < limits::ARRIVAL_TRIES_MAX {
        tokio::time::sleep(limits::RETRY_FIRST * tries).await;
        return false;
    }
    let text = format!(
        "I could not take this in: {}. Please say it again later.",
        words::plain(&wrong.to_string())
    );
    let sorry = case.reply(gateway, Note::of(text));
    settle(gateway, &case, sorry).await.is_ok()
}

async fn settle(gateway: &Gateway, case: &Case, mut writes: Vec<Write>) -> Result<(), Wrong> {
    writes.push(case.done());
    gateway.commit(writes).await.map(drop)
}

/// What is to be written so that a delivery has been seen to.
async fn see_to(gateway: &Arc<Gateway>, case: &Case) -> Result<Vec<Write>, Wrong> {
    let arrival = &case.arrival;
    match &arrival.what {
        What::Moved { to } => return Ok(deliver::move_place(gateway, &arrival.place, to)),
        What::ShutOut => return shut_out(gateway, case).await,
        What::LetIn => return Ok(let_in(gateway, case)),
        _ => {}
    }
    let speaker = gateway.speaker(arrival).await?;
    if let What::Pressed { press, data } = &arrival.what {
        return press::attend(gateway, case, speaker, press, data).await;
    }
    if arrival.kind == PlaceKind::Channel {
        return Ok(Vec::new());
    }
    match speaker {
        Speaker::Known(by) => known(gateway, case, by).await,
        Speaker::Stranger(identity) => stranger::attend(gateway, case, identity).await,
        Speaker::Nobody => Ok(nobody(gateway, case)),
    }
}

fn is_to_us(arrival: &Arrival) -> bool {
    match &arrival.what {
        What::Said { is_to_us, .. } => *is_to_us,
        _ => arrival.kind == PlaceKind::Private,
    }
}

/// Somebody who hides who he is. Other programs are not answered, or two would talk for ever.
fn nobody(gateway: &Gateway, case: &Case) -> Vec<Write> {
    let is_hidden = case.arrival.sender.is_none();
    if !is_hidden || !is_to_us(&case.arrival) {
        return Vec::new();
    }
    let text =
        "I answer people whom I can tell apart. Speak as yourself, not as the group or a channel.";
    case.reply(gateway, Note::of(text))
}

async fn shut_out(gateway: &Gateway, case: &Case) -> Result<Vec<Write>, Wrong> {
    let place = case.arrival.place.to_string();
    let who = case.sender_name();
    let body = json!({"place": place, "shut_out_by": case.arrival.sender});
    let mut writes = vec![gateway.audit(AuditKind::ConnectorChanged, "system", body)];
    let speaker = gateway.speaker(&case.arrival).await?;
    if let Speaker::Known(by) = speaker {
        let text = format!(
            "{} ({}) has shut me out of a chat. What is meant for that chat waits until I am let in again.",
            words::plain(&by.name),
            words::plain(&who)
        );
        writes.extend(deliver::tell_hubs(gateway, &case.key(), &text).await?);
    }
    Ok(writes)
}

fn let_in(gateway: &Gateway, case: &Case) -> Vec<Write> {
    let destination = case.arrival.place.to_string();
    let body = json!({"place": destination, "let_in_by": case.arrival.sender});
    vec![
        gateway.audit(AuditKind::ConnectorChanged, "system", body),
        Write::OutboxReleased(OutboxReleased { destination }),
    ]
}

/// What no version of ours can read yet: written down, and told where nobody else hears of it.
fn unreadable(gateway: &Gateway, case: &Case, by: &Principal, kind: &str) -> Vec<Write> {
    let body = json!({"by": case.arrival.place.connector, "why": "it cannot be read", "kind": kind,
        "delivery": case.arrival.external_id});
    let mut writes = vec![gateway.audit(AuditKind::AccessRefused, by.user, body)];
    if case.arrival.kind == PlaceKind::Private {
        let text = format!(
            "I cannot read this ({}). Write it in words, or send it as a file.",
            words::plain(kind)
        );
        writes.extend(case.reply(gateway, Note::of(text)));
    }
    writes
}

async fn known(gateway: &Arc<Gateway>, case: &Case, by: Principal) -> Result<Vec<Write>, Wrong> {
    let arrival = &case.arrival;
    let (text, attachments, is_forwarded, is_edited) = match &arrival.what {
        What::Said {
            is_to_us: false, ..
        } => return Ok(Vec::new()),
        What::Said {
            text,
            attachments,
            is_forwarded,
            is_edited,
            ..
        } => (text, attachments, *is_forwarded, *is_edited),
        What::Unreadable { kind } => return Ok(unreadable(gateway, case, &by, kind)),
        _ => return Ok(Vec::new()),
    };
    let here = command::Here {
        kind: arrival.kind,
        is_hub: arrival.kind == PlaceKind::Group && gateway.is_hub(&arrival.place).await?,
    };
    if let Some(words) = Words::parse(text) {
        if is_forwarded || is_edited {
            let text = "Commands count when you send them yourself, not when they are passed on or edited. Nothing was done.";
            return Ok(case.reply(gateway, Note::of(text)));
        }
        return command::attend(gateway, case, &by, here, &words).await;
    }
    if arrival.kind == PlaceKind::Group && !here.is_hub {
        return Ok(case.reply(gateway, Note::of(words::UNKNOWN_GROUP)));
    }
    if here.is_hub && !by.may(Capability::SeeOthers) {
        let text = "This chat belongs to your org's staff. Talk to me in private.";
        return Ok(case.reply(gateway, Note::of(text)));
    }
    let said = Said {
        text: spoken(text, attachments, is_forwarded, is_edited),
        attachments,
        is_forwarded,
    };
    converse(gateway, case, &by, said).await
}

struct Said<'a> {
    text: String,
    attachments: &'a [Attachment],
    is_forwarded: bool,
}

/// The words as the coordinator hears them.
fn spoken(text: &str, attachments: &[Attachment], is_forwarded: bool, is_edited: bool) -> String {
    let mut spoken = text.trim().to_owned();
    if spoken.is_empty() {
        let names: Vec<_> = attachments.iter().map(|file| file.name.as_str()).collect();
        spoken = format!("(sent without words: {})", names.join(", "));
    }
    if is_forwarded {
        spoken = format!("(passed on from somebody else, not my own words)\n{spoken}");
    }
    if is_edited {
        spoken = format!("(I have changed what I said before; it reads now)\n{spoken}");
    }
    spoken
}

async fn converse(
    gateway: &Arc<Gateway>,
    case: &Case,
    by: &Principal,
    said: Said<'_>,
) -> Result<Vec<Write>, Wrong> {
    let arrival = &case.arrival;
    let (ids, complaints) = files::fetch_all(gateway, case, by, said.attachments).await?;
    let mut writes = Vec::new();
    if !complaints.is_empty() {
        let key = format!("files:{}", case.key());
        writes.extend(gateway.say(&arrival.place, &key, Note::of(complaints.join("\n"))));
        if ids.is_empty() && said.text.starts_with("(sent without words") {
            return Ok(writes);
        }
    }
    let saying = saying(case, &said, ids);
    let row = match wardroom_coordinator::accept(&gateway.crew, by, saying).await {
        Ok(row) => row,
        Err(wrong) if !wrong.is_answer() => return Err(wrong),
        // The person's turn: too long, not allowed, over a limit.
        Err(wrong) => {
            let text = words::plain(&sentence(&wrong.to_string()));
            writes.extend(case.reply(gateway, Note::of(text)));
            return Ok(writes);
        }
    };
    writes.push(Write::Bind(Bind {
        conversation: row.conversation,
        user: by.user,
        place: arrival.place.to_string(),
        is_private: arrival.kind == PlaceKind::Private,
        at: gateway.crew.clock.now(),
    }));
    if arrival.kind == PlaceKind::Private && by.may(Capability::SeeOthers) {
        let quoted = words::clipped(&said.text, 1500).replace('\n', "\n> ");
        let text = format!("**{}** in private:\n> {quoted}", words::plain(&by.name));
        let key = format!("mirror:{}", case.key());
        writes.extend(deliver::tell_hubs(gateway, &key, &text).await?);
    }
    answer(gateway, case, row);
    Ok(writes)
}

fn saying(case: &Case, said: &Said<'_>, files: Vec<FileId>) -> Saying {
    let arrival = &case.arrival;
    Saying {
        inbound: Inbound {
            connector: arrival.place.connector.clone(),
            external_id: arrival.external_id.clone(),
            text: said.text.clone(),
            files,
        },
        conversation: None,
        key: Some(arrival.place.to_string()),
        workspace: None,
        is_forwarded: said.is_forwarded,
    }
}

/// A sentence as it stands at the beginning of a message.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    let text = format!("{}{}", first.unwrap_or_default(), letters.as_str());
    match text.ends_with(['.', '!', '?']) {
        true => text,
        false => format!("{text}."),
    }
}

/// The turn goes on beside us, after those that were said before in the same place: what it comes to
/// is carried by the conversation's feed. If we end in the middle of it, the next start takes it up
/// from the inbox. A stop waits for nothing.
fn answer(gateway: &Arc<Gateway>, case: &Case, row: InboxRow) {
    let place = case.arrival.place.clone();
    if stop::is_word(&row.inbound.text) {
        let gateway = gateway.clone();
        tokio::spawn(async move { turn(&gateway, &place, row).await });
        return;
    }
    let mut queues = lock(&gateway.turns);
    let queue = queues.entry(place.to_string()).or_insert_with(|| {
        let (queue, rows) = mpsc::unbounded_channel();
        tokio::spawn(take_turns(Arc::downgrade(gateway), place, rows));
        queue
    });
    // Nobody listens only when the server ends, and then the next start answers.
    let _ = queue.send(row);
}

async fn take_turns(
    gateway: Weak<Gateway>,
    place: Place,
    mut rows: mpsc::UnboundedReceiver<InboxRow>,
) {
    while let Some(row) = rows.recv().await {
        let Some(gateway) = gateway.upgrade() else {
            return;
        };
        turn(&gateway, &place, row).await;
    }
}

async fn turn(gateway: &Gateway, place: &Place, row: InboxRow) {
    let answer = wardroom_coordinator::answer(&gateway.crew, row);
    let busy = async {
        if let Some(door) = gateway.door(place) {
            let _ = door.connector.show_busy(place).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        done = answer => if let Err(wrong) = done {
            tracing::warn!(%place, %wrong, "a message was not answered; it is tried again");
        },
        () = busy => {}
    }
}
