//! Rows into a new database file.

use super::{Column, Kind, Sink};
use crate::sql::Value;
use crate::sqlite::{Lock, create_private, failed, migrate, open_writer};
use crate::{OpenOptions, StoreError};
use rusqlite::Connection;
use std::path::Path;
use wardroom_domain::{OrgId, Timestamp};

pub(super) struct FileSink {
    connection: Connection,
    _lock: Lock,
}

impl FileSink {
    pub(super) fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        create_private(path)?;
        let lock = Lock::take(path)?;
        let mut connection = open_writer(path, &OpenOptions::write(now))?;
        migrate(&mut connection, now)?;
        let sink = Self {
            connection,
            _lock: lock,
        };
        sink.execute("BEGIN IMMEDIATE")?;
        Ok(sink)
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection
            .execute_batch(sql)
            .map_err(failed("copying"))
    }
}

impl Sink for FileSink {
    fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError> {
        let reading = failed("reading the columns of a table");
        let sql = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
        let mut statement = self.connection.prepare(sql).map_err(&reading)?;
        let rows = statement.query_map([table], |row| {
            let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
            let kind = match kind.as_str() {
                "TEXT" => Kind::Text,
                "BYTEA" => Kind::Bytes,
                // A file keeps truth as a number.
                _ => Kind::Number,
            };
            Ok(Column { name, kind })
        });
        rows.map_err(&reading)?
            .collect::<Result<_, _>>()
            .map_err(&reading)
    }

    fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let count: i64 = self
            .connection
            .query_row(&sql, (), |row| row.get(0))
            .map_err(failed("counting rows"))?;
        Ok(count as u64)
    }

    fn stand_in(&mut self, _: OrgId) -> Result<(), StoreError> {
        Ok(())
    }

    fn insert(
        &mut self,
        table: &str,
        columns: &[Column],
        rows: Vec<Vec<Value<'static>>>,
    ) -> Result<(), StoreError> {
        let copying = failed("copying");
        let places: Vec<_> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES ({})",
            super::names(columns),
            places.join(", ")
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&copying)?;
        for row in &rows {
            statement
                .execute(rusqlite::params_from_iter(row))
                .map_err(&copying)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), StoreError> {
        self.execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
    }
}
