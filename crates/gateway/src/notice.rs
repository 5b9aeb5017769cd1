//! Notices of the coordinator find the people they are for: each row that names a person, or the
//! chat where questions gather, becomes rows that name places.
//!
//! When a question ends, whatever was posted about it says how, and its buttons go.

use crate::gateway::Gateway;
use crate::parcel::Note;
use crate::press::{Deed, Offer};
use crate::speaker::platform;
use crate::{deliver, limits, words};
use serde_json::Value;
use wardroom_connectors::{Button, Place};
use wardroom_coordinator::{Wrong, decide, notice};
use wardroom_domain::{Approval, ApprovalId, Question, UserId};
use wardroom_store::{OutboxRow, Write};

/// Whom a notice is for.
enum For {
    /// The chats that the admins watch.
    Hubs,
    /// One person, wherever he is alone with us.
    Person(UserId),
}

/// Whether a row of the outbox is a notice.
pub(crate) fn is_notice(destination: &str) -> bool {
    destination.starts_with("notice:")
}

/// What a notice becomes.
pub(crate) async fn expand(gateway: &Gateway, row: &OutboxRow) -> Result<Vec<Write>, Wrong> {
    let destination = row.outbox.destination.as_str();
    let named = destination.strip_prefix("notice:").unwrap_or_default();
    let reader = match UserId::parse(named) {
        Ok(user) => For::Person(user),
        Err(_) if destination == notice::APPROVALS => For::Hubs,
        Err(_) => return Ok(Vec::new()),
    };
    let body = &row.outbox.body;
    match body["kind"].as_str().unwrap_or_default() {
        "approval.asked" => ask(gateway, reader, body).await,
        "approval.decided" => match approval_of(gateway, body).await? {
            Some(approval) => close(gateway, &approval).await,
            None => Ok(Vec::new()),
        },
        _ => tell(gateway, reader, &row.outbox.dedup_key, body).await,
    }
}

async fn tell(
    gateway: &Gateway,
    reader: For,
    key: &str,
    body: &Value,
) -> Result<Vec<Write>, Wrong> {
    let Some(text) = body["text"].as_str() else {
        return Ok(Vec::new());
    };
    let text = words::plain(text);
    match reader {
        For::Hubs => deliver::tell_hubs(gateway, key, &text).await,
        For::Person(user) => {
            let place = private_place(gateway, user).await?;
            let say = |place: Place| gateway.say(&place, &format!("told:{key}"), Note::of(text));
            Ok(place.map(say).unwrap_or_default())
        }
    }
}

async fn approval_of(gateway: &Gateway, body: &Value) -> Result<Option<Approval>, Wrong> {
    let id = body["approval"].as_str();
    let Some(id) = id.and_then(|id| ApprovalId::parse(id).ok()) else {
        return Ok(None);
    };
    let row = gateway.crew.store.approval(gateway.org(), id).await?;
    Ok(row.map(|row| row.approval))
}

async fn ask(gateway: &Gateway, reader: For, body: &Value) -> Result<Vec<Write>, Wrong> {
    let open = approval_of(gateway, body).await?;
    let Some(approval) = open.filter(|approval| approval.decision.is_none()) else {
        return Ok(Vec::new());
    };
    let places = match reader {
        // What only the requester can answer is nobody else's to read.
        For::Hubs if approval.question == Question::Answer => Vec::new(),
        For::Hubs => hubs(gateway).await?,
        For::Person(user) => {
            let place = place_for(gateway, user, &approval).await?;
            place.map(|place| (place, Some(user))).into_iter().collect()
        }
    };
    let text = text_of(gateway, &approval).await?;
    let mut writes = Vec::new();
    for (place, person) in places {
        let mut note = Note::of(text.clone());
        if may_press(gateway, &approval, person).await? {
            note.buttons = buttons(gateway, &approval, &place, person, &mut writes);
        }
        writes.extend(gateway.say(&place, &format!("{}{place}", key(approval.id)), note));
    }
    Ok(writes)
}

fn key(id: ApprovalId) -> String {
    format!("ask:{id}:")
}

