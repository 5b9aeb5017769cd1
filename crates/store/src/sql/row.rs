//! A row that was read, and the reading of it column by column.

use super::{FromColumn, Value};
use crate::StoreError;

/// One row of an answer.
#[derive(Debug)]
pub(crate) struct Row(pub(crate) Vec<Value<'static>>);

impl Row {
    /// Reads the row as a record.
    pub(crate) fn decode<R: Record>(&self) -> Result<R, StoreError> {
        R::read(&mut Columns { row: self, next: 0 })
    }
}

/// Something that a row can be read as. Columns are taken in the order of the statement.
pub(crate) trait Record: Sized {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError>;
}

/// The columns of a row, taken one after the other.
pub(crate) struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl Columns<'_> {
    /// The next column.
    pub(crate) fn take<T: FromColumn>(&mut self) -> Result<T, StoreError> {
        let value = self.row.0.get(self.next).unwrap_or(&Value::Null);
        self.next += 1;
        T::from_column(value).ok_or_else(|| {
            let path = std::any::type_name::<T>();
            let name = path.rsplit("::").next().unwrap_or(path);
            StoreError::Damaged(format!("column {} is not a {name}", self.next))
        })
    }
}

impl<A: FromColumn> Record for (A,) {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok((columns.take()?,))
    }
}

impl<A: FromColumn, B: FromColumn> Record for (A, B) {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok((columns.take()?, columns.take()?))
    }
}

impl<A: FromColumn, B: FromColumn, C: FromColumn> Record for (A, B, C) {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok((columns.take()?, columns.take()?, columns.take()?))
    }
}

impl<A: FromColumn, B: FromColumn, C: FromColumn, D: FromColumn> Record for (A, B, C, D) {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok((
            columns.take()?,
            columns.take()?,
            columns.take()?,
            columns.take()?,
        ))
    }
}
