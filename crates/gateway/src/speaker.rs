//! Who is speaking: by the platform's immutable id alone.

use crate::gateway::Gateway;
use wardroom_connectors::{Arrival, Place};
use wardroom_coordinator::{Wrong, arrive};
use wardroom_domain::{Identity, Principal};

/// What the org knows of a sender.
pub(crate) enum Speaker {
    /// One of its people.
    Known(Principal),
    /// Nobody, or somebody who may not act now: he learns no difference.
    Stranger(Identity),
    /// A program, or somebody who hides.
    Nobody,
}

/// The platform's name: its ids are the same behind every bot of ours.
pub(crate) fn platform(place: &Place) -> &str {
    place
        .connector
        .split(':')
        .next()
        .unwrap_or(&place.connector)
}

impl Gateway {
    /// Who sent this.
    pub(crate) async fn speaker(&self, arrival: &Arrival) -> Result<Speaker, Wrong> {
        let Some(sender) = arrival.sender.as_ref().filter(|sender| !sender.is_bot) else {
            return Ok(Speaker::Nobody);
        };
        let identity = Identity {
            connector: platform(&arrival.place).to_owned(),
            external_id: sender.id.clone(),
        };
        // The same question for every message, so that a change of role counts at once.
        match arrive::known(&self.crew, &identity).await? {
            Some(by) => Ok(Speaker::Known(Principal {
                via: format!("{} {}", arrival.place.connector, sender.id),
                ..by
            })),
            None => Ok(Speaker::Stranger(identity)),
        }
    }

    /// Whether admins watch this chat.
    pub(crate) async fn is_hub(&self, place: &Place) -> Result<bool, Wrong> {
        let hubs = self.crew.store.hubs(self.org()).await?;
        let is_it = |(_, hub): &(String, String)| {
            Place::parse(hub).is_some_and(|hub| hub.whole_chat() == place.whole_chat())
        };
        Ok(hubs.iter().any(is_it))
    }
}
