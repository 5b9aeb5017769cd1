//! Rows into a new PostgreSQL database.

use super::{Column, CopyError, Kind, Sink, runtime};
use crate::postgres::copying::{Target, hold as hold_connection};
use crate::sql::Value;
use crate::{Servers, StoreError};
use tokio::runtime::Runtime;
use wardroom_domain::{OrgId, Timestamp};

/// Keeps servers away as long as it is held.
pub(super) struct Held {
    _target: Target,
    _runtime: Runtime,
}

pub(super) fn hold(servers: &Servers, end: &'static str) -> Result<Held, CopyError> {
    let runtime = runtime()?;
    let (target, is_worked_on) = runtime.block_on(hold_connection(servers))?;
    if is_worked_on {
        return Err(CopyError::InUse { end });
    }
    Ok(Held {
        _target: target,
        _runtime: runtime,
    })
}

pub(super) struct ServerSink {
    target: Target,
    runtime: Runtime,
}

impl ServerSink {
    pub(super) fn open(servers: &Servers, now: Timestamp) -> Result<Self, StoreError> {
        let runtime = runtime()?;
        let target = runtime.block_on(Target::open(servers, now))?;
        Ok(Self { target, runtime })
    }
}

impl Sink for ServerSink {
    fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError> {
        let found = self.runtime.block_on(self.target.columns(table))?;
        let column = |(name, kind): (String, String)| Column {
            name,
            kind: match kind.as_str() {
                "text" => Kind::Text,
                "bytea" => Kind::Bytes,
                "boolean" => Kind::Truth,
                _ => Kind::Number,
            },
        };
        Ok(found.into_iter().map(column).collect())
    }

    fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        self.runtime.block_on(self.target.count(table))
    }

    fn stand_in(&mut self, org: OrgId) -> Result<(), StoreError> {
        self.runtime.block_on(self.target.stand_in(org))
    }

    fn insert(
        &mut self,
        table: &str,
        columns: &[Column],
        rows: Vec<Vec<Value<'static>>>,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let row = |at: usize| {
            let first = at * columns.len();
            let places: Vec<_> = (1..=columns.len())
                .map(|place| format!("${}", first + place))
                .collect();
            format!("({})", places.join(", "))
        };
        let values: Vec<_> = (0..rows.len()).map(row).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES {}",
            super::names(columns),
            values.join(", ")
        );
        let values: Vec<_> = rows.into_iter().flatten().collect();
        self.runtime.block_on(self.target.execute(&sql, &values))
    }

    fn finish(self: Box<Self>) -> Result<(), StoreError> {
        self.runtime.block_on(self.target.commit())
    }
}
