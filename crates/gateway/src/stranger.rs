//! People whom the org does not know: one way in by invitation, one by pairing, and one polite no.

use crate::gateway::{Gateway, lock};
use crate::intake::Case;
use crate::limits;
use crate::parcel::Note;
use crate::words;
use serde_json::json;
use wardroom_connectors::{PlaceKind, What};
use wardroom_coordinator::{Wrong, arrive};
use wardroom_domain::{AuditKind, Identity};
use wardroom_store::Write;

/// What a stranger says is heard only as a way in.
pub(crate) async fn attend(
    gateway: &Gateway,
    case: &Case,
    identity: Identity,
) -> Result<Vec<Write>, Wrong> {
    let is_private = case.arrival.kind == PlaceKind::Private;
    let said = match &case.arrival.what {
        What::Said {
            text,
            is_to_us: true,
            is_forwarded: false,
            is_edited: false,
            ..
        } => text.trim(),
        What::Said {
            is_to_us: false, ..
        } => return Ok(Vec::new()),
        _ => "",
    };
    let mut spoken = said.split_whitespace();
    let verb = spoken.next().unwrap_or_default().to_lowercase();
    let is_start = verb == "/start" && spoken.next().is_some();
    let is_pair = matches!(said.to_lowercase().as_str(), "pair" | "/pair");
    if !is_start && !is_pair {
        return Ok(refuse(gateway, case, &identity));
    }
    if !is_private {
        let text = "Codes belong into a private chat with me: whoever is here could use this one now. Ask for a new one, and talk to me alone.";
        return Ok(case.reply(gateway, Note::of(text)));
    }
    let who = arrive::Outsider {
        identity,
        display: case.sender_name(),
    };
    let answer = arrive::greet(&gateway.crew, &who, said).await?;
    Ok(case.reply(gateway, Note::of(words::plain(&answer))))
}

/// One polite no a day, and no model hears of it.
fn refuse(gateway: &Gateway, case: &Case, identity: &Identity) -> Vec<Write> {
    let now = gateway.crew.clock.now();
    let day = now.as_micros() / (24 * 3600 * 1_000_000);
    let key = format!(
        "stranger:{}:{}:{day}",
        case.arrival.place, identity.external_id
    );
    let mut writes = gateway.say(&case.arrival.place, &key, Note::of(words::STRANGER));
    if is_written_down(gateway) {
        let body = json!({"by": case.arrival.place.connector, "identity": identity,
            "display": case.sender_name()});
        writes.push(gateway.audit(AuditKind::AccessRefused, "stranger", body));
    }
    writes
}

fn is_written_down(gateway: &Gateway) -> bool {
    let minute = gateway.crew.clock.now().as_micros() / 60_000_000;
    let mut counted = lock(&gateway.strangers);
    if counted.0 != minute {
        *counted = (minute, 0);
    }
    counted.1 += 1;
    counted.1 <= limits::STRANGERS_PER_MINUTE
}
