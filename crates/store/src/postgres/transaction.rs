//! A transaction on one connection.

use super::value::{Param, row, type_of};
use super::{failed, is_lost};
use crate::StoreError;
use crate::sql::{Row, Tx, Value};
use crate::store::Tally;
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

/// A connection seen as a transaction that somebody else begins and ends.
pub(crate) struct Pg<'a> {
    pub(super) client: &'a ClientWrapper,
    pub(super) tally: &'a Tally,
    /// Why the last statement failed, for whoever decides whether trying again helps.
    pub(super) failure: Option<Failure>,
}

/// What a failed statement means for its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Two commits got into each other's way; once more, and it may work.
    InTheWay,
    /// The connection is gone.
    Lost,
    /// Anything else.
    Other,
}

impl Failure {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        match error.code() {
            Some(
                &SqlState::T_R_SERIALIZATION_FAILURE
                | &SqlState::T_R_DEADLOCK_DETECTED
                | &SqlState::UNIQUE_VIOLATION
                | &SqlState::LOCK_NOT_AVAILABLE,
            ) => Self::InTheWay,
            _ if is_lost(error) => Self::Lost,
            _ => Self::Other,
        }
    }
}

impl Pg<'_> {
    async fn prepare(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Statement, tokio_postgres::Error> {
        self.tally.statement(params.iter().map(Value::bytes).sum());
        let types: Vec<Type> = params.iter().map(type_of).collect();
        self.client.prepare_typed_cached(sql, &types).await
    }

    async fn touched(&self, sql: &str, params: &[Value<'_>]) -> Result<u64, tokio_postgres::Error> {
        let statement = self.prepare(sql, params).await?;
        let values: Vec<_> = params.iter().map(Param).collect();
        self.client.execute(&statement, &bound(&values)).await
    }

    /// Reads all rows of a statement.
    pub(super) async fn read(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql, params).await?;
        let values: Vec<_> = params.iter().map(Param).collect();
        self.client.query(&statement, &bound(&values)).await
    }

    fn noted(&mut self, attempt: &'static str, error: &tokio_postgres::Error) -> StoreError {
        self.failure = Some(Failure::of(error));
        failed(attempt, error)
    }
}

fn bound<'a>(values: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

impl Tx for Pg<'_> {
    async fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let touched = self.touched(sql, params).await;
        touched.map_err(|error| self.noted("writing", &error))
    }

    async fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match self.read(sql, params).await {
            Ok(rows) => rows.iter().map(row).collect(),
            Err(error) => Err(self.noted("reading", &error)),
        }
    }

    async fn try_lock(&mut self, key: i64) -> Result<bool, StoreError> {
        let sql = "SELECT pg_try_advisory_xact_lock($1)";
        let got = self.one(sql, &[Value::Int(key)]).await?;
        Ok(got.is_some_and(|(got,)| got))
    }
}