async fn hubs(gateway: &Gateway) -> Result<Vec<(Place, Option<UserId>)>, Wrong> {
    let hubs = gateway.crew.store.hubs(gateway.org()).await?;
    let places = hubs.iter().filter_map(|(_, hub)| Place::parse(hub));
    Ok(places.map(|place| (place, None)).collect())
}

/// Where a person is asked: in the conversation that his task belongs to, else alone with us.
async fn place_for(
    gateway: &Gateway,
    user: UserId,
    approval: &Approval,
) -> Result<Option<Place>, Wrong> {
    let store = &gateway.crew.store;
    if approval.requester == user {
        let task = store.task(gateway.org(), approval.task).await?;
        if let Some(talk) = task.and_then(|row| row.task.conversation)
            && let Some(binding) = store.binding(gateway.org(), talk).await?
        {
            return Ok(Place::parse(&binding.place));
        }
    }
    private_place(gateway, user).await
}

/// Where a person is alone with us: where he spoke last, else where his identity says.
pub(crate) async fn private_place(gateway: &Gateway, user: UserId) -> Result<Option<Place>, Wrong> {
    let store = &gateway.crew.store;
    let spoken = store.private_places(gateway.org(), user).await?;
    if let Some(binding) = spoken.first() {
        return Ok(Place::parse(&binding.place));
    }
    for linked in store.identities(gateway.org(), Some(user)).await? {
        let place = |connector: &String| Place {
            connector: connector.clone(),
            chat: linked.identity.external_id.clone(),
            thread: None,
        };
        let mut places = gateway.doors.keys().map(place);
        let found = places.find(|place| platform(place) == linked.identity.connector);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn text_of(gateway: &Gateway, approval: &Approval) -> Result<String, Wrong> {
    let store = &gateway.crew.store;
    let requester = store.user(gateway.org(), approval.requester).await?;
    let requester = requester.map_or("somebody".to_owned(), |user| user.name);
    let task = store.task(gateway.org(), approval.task).await?;
    let title = task.map_or("a task".to_owned(), |row| row.task.title);
    Ok(words::question(approval, &requester, &title))
}

/// Whoever cannot decide is shown what is asked, and no buttons.
async fn may_press(
    gateway: &Gateway,
    approval: &Approval,
    person: Option<UserId>,
) -> Result<bool, Wrong> {
    let Some(user) = person else {
        return Ok(true);
    };
    match gateway.crew.principal(user, "button").await {
        Ok(by) => decide::may_decide(&gateway.crew, &by, approval).await,
        Err(_) => Ok(false),
    }
}

fn buttons(
    gateway: &Gateway,
    approval: &Approval,
    place: &Place,
    person: Option<UserId>,
    writes: &mut Vec<Write>,
) -> Vec<Vec<Button>> {
    let mut offer = |deed: Deed| {
        let offer = Offer {
            deed,
            subject: approval.id.to_string(),
            person,
            expires_at: approval.expires_at,
        };
        gateway.offer(place, offer, writes)
    };
    match approval.question {
        Question::Permission => vec![vec![offer(Deed::Approve), offer(Deed::Deny)]],
        Question::InDoubt => vec![
            vec![offer(Deed::Happened), offer(Deed::DidNot)],
            vec![offer(Deed::EndIt)],
        ],
        Question::Answer => Vec::new(),
    }
}

/// What was posted about a question reads from now on how it ended.
async fn close(gateway: &Gateway, approval: &Approval) -> Result<Vec<Write>, Wrong> {
    let store = &gateway.crew.store;
    let by = match approval.decided_by {
        Some(user) => store.user(gateway.org(), user).await?,
        None => None,
    };
    let ended = words::ended(approval, by.as_ref().map(|user| user.name.as_str()));
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let asked = text_of(gateway, approval).await?;
    let text = format!(
        "{ended}\n\n{}",
        words::clipped(&asked, limits::ARGUMENTS_CHARS_MAX)
    );
    let rows = store
        .outbox_places(gateway.org(), &key(approval.id))
        .await?;
    let mut writes = Vec::new();
    for (asked, place) in rows.into_iter().filter(|(key, _)| !key.contains('#')) {
        if let Some(place) = Place::parse(&place) {
            let key = format!("ended:{asked}");
            writes.push(gateway.edit(&place, &asked, &key, Note::of(text.clone())));
        }
    }
    Ok(writes)
}
