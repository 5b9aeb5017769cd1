//! What stands in the outbox leaves: place by place, in order, again until the platform has it.
//!
//! A platform knows no keys of ours, so a crash between its yes and our commit shows a message
//! twice; nothing else does.

use crate::gateway::{Gateway, lock, wait};
use crate::parcel::Parcel;
use crate::poll::pause;
use crate::{limits, notice, words};
use serde_json::json;
use std::sync::Arc;
use wardroom_connectors::{Connector, Fault, Place, Post, Posted, Rich};
use wardroom_coordinator::Wrong;
use wardroom_domain::{AuditKind, Waymark};
use wardroom_store::{
    AT_ONCE, Hint, MovePlace, ObjectKey, OutboxDropped, OutboxFailed, OutboxRow, OutboxSent,
    OutboxTakenUp, Write,
};

/// Carries rows out as they become due.
pub(crate) async fn attend(gateway: Arc<Gateway>) {
    let mut hints = gateway.crew.store.hints();
    let before = gateway.crew.clock.now().after(limits::CLOSED_PAUSE / 2);
    let taken_up = Write::OutboxTakenUp(OutboxTakenUp { before });
    if let Err(wrong) = gateway.commit(vec![taken_up]).await {
        tracing::warn!(%wrong, "what waits for another try waits on");
    }
    loop {
        if let Err(wrong) = look(&gateway).await {
            tracing::warn!(%wrong, "the outbox could not be read; trying again");
        }
        wait(&mut hints, |hint| matches!(hint, Hint::Outbox { .. })).await;
    }
}

async fn look(gateway: &Arc<Gateway>) -> Result<(), Wrong> {
    let now = gateway.crew.clock.now();
    let store = &gateway.crew.store;
    let (waiting, since) = store.outbox_waiting(gateway.org()).await?;
    let lag = since.map_or(0.0, |since| now.since(since).as_secs_f64());
    metrics::gauge!("wardroom_outbox_waiting").set(waiting as f64);
    metrics::gauge!("wardroom_connector_lag_seconds").set(lag);
    let heads = store.outbox_heads(gateway.org(), now, limits::ROWS_MAX);
    for row in heads.await? {
        let destination = row.outbox.destination.clone();
        if !lock(&gateway.leaving).insert(destination.clone()) {
            continue;
        }
        let gateway = gateway.clone();
        tokio::spawn(async move {
            if let Err(wrong) = carry_all(&gateway, row).await {
                tracing::warn!(%wrong, "a delivery was not settled; it is tried again");
            }
            lock(&gateway.leaving).remove(&destination);
        });
    }
    Ok(())
}

/// Carries a row, and those behind it in the same place, as long as the platform takes them.
async fn carry_all(gateway: &Arc<Gateway>, mut row: OutboxRow) -> Result<(), Wrong> {
    loop {
        let destination = row.outbox.destination.clone();
        if !gateway.takes_duty().await? {
            return Ok(());
        }
        let writes = carry(gateway, &row).await;
        let went_well = matches!(
            writes.first(),
            Some(Write::OutboxSent(_) | Write::OutboxDropped(_))
        );
        if went_well {
            Waymark::OutboxSent.reached().await;
        }
        gateway.commit(writes).await?;
        if !went_well {
            return Ok(());
        }
        Waymark::OutboxAck.reached().await;
        let (org, now) = (gateway.org(), gateway.crew.clock.now());
        let heads = gateway.crew.store.outbox_heads(org, now, limits::ROWS_MAX);
        let next = heads
            .await?
            .into_iter()
            .find(|head| head.outbox.destination == destination);
        match next {
            Some(next) => row = next,
            None => return Ok(()),
        }
    }
}

/// Tries a row, and answers what is to be written about it.
async fn carry(gateway: &Gateway, row: &OutboxRow) -> Vec<Write> {
    if notice::is_notice(&row.outbox.destination) {
        return noticed(gateway, row).await;
    }
    let Some(place) = Place::parse(&row.outbox.destination) else {
        return dropped(gateway, row, "this is no place");
    };
    let Some(door) = gateway.door(&place) else {
        // It may be configured again: nothing is lost by waiting.
        return later(
            gateway,
            row,
            &Fault::Closed {
                why: format!("{} is not configured", place.connector),
            },
        );
    };
    let Ok(parcel) = serde_json::from_value::<Parcel>(row.outbox.body.clone()) else {
        return dropped(gateway, row, "this version cannot read it");
    };
    let connector = door.connector.as_ref();
    let mut done = hand_over(gateway, connector, &place, &parcel).await;
    if let (Err(Fault::Refused { .. }), Some(plain)) = (&done, plainly(&parcel)) {
        // Better without its styles than not at all.
        done = hand_over(gateway, connector, &place, &plain).await;
    }
    match done {
        Ok(receipt) => vec![Write::OutboxSent(OutboxSent {
            id: row.outbox.id,
            at: gateway.crew.clock.now(),
            receipt,
        })],
        Err(Fault::Moved { to }) => moved(gateway, row, &place, &to),
        Err(Fault::Refused { why }) => dropped(gateway, row, &why),
        Err(fault) => later(gateway, row, &fault),
    }
}

