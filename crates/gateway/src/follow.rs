//! What is said in conversations that are held at foreign doors is carried there.
//!
//! The feed of a conversation is read from where it was carried last; the rows of the outbox and
//! the new place are one commit, so nothing is carried twice or left out.

use crate::gateway::{Gateway, wait};
use crate::limits;
use crate::parcel::{Note, Parcel};
use crate::progress::Seen;
use std::sync::Arc;
use wardroom_connectors::Place;
use wardroom_coordinator::Wrong;
use wardroom_domain::{MessageId, Speaker, TaskId};
use wardroom_store::{BindingRow, FeedRow, Hint, Told, Write};

/// Carries what is said as it is said.
pub(crate) async fn attend(gateway: Arc<Gateway>) {
    let mut hints = gateway.crew.store.hints();
    loop {
        if let Err(wrong) = look(&gateway).await {
            tracing::warn!(%wrong, "conversations could not be carried to their doors; trying again");
        }
        let is_talk =
            |hint: &Hint| matches!(hint, Hint::Feed { stream, .. } if stream.starts_with("conv_"));
        wait(&mut hints, is_talk).await;
    }
}

async fn look(gateway: &Arc<Gateway>) -> Result<(), Wrong> {
    let store = &gateway.crew.store;
    let behind = store.bindings_behind(gateway.org(), limits::ROWS_MAX);
    for binding in behind.await? {
        if let Err(wrong) = carry(gateway, &binding).await {
            tracing::warn!(conversation = %binding.conversation, %wrong, "not carried; trying again");
        }
    }
    Ok(())
}

async fn carry(gateway: &Arc<Gateway>, binding: &BindingRow) -> Result<(), Wrong> {
    let stream = binding.conversation.to_string();
    let rows = gateway
        .crew
        .store
        .feed_after(gateway.org(), &stream, binding.told, limits::ROWS_MAX)
        .await?;
    let Some(last) = rows.last().map(|row| row.seq) else {
        return Ok(());
    };
    let place = Place::parse(&binding.place);
    let mut writes = Vec::new();
    for row in rows {
        if let Some(place) = &place {
            writes.extend(rows_of(gateway, binding, place, &row).await?);
        }
    }
    writes.push(Write::Told(Told {
        conversation: binding.conversation,
        up_to_seq: last,
    }));
    gateway.commit(writes).await.map(drop)
}

async fn rows_of(
    gateway: &Arc<Gateway>,
    binding: &BindingRow,
    place: &Place,
    row: &FeedRow,
) -> Result<Vec<Write>, Wrong> {
    match row.event.as_ref() {
        "message" => {
            let id = row.data["message"].as_str();
            match id.and_then(|id| MessageId::parse(id).ok()) {
                Some(id) => message(gateway, place, id).await,
                None => Ok(Vec::new()),
            }
        }
        "status" | "progress" => {
            let task = row.data["task"].as_str();
            if let Some(id) = task.and_then(|id| TaskId::parse(id).ok()) {
                let seen = Seen {
                    task: id,
                    place: place.clone(),
                    user: binding.user,
                };
                crate::progress::note(gateway, seen, &row.data);
            }
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

/// What the coordinator says; the person's own words stand there already.
async fn message(gateway: &Gateway, place: &Place, id: MessageId) -> Result<Vec<Write>, Wrong> {
    let store = &gateway.crew.store;
    let found = store.message(gateway.org(), id).await?;
    let Some(message) = found.filter(|message| message.speaker == Speaker::Assistant) else {
        return Ok(Vec::new());
    };
    let key = format!("message:{id}");
    let mut writes = gateway.say(place, &key, Note::of(message.text));
    for task in message.tasks {
        for artifact in store.artifacts(gateway.org(), task).await? {
            let key = format!("artifact:{task}:{}", artifact.name);
            let parcel = Parcel::File {
                name: artifact.name,
                object: artifact.object,
            };
            writes.push(gateway.row(place, key, &parcel));
        }
    }
    Ok(writes)
}
