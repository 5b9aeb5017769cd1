//! What a platform brought, in the words of no platform.

use crate::{Place, PlaceKind};
use serde::{Deserialize, Serialize};

/// One delivery of a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The platform's own id of this delivery: a second one with the same id is the same delivery.
    pub external_id: String,
    /// Where.
    pub place: Place,
    /// What kind of chat that is.
    pub kind: PlaceKind,
    /// Who; none where the platform does not say, or hides it.
    pub sender: Option<Sender>,
    /// What happened.
    pub what: What,
}

/// Somebody at the platform. Only `id` says who it is: names can be chosen and changed by anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The platform's immutable id.
    pub id: String,
    /// How he calls himself there today.
    pub name: String,
    /// Whether it is a program.
    pub is_bot: bool,
}

/// What happened at the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Somebody said something.
    Said {
        /// His words; those below a picture, too.
        text: String,
        /// What came with them.
        attachments: Vec<Attachment>,
        /// The platform's id of the message.
        message: String,
        /// Whether it was said to us: alone with us, by command, by name or in reply.
        is_to_us: bool,
        /// Whether the words are another's, passed on.
        is_forwarded: bool,
        /// Whether it replaces what was said before.
        is_edited: bool,
    },
    /// Somebody pressed a button of ours.
    Pressed {
        /// By which the platform wants to hear what came of it.
        press: String,
        /// What the button carries.
        data: String,
    },
    /// The chat has another id from now on.
    Moved {
        /// The new id.
        to: String,
    },
    /// We were shut out of the chat: blocked or removed.
    ShutOut,
    /// We were let in again, or for the first time.
    LetIn,
    /// Something that this version cannot read.
    Unreadable {
        /// What the platform calls it, or that it makes no sense.
        kind: String,
    },
}

/// A file at the platform, not fetched yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// By which the platform hands it out.
    pub id: String,
    /// Its name, or one that was made for it.
    pub name: String,
    /// What it says it is.
    pub media_type: String,
    /// Its size, where the platform says.
    pub bytes: Option<u64>,
}
