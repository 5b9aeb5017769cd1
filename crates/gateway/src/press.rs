//! Buttons: each carries an opaque token that is good once, in the chat where it was shown, for
//! whoever may. What it stands for is looked up here; nothing is believed of the client.

use crate::gateway::Gateway;
use crate::intake::{Case, sentence};
use crate::limits;
use crate::speaker::Speaker;
use serde_json::json;
use std::sync::Arc;
use wardroom_connectors::{Button, Place};
use wardroom_coordinator::{Wrong, control, decide};
use wardroom_domain::{
    ApprovalDecision, ApprovalId, AuditKind, Digest, Principal, TaskId, Timestamp, UserId, words,
};
use wardroom_store::{ButtonRow, NewButton, PressButton, Write};

words! {
    /// What pressing a button does.
    pub enum Deed {
        /// Says yes to a question.
        Approve = "approve",
        /// Says no to it.
        Deny = "deny",
        /// Says that an interrupted effect happened.
        Happened = "happened",
        /// Says that it did not.
        DidNot = "did_not",
        /// Ends the task instead of saying.
        EndIt = "stop_doubt",
        /// Stops a task.
        Stop = "stop",
        /// Begins a task again.
        Resume = "resume",
    }
}

impl Deed {
    const fn label(self) -> &'static str {
        match self {
            Self::Approve => "✔ Approve",
            Self::Deny => "✖ Deny",
            Self::Happened => "It happened",
            Self::DidNot => "It did not",
            Self::EndIt => "End the task",
            Self::Stop => "■ Stop",
            Self::Resume => "▶ Begin again",
        }
    }
}

/// A button to be shown.
pub(crate) struct Offer {
    pub(crate) deed: Deed,
    /// The id of what it is done to.
    pub(crate) subject: String,
    /// The only person who may; none where the deed's own rules say who may.
    pub(crate) person: Option<UserId>,
    pub(crate) expires_at: Timestamp,
}

impl Gateway {
    /// Makes a button; its row goes with the others.
    pub(crate) fn offer(&self, place: &Place, offer: Offer, writes: &mut Vec<Write>) -> Button {
        let token = self.token();
        writes.push(Write::AddButton(NewButton {
            hash: Digest::of_bytes(token.as_bytes()),
            place: place.to_string(),
            deed: offer.deed.as_str().to_owned(),
            subject: offer.subject,
            person: offer.person,
            expires_at: offer.expires_at,
        }));
        Button {
            label: offer.deed.label().to_owned(),
            data: token,
        }
    }
}

/// Sees to a press: what came of it is told to whoever pressed.
pub(crate) async fn attend(
    gateway: &Arc<Gateway>,
    case: &Case,
    speaker: Speaker,
    press: &str,
    data: &str,
) -> Result<Vec<Write>, Wrong> {
    let (text, writes) = consider(gateway, case, speaker, data).await?;
    if let Some(door) = gateway.door(&case.arrival.place)
        && let Err(fault) = door.connector.answer_press(press, &text).await
    {
        // He has waited too long, or Telegram is away: the message itself shows how it ended.
        tracing::info!(%fault, "a press was not answered");
    }
    Ok(writes)
}

async fn consider(
    gateway: &Arc<Gateway>,
    case: &Case,
    speaker: Speaker,
    data: &str,
) -> Result<(String, Vec<Write>), Wrong> {
    let Speaker::Known(by) = speaker else {
        let refused = refused(gateway, case, "stranger", "nobody of the org");
        let text = "I do not know you, so this is not yours to press.";
        return Ok((text.to_owned(), refused));
    };
    let hash = Digest::of_bytes(data.as_bytes());
    let row = gateway.crew.store.button(gateway.org(), hash).await?;
    let is_here = |row: &ButtonRow| {
        Place::parse(&row.place)
            .is_some_and(|place| place.whole_chat() == case.arrival.place.whole_chat())
    };
    let Some(row) = row.filter(is_here) else {
        let refused = refused(gateway, case, by.user, "no button of this chat");
        return Ok(("This button means nothing here.".to_owned(), refused));
    };
    if row.person.is_some_and(|person| person != by.user) {
        let refused = refused(gateway, case, by.user, "somebody else's button");
        let text = "This is for the person who asked. Nothing was done.";
        return Ok((text.to_owned(), refused));
    }
    let now = gateway.crew.clock.now();
    if row.pressed_at.is_some() || row.expires_at <= now {
        let refused = refused(gateway, case, by.user, "used up or too old");
        return Ok((
            "This was answered already, or is too old.".to_owned(),
            refused,
        ));
    }
    match act(gateway, &by, &row).await {
        Ok(text) => {
            let pressed = PressButton {
                hash,
                by: by.user,
                at: now,
            };
            Ok((text, vec![Write::PressButton(pressed)]))
        }
        Err(wrong) if wrong.is_transient() => Err(wrong),
        // Not his to decide, or too late: the button stays for whoever may.
        Err(wrong) => Ok((sentence(&wrong.to_string()), Vec::new())),
    }
}

fn refused(gateway: &Gateway, case: &Case, actor: impl ToString, why: &str) -> Vec<Write> {
    let body = json!({"by": "button", "place": case.arrival.place.to_string(),
        "sender": case.arrival.sender, "why": why});
    vec![gateway.audit(AuditKind::ApprovalRefused, actor, body)]
}

async fn act(gateway: &Arc<Gateway>, by: &Principal, row: &ButtonRow) -> Result<String, Wrong> {
    let crew = &gateway.crew;
    let unfit = || Wrong::Unfit("this version does not know what the button was for".to_owned());
    let deed = Deed::parse(&row.deed).ok_or_else(unfit)?;
    match deed {
        Deed::Approve | Deed::Deny => {
            let id = ApprovalId::parse(&row.subject).map_err(|_| unfit())?;
            let decision = match deed {
                Deed::Approve => ApprovalDecision::Approve,
                _ => ApprovalDecision::Deny,
            };
            decide::decide(crew, by, id, word(decision, None)).await?;
            let is_yes = decision == ApprovalDecision::Approve;
            Ok(if is_yes { "Approved." } else { "Denied." }.to_owned())
        }
        Deed::Happened | Deed::DidNot | Deed::EndIt => {
            let id = ApprovalId::parse(&row.subject).map_err(|_| unfit())?;
            let approval = decide::seen(crew, by, id).await?;
            let answer = match deed {
                Deed::EndIt => "stop",
                deed => deed.as_str(),
            };
            decide::resolve(crew, by, approval.task, approval.effect, answer).await?;
            Ok("Noted.".to_owned())
        }
        Deed::Stop => {
            let id = TaskId::parse(&row.subject).map_err(|_| unfit())?;
            control::cancel(crew, by, id).await?;
            Ok("Stopped.".to_owned())
        }
        Deed::Resume => {
            let id = TaskId::parse(&row.subject).map_err(|_| unfit())?;
            let task = control::retry(crew, by, id).await?;
            Ok(crate::words::clipped(
                &format!("Begun again: {}", task.title),
                limits::PRESS_CHARS_MAX,
            ))
        }
    }
}

/// A decision as the coordinator takes it.
pub(crate) fn word(decision: ApprovalDecision, answer: Option<String>) -> decide::Word {
    decide::Word {
        decision,
        digest: None,
        answer,
        lasts: false,
    }
}
