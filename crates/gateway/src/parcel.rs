//! What a row of the outbox carries.

use crate::gateway::Gateway;
use serde::{Deserialize, Serialize};
use wardroom_connectors::{Button, Place, Post, Rich};
use wardroom_coordinator::mint;
use wardroom_domain::OutboxId;
use wardroom_store::{Outbox, Write};

/// One thing to be carried to a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "parcel", rename_all = "snake_case")]
pub(crate) enum Parcel {
    /// A message.
    Say {
        /// Short enough for the platform.
        post: Post,
    },
    /// What was carried under an earlier key reads like this from now on.
    Edit {
        /// The key.
        of: String,
        /// How it reads.
        post: Post,
    },
    /// A file.
    File {
        /// Its name.
        name: String,
        /// Where its bytes are.
        object: String,
    },
}

/// Something to say: Markdown, and what stands around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) buttons: Vec<Vec<Button>>,
    pub(crate) reply_to: Option<String>,
}

impl Note {
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

impl Gateway {
    /// The rows by which something is said in a place, once per key: one per message that the
    /// platform needs for it. Buttons stand below the last.
    pub(crate) fn say(&self, place: &Place, key: &str, note: Note) -> Vec<Write> {
        let text = self.crew.redactor.redact(&note.text);
        let rich = Rich::markdown(&text);
        let mut pieces = match self.door(place) {
            Some(door) => door.connector.pieces(&rich),
            None => vec![rich],
        };
        if pieces.is_empty() {
            pieces.push(Rich::plain("(nothing to show)"));
        }
        let last = pieces.len() - 1;
        let (mut buttons, mut reply_to) = (Some(note.buttons), note.reply_to);
        let parcels = pieces.into_iter().enumerate().map(|(at, rich)| {
            let post = Post {
                rich,
                buttons: buttons.take_if(|_| at == last).unwrap_or_default(),
                reply_to: reply_to.take(),
            };
            let key = if at == 0 {
                key.to_owned()
            } else {
                format!("{key}#{}", at + 1)
            };
            self.row(place, key, &Parcel::Say { post })
        });
        parcels.collect()
    }

    /// The row by which a message that was said under a key reads otherwise from now on.
    pub(crate) fn edit(&self, place: &Place, of: &str, key: &str, note: Note) -> Write {
        let post = self.short_post(place, note);
        let of = of.to_owned();
        self.row(place, key.to_owned(), &Parcel::Edit { of, post })
    }

    /// What fits into one message; the rest is left out.
    pub(crate) fn short_post(&self, place: &Place, note: Note) -> Post {
        let text = self.crew.redactor.redact(&note.text);
        let rich = Rich::markdown(&text);
        let first = self
            .door(place)
            .and_then(|door| door.connector.pieces(&rich).into_iter().next());
        Post {
            rich: first.unwrap_or(rich),
            buttons: note.buttons,
            reply_to: note.reply_to,
        }
    }

    pub(crate) fn row(&self, place: &Place, dedup_key: String, parcel: &Parcel) -> Write {
        Write::Outbox(Outbox {
            id: mint!(self.crew.clock, OutboxId),
            dedup_key,
            destination: place.to_string(),
            body: serde_json::to_value(parcel).unwrap_or_default(),
            at: self.crew.clock.now(),
        })
    }
}
