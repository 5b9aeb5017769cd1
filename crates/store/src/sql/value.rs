//! A value on its way into a statement, or out of a row.

use serde::Serialize;
use std::borrow::Cow;
use wardroom_domain as domain;

/// What a column can hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Nothing.
    Null,
    /// BOOLEAN; SQLite gives it back as a number.
    Bool(bool),
    /// SMALLINT, BIGINT.
    Int(i64),
    /// TEXT.
    Text(Cow<'a, str>),
    /// BYTEA.
    Bytes(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// How many bytes it carries, for the counters.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// The same value, owned.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Int(number),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }
}

/// Something that can be a parameter.
pub(crate) trait ToValue {
    /// The value, borrowed where it can be.
    fn to_value(&self) -> Value<'_>;
}

/// JSON as the text that is stored. A domain value that JSON cannot hold does not exist.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for Cow<'static, str> {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }
}

impl ToValue for domain::Digest {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self.as_bytes()))
    }
}

impl ToValue for domain::Timestamp {
    fn to_value(&self) -> Value<'_> {
        Value::Int(self.as_micros())
    }
}

impl ToValue for domain::Priority {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(self.get()))
    }
}

/// Numbers beyond 63 bits do not occur; one that did would be stored as the largest.
macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl ToValue for $number {
            fn to_value(&self) -> Value<'_> {
                Value::Int(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}
numbers! { u8 u16 u32 i64 u64 usize }

/// Ids and words are stored as people read them.
macro_rules! displayed {
    ($($id:ident)*) => {$(
        impl ToValue for domain::$id {
            fn to_value(&self) -> Value<'_> {
                Value::Text(Cow::Owned(self.to_string()))
            }
        }
    )*};
}
displayed! {
    OrgId UserId TokenId SessionId WorkspaceId ContextId ConversationId MessageId TaskId EffectId
    ApprovalId FileId OutboxId WorkerId InviteId PairingId GrantId Chain
}

macro_rules! words {
    ($($word:ident)*) => {$(
        impl ToValue for domain::$word {
            fn to_value(&self) -> Value<'_> {
                Value::Text(Cow::Borrowed(self.as_str()))
            }
        }
    )*};
}
words! {
    Role UserStatus WorkspaceKind Speaker TaskStatus TaskType Origin RiskTier RetryClass EffectState
    ApprovalDecision PolicySource Question AuditKind ScopeKind
}
