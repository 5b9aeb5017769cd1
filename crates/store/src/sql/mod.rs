//! The thin waist between our statements and an engine: values in, rows out, one transaction.

mod column;
mod row;
mod value;

pub(crate) use column::{FromColumn, Json};
pub(crate) use row::{Columns, Record, Row};
pub(crate) use value::{ToValue, Value, json};

use crate::StoreError;
use std::future::Future;

/// A transaction on some engine. The functions that apply writes are written once against this;
/// on SQLite every future is ready at its first poll.
pub(crate) trait Tx {
    /// Runs a statement that answers no rows; says how many it touched.
    fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>>;

    /// Runs a statement and reads all of its rows.
    fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>>;

    /// Takes a lock until the end of the transaction, unless somebody else has it now. An engine
    /// with one writer has them all.
    async fn try_lock(&mut self, _key: i64) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// The first row as a record, if there is one.
    async fn one<R: Record>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<R>, StoreError> {
        let rows = self.query(sql, params).await?;
        rows.first().map(Row::decode).transpose()
    }

    /// Every row as a record.
    async fn all<R: Record>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Vec<R>, StoreError> {
        let rows = self.query(sql, params).await?;
        rows.iter().map(Row::decode).collect()
    }
}

/// The database as of one moment, read row by row, so that a long answer takes no memory. It blocks.
pub(crate) trait Moment {
    /// Visits every row of a statement.
    fn each(
        &self,
        sql: &str,
        params: &[Value<'_>],
        visit: &mut dyn FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// The parameters of a statement, in the order of its `$1`, `$2`, ….
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::ToValue::to_value(&$value)),*] };
}
pub(crate) use params;