/// A notice is carried by becoming rows that name places.
async fn noticed(gateway: &Gateway, row: &OutboxRow) -> Vec<Write> {
    match notice::expand(gateway, row).await {
        Ok(more) => {
            let mut writes = vec![Write::OutboxSent(OutboxSent {
                id: row.outbox.id,
                at: gateway.crew.clock.now(),
                receipt: None,
            })];
            writes.extend(more);
            writes
        }
        Err(wrong) => {
            let why = wrong.to_string();
            later(gateway, row, &Fault::Away { why })
        }
    }
}

async fn hand_over(
    gateway: &Gateway,
    connector: &dyn Connector,
    place: &Place,
    parcel: &Parcel,
) -> Result<Option<String>, Fault> {
    match parcel {
        Parcel::Say { post } => {
            let posted = connector.post(place, post).await?;
            Ok(Some(posted.message))
        }
        Parcel::Edit { of, post } => {
            let receipt = gateway.crew.store.outbox_receipt(gateway.org(), of).await;
            let receipt = receipt.map_err(|error| Fault::Away {
                why: error.to_string(),
            })?;
            // What never was shown needs no change.
            let Some(message) = receipt.flatten() else {
                return Ok(None);
            };
            let posted = Posted {
                place: place.clone(),
                message,
            };
            match connector.edit(&posted, post).await {
                // Somebody removed it: then nobody reads the old words either.
                Err(Fault::Refused { .. }) => Ok(None),
                other => other.map(|()| None),
            }
        }
        Parcel::File { name, object } => {
            let away = |why: String| Fault::Away { why };
            let key = ObjectKey::named(object).map_err(|error| Fault::Refused {
                why: error.to_string(),
            })?;
            let most = wardroom_domain::limits::UPLOAD_BYTES_MAX as u64;
            let bytes = gateway.crew.objects.get(&key, most).await;
            let bytes = bytes.map_err(|error| away(error.to_string()))?;
            let posted = connector.send_file(place, name, bytes).await?;
            Ok(Some(posted.message))
        }
    }
}

fn plainly(parcel: &Parcel) -> Option<Parcel> {
    match parcel {
        Parcel::Say { post } if !post.rich.spans.is_empty() => Some(Parcel::Say {
            post: Post {
                rich: Rich::plain(post.rich.text.clone()),
                ..post.clone()
            },
        }),
        _ => None,
    }
}

fn later(gateway: &Gateway, row: &OutboxRow, fault: &Fault) -> Vec<Write> {
    let now = gateway.crew.clock.now();
    let wait = match fault {
        Fault::Closed { .. } => limits::CLOSED_PAUSE,
        fault => pause(fault, row.attempts + 1),
    };
    let error = fault.to_string();
    tracing::info!(destination = row.outbox.destination, %fault, "a delivery waits");
    let mut writes = vec![Write::OutboxFailed(OutboxFailed {
        id: row.outbox.id,
        error: error.clone(),
        next_at: now.after(wait),
    })];
    if matches!(fault, Fault::Closed { .. }) {
        let body = json!({"place": row.outbox.destination, "closed": error});
        writes.push(gateway.audit(AuditKind::ConnectorChanged, "system", body));
    }
    writes
}

fn dropped(gateway: &Gateway, row: &OutboxRow, why: &str) -> Vec<Write> {
    tracing::error!(
        destination = row.outbox.destination,
        why,
        "a delivery is given up"
    );
    let body = json!({"place": row.outbox.destination, "delivery": row.outbox.id, "refused": why});
    vec![
        Write::OutboxDropped(OutboxDropped {
            id: row.outbox.id,
            error: why.to_owned(),
            at: gateway.crew.clock.now(),
        }),
        gateway.audit(AuditKind::ConnectorChanged, "system", body),
    ]
}

/// The chat has another id: everything that is kept of it goes along, and the row is tried there.
fn moved(gateway: &Gateway, row: &OutboxRow, place: &Place, to: &str) -> Vec<Write> {
    let mut writes = vec![Write::OutboxFailed(OutboxFailed {
        id: row.outbox.id,
        error: format!("the chat has moved to {to}"),
        next_at: AT_ONCE,
    })];
    writes.extend(move_place(gateway, place, to));
    writes
}

/// The rows by which a chat gets another id.
pub(crate) fn move_place(gateway: &Gateway, place: &Place, to: &str) -> Vec<Write> {
    let from = place.whole_chat();
    let there = Place {
        chat: to.to_owned(),
        ..from.clone()
    };
    let body = json!({"place": from.to_string(), "moved_to": there.to_string()});
    vec![
        gateway.audit(AuditKind::ConnectorChanged, "system", body),
        Write::MovePlace(MovePlace {
            from: from.to_string(),
            to: there.to_string(),
        }),
    ]
}

/// Says something to the admins, in every chat that they watch.
pub(crate) async fn tell_hubs(
    gateway: &Gateway,
    key: &str,
    text: &str,
) -> Result<Vec<Write>, Wrong> {
    let mut writes = Vec::new();
    for (connector, place) in gateway.crew.store.hubs(gateway.org()).await? {
        if let Some(place) = Place::parse(&place) {
            let note = crate::parcel::Note::of(words::clipped(text, 3000));
            writes.extend(gateway.say(&place, &format!("{key}@{connector}"), note));
        }
    }
    Ok(writes)
}
