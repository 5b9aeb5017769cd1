//! Commands that are typed at a foreign door. Most are the coordinator's own; those that mean the
//! door itself, or the person's notes and settings, are carried out here.

mod notes;
mod own;
mod settings;

use crate::gateway::Gateway;
use crate::intake::Case;
use crate::parcel::Note;
use crate::words;
use own::Own;
pub(crate) use settings::settings;
use std::sync::Arc;
use wardroom_connectors::PlaceKind;
use wardroom_coordinator::{Wrong, command, conversation_at};
use wardroom_domain::{Capability, Principal};
use wardroom_store::{Bind, Write};

/// The place in which a command is typed.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    pub(crate) kind: PlaceKind,
    /// Whether the admins watch it.
    pub(crate) is_hub: bool,
}

impl Here {
    /// Whether nobody of the org vouches for who listens here.
    fn is_strange(self) -> bool {
        self.kind != PlaceKind::Private && !self.is_hub
    }
}

/// A command.
pub(crate) enum Words {
    /// Carried out here.
    Own(Own),
    /// Carried out by the coordinator.
    Shared(command::Command),
}

impl Words {
    /// Reads a command; none for words that are meant for the coordinator's model.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        own::parse(text)
            .map(Self::Own)
            .or_else(|| command::parse(text).map(Self::Shared))
    }
}

/// Carries a command out, and says what came of it.
pub(crate) async fn attend(
    gateway: &Arc<Gateway>,
    case: &Case,
    by: &Principal,
    here: Here,
    words: &Words,
) -> Result<Vec<Write>, Wrong> {
    let is_about_the_place = matches!(
        words,
        Words::Own(Own::AdminChannel(_)) | Words::Shared(command::Command::Help)
    );
    if here.is_strange() && !is_about_the_place {
        return Ok(case.reply(gateway, Note::of(words::UNKNOWN_GROUP)));
    }
    if here.is_hub && !by.may(Capability::SeeOthers) {
        let text = "This chat belongs to your org's staff. Talk to me in private.";
        return Ok(case.reply(gateway, Note::of(text)));
    }
    match words {
        Words::Own(own) => own::attend(gateway, case, by, here, own).await,
        Words::Shared(command::Command::Help) => Ok(case.reply(gateway, Note::of(help(by, here)))),
        Words::Shared(command) => shared(gateway, case, by, command.clone()).await,
    }
}

/// Only what this person may do here.
fn help(by: &Principal, here: Here) -> String {
    let mut lines = Vec::new();
    if here.is_strange() {
        lines.push(words::UNKNOWN_GROUP.to_owned());
    } else {
        lines.push(words::plain(&command::help(by)));
        lines.extend(own::help(by, here).into_iter().map(words::plain));
    }
    lines.join("\n")
}

/// A command of the coordinator's, in the conversation that is held here.
async fn shared(
    gateway: &Arc<Gateway>,
    case: &Case,
    by: &Principal,
    command: command::Command,
) -> Result<Vec<Write>, Wrong> {
    let place = &case.arrival.place;
    let key = place.to_string();
    let begins = matches!(command, command::Command::Task(_));
    let talk = match begins {
        true => Some(conversation_at(&gateway.crew, by, &key).await?),
        false => None,
    };
    let answered = command::answer(&gateway.crew, by, talk.as_ref(), command).await?;
    let mut writes = Vec::new();
    if let Some(talk) = talk {
        writes.push(Write::Bind(Bind {
            conversation: talk.id,
            user: by.user,
            place: key,
            is_private: case.arrival.kind == PlaceKind::Private,
            at: gateway.crew.clock.now(),
        }));
    }
    let text = words::plain(&answered.text);
    writes.extend(case.reply(gateway, Note::of(text)));
    Ok(writes)
}
