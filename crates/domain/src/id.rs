//! Every kind of thing has its own id type with a visible prefix; this is their one registry.
//!
//! An id is a ULID: 48 bits of time, 80 bits of chance. Both arrive as arguments.

use crate::{Digest, Timestamp};
use ulid::Ulid;

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_…`; copy it whole from where it was shown")]
pub struct NotAnId {
    prefix: &'static str,
    text: String,
}

fn parse_ulid(text: &str, prefix: &'static str) -> Result<Ulid, NotAnId> {
    let wrong = || NotAnId {
        prefix,
        text: text.chars().take(64).collect(),
    };
    let body = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or_else(wrong)?;
    Ulid::from_string(body).map_err(|_| wrong())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// The visible prefix, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a new id from the time and 80 bits of chance.
            pub fn mint(at: Timestamp, random: u128) -> Self {
                Self(Ulid::from_parts(at.as_millis(), random & ((1 << 80) - 1)))
            }

            /// Makes the id that belongs to a digest, so that the same content has the same id.
            pub fn derived(from: &Digest) -> Self {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&from.as_bytes()[..16]);
                Self(Ulid::from_bytes(bytes))
            }

            /// Reads the id as people and clients write it.
            pub fn parse(text: &str) -> Result<Self, NotAnId> {
                parse_ulid(text, Self::PREFIX).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.to_string())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// The organisation: the tenant in every key.
    OrgId "org";
    /// A person of an org.
    UserId "user";
    /// An API token of a person.
    TokenId "tok";
    /// A signed-in browser.
    SessionId "sess";
    /// A folder that tasks work on.
    WorkspaceId "ws";
    /// A channel, thread or private chat with its own prompt, tools and models.
    ContextId "ctx";
    /// A talk between a person and the coordinator.
    ConversationId "conv";
    /// One message of a conversation.
    MessageId "msg";
    /// A unit of delegated work.
    TaskId "task";
    /// One thing that a task asked the world to do.
    EffectId "eff";
    /// A question to a person about one exact action.
    ApprovalId "apr";
    /// A remembered yes.
    GrantId "grant";
    /// An uploaded file.
    FileId "file";
    /// One row on its way out.
    OutboxId "out";
    /// One process that works on tasks.
    WorkerId "wrk";
    /// An invitation to the org.
    InviteId "inv";
    /// A wish of somebody outside to be linked to a person.
    PairingId "pair";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_wire_and_refuses_other_kinds() {
        let task = TaskId::mint(Timestamp::from_micros(1_767_225_600_000_000), 7);
        assert!(task.to_string().starts_with("task_01K"));
        assert_eq!(TaskId::parse(&task.to_string()), Ok(task));
        assert!(UserId::parse(&task.to_string()).is_err());
        assert!(TaskId::parse("task_").is_err());
        let json = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<TaskId>(&json).unwrap(), task);
    }
}
