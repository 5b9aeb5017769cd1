//! A connection with our settings, and a transaction on it.

use super::failed;
use crate::sql::{Moment, Row, Tx, Value};
use crate::store::Tally;
use crate::{OpenOptions, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, StatementStatus};
use std::borrow::Cow;
use std::path::Path;

/// Older versions can damage the write-ahead log when it is reset.
const OLDEST_SQLITE: i32 = 3_051_003;
/// More than all of our statements.
const STATEMENTS_KEPT: usize = 256;

/// What every connection has in common. Triggers must fire for replaced rows too.
const COMMON: &str = "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; \
                      PRAGMA temp_store = MEMORY;";
/// A commit is on the disk before it is answered; the writer checkpoints when it finds the time.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
                      PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4096;";
/// A page that is not in its cache is one copy away: the system keeps what the writer wrote.
const READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -256;";

pub(crate) fn open_writer(path: &Path, options: &OpenOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, WRITER)?;
    if let Some(pages) = options.pages_max {
        connection
            .pragma_update(None, "max_page_count", pages)
            .map_err(failed("limiting the database"))?;
    }
    Ok(connection)
}

pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, flags, READER)
}

fn open(path: &Path, flags: OpenFlags, settings: &str) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite {
            found: rusqlite::version().to_owned(),
        });
    }
    let refused = |error: rusqlite::Error| StoreError::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let connection = Connection::open_with_flags(path, flags).map_err(refused)?;
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .map_err(refused)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Otherwise a statement is planned anew whenever a value is bound that a partial index names.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(refused)?;
    connection.execute_batch(COMMON).map_err(refused)?;
    connection.execute_batch(settings).map_err(refused)?;
    Ok(connection)
}

/// A connection seen as a transaction. Its futures are ready at the first poll.
pub(crate) struct Lite<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) tally: &'a Tally,
}

impl Lite<'_> {
    fn prepare(&self, sql: &str, params: &[Value<'_>]) -> rusqlite::Result<CachedStatement<'_>> {
        self.tally.statement(params.iter().map(Value::bytes).sum());
        // SQLite takes `$3` for a name and numbers it by where it first stands; `?3` is the third.
        let mut statement = self.connection.prepare_cached(&sql.replace('$', "?"))?;
        if statement.parameter_count() != params.len() {
            let count = statement.parameter_count();
            return Err(rusqlite::Error::InvalidParameterCount(params.len(), count));
        }
        for (index, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        Ok(statement)
    }

    fn run(&self, sql: &str, params: &[Value<'_>]) -> rusqlite::Result<u64> {
        let mut statement = self.prepare(sql, params)?;
        let touched = statement.raw_execute()?;
        self.tally
            .stepped(statement.reset_status(StatementStatus::VmStep));
        Ok(touched as u64)
    }

    /// Reads all rows of a statement.
    pub(crate) fn rows(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        self.visit(sql, params, |row| {
            found.push(row);
            Ok(())
        })?;
        Ok(found)
    }

    fn visit(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut visit: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let reading = failed("reading");
        let mut statement = self.prepare(sql, params).map_err(&reading)?;
        let width = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(&reading)? {
            let values = (0..width)
                .map(|index| row.get_ref(index).map(owned))
                .collect::<Result<_, _>>()
                .map_err(&reading)?;
            visit(Row(values))?;
        }
        drop(rows);
        self.tally
            .stepped(statement.reset_status(StatementStatus::VmStep));
        Ok(())
    }
}

impl Moment for Lite<'_> {
    fn each(
        &self,
        sql: &str,
        params: &[Value<'_>],
        visit: &mut dyn FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.visit(sql, params, visit)
    }
}

impl Tx for Lite<'_> {
    async fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        self.run(sql, params).map_err(failed("writing"))
    }

    async fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(sql, params)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A column as SQLite gives it. We store no fractions; one that turns up reads as nothing we know.
fn owned(column: ValueRef<'_>) -> Value<'static> {
    match column {
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(Cow::Owned(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(bytes) => Value::Bytes(Cow::Owned(bytes.to_vec())),
    }
}
