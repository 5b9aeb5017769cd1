//! Stop means stop: the word, said alone at any door, ends all of a person's work at once.
//!
//! It is heard before any model is, and does not wait for a turn that is under way: what such a
//! turn would still begin is dropped with it.

use crate::accept::Replied;
use crate::crew::Crew;
use crate::{Wrong, control, converse, mint};
use serde_json::json;
use std::sync::{Arc, PoisonError};
use wardroom_domain::{
    AuditKind, Chain, Labels, Message, MessageId, Principal, Speaker, Timestamp, UserId, limits,
};
use wardroom_store::{InboxDone, InboxRow, Page, StatusFilter, TaskFilter, Write};

/// Said alone, these mean stop.
const WORDS: &[&str] = &["stop", "stop all", "stop everything", "halt", "abort"];

/// Whether somebody says nothing but stop.
pub fn is_word(text: &str) -> bool {
    let is_noise = |c: char| c.is_whitespace() || matches!(c, '!' | '.');
    let said = text.trim_matches(is_noise).to_lowercase();
    WORDS.contains(&said.as_str())
}

/// Ends everything that a person has under way, in the middle of whatever it does, and says what.
pub async fn everything(crew: &Arc<Crew>, by: &Principal) -> Result<String, Wrong> {
    let now = crew.clock.now();
    crew.stops
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(by.user, now);
    let filter = TaskFilter {
        requester: Some(by.user),
        status: StatusFilter::Open,
        ..TaskFilter::default()
    };
    let page = Page {
        limit: Some(limits::PAGE_ROWS_MAX),
        cursor: None,
    };
    let open = crew.store.tasks(crew.org, &filter, &page).await?;
    let mut stopped = Vec::new();
    for task in open.items.into_iter().map(|row| row.task) {
        match control::cancel(crew, by, task.id).await {
            Ok(task) => stopped.push(task),
            // It ended by itself in the same moment.
            Err(Wrong::TooLate(_)) => {}
            Err(wrong) => return Err(wrong),
        }
    }
    let lines = stopped
        .iter()
        .map(|task| format!("\n- \"{}\" (`{}`)", task.title, task.id));
    Ok(match stopped.len() {
        0 => "Stopped. Nothing of yours was under way.".to_owned(),
        1 => format!(
            "Stopped:{}\n\nIt can be begun again.",
            lines.collect::<String>()
        ),
        count => format!(
            "Stopped {count} tasks:{}\n\nEach can be begun again.",
            lines.collect::<String>()
        ),
    })
}

/// Whether a person has said stop since.
pub(crate) fn was_said_since(crew: &Crew, user: UserId, since: Timestamp) -> bool {
    let stops = crew.stops.lock().unwrap_or_else(PoisonError::into_inner);
    stops.get(&user).is_some_and(|said| *said >= since)
}

/// Answers a delivery that says stop.
pub(crate) async fn answer(crew: &Arc<Crew>, row: &InboxRow) -> Result<Replied, Wrong> {
    let by = crew.principal(row.user, "conversation").await?;
    let text = everything(crew, &by).await?;
    let message = Message {
        id: mint!(crew.clock, MessageId),
        conversation: row.conversation,
        seq: 0,
        speaker: Speaker::Assistant,
        text,
        tasks: Vec::new(),
        files: Vec::new(),
        labels: Labels::owner(row.user),
        at: crew.clock.now(),
    };
    let body = json!({"message": message.id, "model": "none", "answers": row.inbound.external_id,
        "text": wardroom_domain::Digest::of(&message.text)});
    let mut writes = Vec::from(converse::said(crew, message.clone()));
    writes.push(Write::InboxDone(InboxDone {
        connector: row.inbound.connector.clone(),
        external_id: row.inbound.external_id.clone(),
        reply: Some(message.id),
    }));
    let chain = Chain::Conversation(row.conversation);
    writes.push(crew.audit(chain, AuditKind::MessageSent, "coordinator", None, body));
    crew.commit(writes).await?;
    Ok(Replied {
        conversation: row.conversation,
        message: Some(message),
        tasks: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_alone_means_stop() {
        for text in ["stop", "STOP!", " Stop. ", "stop everything", "halt!!"] {
            assert!(is_word(text), "{text}");
        }
        for text in [
            "stop the server",
            "do not stop",
            "non-stop",
            "/stop",
            "",
            ".",
        ] {
            assert!(!is_word(text), "{text}");
        }
    }
}
