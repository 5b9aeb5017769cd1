//! Deliveries come in: we ask for them, or the platform brings them. Either way they are rows before
//! the platform hears that they arrived.

use crate::gateway::{Door, Gateway};
use crate::limits;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use wardroom_connectors::{Arrival, Fault, Intake};
use wardroom_coordinator::Wrong;
use wardroom_domain::AuditKind;
use wardroom_store::{Arrived, Write};

/// What became of something that a platform brought by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    Kept,
    /// It makes no sense, and never will.
    Nonsense(String),
    /// There is no such door, or it is one that asks by itself.
    NoDoor,
}

/// Takes deliveries in at one door.
pub(crate) async fn attend(gateway: Arc<Gateway>, name: String) {
    let Some(door) = gateway.doors.get(&name) else {
        return;
    };
    let mut pauses = Pauses::default();
    while let Err(fault) = make_ready(door).await {
        rest(&gateway, &name, &fault, &mut pauses).await;
    }
    tracing::info!(connector = name, "the door is open");
    if !door.is_polled {
        return keep_known(&gateway, door, &name).await;
    }
    let mut cursor = None;
    loop {
        match door.connector.receive(cursor).await {
            Ok(intake) => {
                pauses = Pauses::default();
                cursor = keep_all(&gateway, door, intake).await;
            }
            Err(fault) => rest(&gateway, &name, &fault, &mut pauses).await,
        }
    }
}

/// A platform that calls us is told anew whom to call, and with what, when a key has a new version.
async fn keep_known(gateway: &Gateway, door: &Door, name: &str) {
    let mut pauses = Pauses::default();
    let mut told = door.connector.keys_replaced();
    loop {
        tokio::time::sleep(limits::KEY_LOOK_EVERY).await;
        let replaced = door.connector.keys_replaced();
        if replaced == told {
            continue;
        }
        match make_ready(door).await {
            Ok(()) => {
                told = replaced;
                pauses = Pauses::default();
                tracing::info!(connector = name, "the door is open under its new key");
            }
            Err(fault) => rest(gateway, name, &fault, &mut pauses).await,
        }
    }
}

/// Where the operator has told the platform himself whom to call, we leave that alone.
async fn make_ready(door: &Door) -> Result<(), Fault> {
    if door.is_polled || door.webhook.is_some() {
        return door.connector.prepare(door.webhook.as_deref()).await;
    }
    door.connector.identify().await.map(drop)
}

/// Keeps what came, however long that takes, and only then lets the platform forget it.
async fn keep_all(gateway: &Gateway, door: &Door, intake: Intake) -> Option<i64> {
    let name = door.connector.name();
    while let Err(wrong) = keep(gateway, name, &intake.arrivals).await {
        tracing::warn!(connector = name, %wrong, "what came in was not kept; trying again");
        tokio::time::sleep(limits::RETRY_FIRST).await;
    }
    intake.cursor
}

/// Keeps deliveries. One that is kept already stays as it is.
async fn keep(gateway: &Gateway, connector: &str, arrivals: &[Arrival]) -> Result<(), Wrong> {
    if arrivals.is_empty() {
        return Ok(());
    }
    let at = gateway.crew.clock.now();
    let row = |arrival: &Arrival| {
        Write::Arrived(Arrived {
            connector: connector.to_owned(),
            external_id: arrival.external_id.clone(),
            place: arrival.place.to_string(),
            body: serde_json::to_value(arrival).unwrap_or_default(),
            at,
        })
    };
    gateway.commit(arrivals.iter().map(row).collect()).await?;
    metrics::counter!("wardroom_arrivals_total", "connector" => connector.to_owned())
        .increment(arrivals.len() as u64);
    Ok(())
}

impl Gateway {
    /// Keeps what a platform brought to a door that is called. Who called was checked before.
    pub async fn bring(&self, connector: &str, body: &[u8]) -> Result<Taken, Wrong> {
        let Some(door) = self.doors.get(connector).filter(|door| !door.is_polled) else {
            return Ok(Taken::NoDoor);
        };
        match door.connector.read(body) {
            Ok(arrivals) => keep(self, connector, &arrivals).await.map(|()| Taken::Kept),
            Err(fault) => Ok(Taken::Nonsense(fault.to_string())),
        }
    }
}

/// How long the next pause is, and what was complained of last.
#[derive(Default)]
struct Pauses {
    failures: u32,
    complaint: Option<String>,
}

async fn rest(gateway: &Gateway, name: &str, fault: &Fault, pauses: &mut Pauses) {
    pauses.failures += 1;
    let needs_a_person = matches!(fault, Fault::Unauthorised { .. } | Fault::Rivalled { .. });
    let complaint = fault.to_string();
    if needs_a_person && pauses.complaint.as_ref() != Some(&complaint) {
        tracing::error!(connector = name, %fault, "the door stays shut until somebody sees to it");
        let body = json!({"connector": name, "fault": complaint});
        let line = gateway.audit(AuditKind::ConnectorChanged, "system", body);
        if let Err(wrong) = gateway.commit(vec![line]).await {
            tracing::warn!(%wrong, "the fault of a door was not written down");
        }
    } else {
        tracing::warn!(connector = name, %fault, "the door is tried again");
    }
    pauses.complaint = Some(complaint);
    metrics::counter!("wardroom_connector_faults_total", "connector" => name.to_owned())
        .increment(1);
    let replaced = || {
        let door = gateway.doors.get(name);
        door.map_or(0, |door| door.connector.keys_replaced())
    };
    let (before, mut left) = (replaced(), pause(fault, pauses.failures));
    // A new key ends the pause: it is what was waited for.
    while !left.is_zero() && replaced() == before {
        let step = left.min(limits::KEY_LOOK_EVERY);
        tokio::time::sleep(step).await;
        left -= step;
    }
}

/// How long to wait after so many failures in a row.
pub(crate) fn pause(fault: &Fault, failures: u32) -> Duration {
    match fault {
        Fault::Wait { after } => *after,
        Fault::Unauthorised { .. } => limits::KEY_REFUSED_PAUSE,
        _ => {
            let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
            (limits::RETRY_FIRST * doubled).min(limits::RETRY_MAX)
        }
    }
}
