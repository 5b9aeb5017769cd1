//! Where something is said: a door, a chat behind it, a thread in the chat.

use serde::{Deserialize, Serialize};
use std::fmt;
use wardroom_domain::words;

words! {
    /// What kind of chat a place is.
    pub enum PlaceKind {
        /// One person and us.
        Private = "private",
        /// Several people and us.
        Group = "group",
        /// People whom we cannot tell apart.
        Channel = "channel",
    }
}

/// A place at a door. Written `telegram:main/-100123/7`; neither chat nor thread holds a slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The door: `telegram:main`.
    pub connector: String,
    /// The platform's own id of the chat.
    pub chat: String,
    /// The platform's own id of the thread or topic.
    pub thread: Option<String>,
}

impl Place {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_owned);
        let (connector, chat, thread) = (parts.next()?, parts.next()?, parts.next());
        let is_whole = parts.next().is_none() && connector.contains(':') && !chat.is_empty();
        is_whole.then_some(Self {
            connector,
            chat,
            thread,
        })
    }

    /// The chat as a whole, without the thread.
    #[must_use]
    pub fn whole_chat(&self) -> Self {
        Self {
            thread: None,
            ..self.clone()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.connector, self.chat)?;
        match &self.thread {
            Some(thread) => write!(f, "/{thread}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_written_form() {
        for text in ["telegram:main/12", "telegram:main/-100123/7"] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "telegram:main", "telegram:main/", "a:b/c/d/e", "chat/1"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
