//! How a stored column becomes one of our types again.

use super::Value;
use serde::de::DeserializeOwned;
use wardroom_domain as domain;

/// A type that a column can be read as; none when the stored value is not one.
pub(crate) trait FromColumn: Sized {
    fn from_column(value: &Value<'_>) -> Option<Self>;
}

/// A column of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromColumn for Json<T> {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        serde_json::from_str(text(value)?).ok().map(Json)
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            present => T::from_column(present).map(Some),
        }
    }
}

fn text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

impl FromColumn for String {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        text(value).map(str::to_owned)
    }
}

impl FromColumn for bool {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(*truth),
            Value::Int(number) => Some(*number != 0),
            _ => None,
        }
    }
}

impl FromColumn for i64 {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl FromColumn for domain::Digest {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.as_ref().try_into().ok().map(Self::from_raw),
            _ => None,
        }
    }
}

impl FromColumn for domain::Timestamp {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        i64::from_column(value).map(Self::from_micros)
    }
}

impl FromColumn for domain::Priority {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        Self::try_from(u8::from_column(value)?).ok()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl FromColumn for $number {
            fn from_column(value: &Value<'_>) -> Option<Self> {
                i64::from_column(value)?.try_into().ok()
            }
        }
    )*};
}
numbers! { u8 u16 u32 u64 }

macro_rules! ids {
    ($($id:ident)*) => {$(
        impl FromColumn for domain::$id {
            fn from_column(value: &Value<'_>) -> Option<Self> {
                Self::parse(text(value)?).ok()
            }
        }
    )*};
}
ids! {
    OrgId UserId TokenId SessionId WorkspaceId ContextId ConversationId MessageId TaskId EffectId
    ApprovalId FileId OutboxId WorkerId InviteId PairingId GrantId
}

macro_rules! words {
    ($($word:ident)*) => {$(
        impl FromColumn for domain::$word {
            fn from_column(value: &Value<'_>) -> Option<Self> {
                Self::parse(text(value)?)
            }
        }
    )*};
}
words! {
    Role UserStatus WorkspaceKind Speaker TaskStatus TaskType Origin RiskTier RetryClass EffectState
    ApprovalDecision PolicySource Question AuditKind ScopeKind
}
