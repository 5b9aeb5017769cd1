//! Our values on their way to PostgreSQL and back.

use crate::StoreError;
use crate::sql::{Row, Value};
use bytes::BytesMut;
use std::borrow::Cow;
use std::error::Error;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A value as a parameter. Its type is told to the server, so that nothing is left to be guessed.
#[derive(Debug)]
pub(super) struct Param<'a>(pub(super) &'a Value<'a>);

/// The type that a value is told to be of; what is nothing may be of any.
pub(super) fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(truth) => truth.to_sql(kind, out),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Text(text) => text.as_ref().to_sql(kind, out),
            Value::Bytes(bytes) => bytes.as_ref().to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row as the server gives it.
pub(super) fn row(given: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let values = given.columns().iter().enumerate().map(|(index, column)| {
        let value = match *column.type_() {
            Type::BOOL => given.try_get(index).map(|value| some(value, Value::Bool)),
            Type::INT2 => given
                .try_get(index)
                .map(|value| some(value, |number: i16| Value::Int(number.into()))),
            Type::INT4 => given
                .try_get(index)
                .map(|value| some(value, |number: i32| Value::Int(number.into()))),
            Type::INT8 => given.try_get(index).map(|value| some(value, Value::Int)),
            Type::BYTEA => given
                .try_get(index)
                .map(|value| some(value, |bytes: Vec<u8>| Value::Bytes(Cow::Owned(bytes)))),
            _ => given
                .try_get(index)
                .map(|value| some(value, |text: String| Value::Text(Cow::Owned(text)))),
        };
        value.map_err(|error| StoreError::Damaged(format!("column {}: {error}", index + 1)))
    });
    values.collect::<Result<_, _>>().map(Row)
}

fn some<T>(value: Option<T>, make: impl FnOnce(T) -> Value<'static>) -> Value<'static> {
    value.map_or(Value::Null, make)
}
