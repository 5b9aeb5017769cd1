//! Everything of one store, carried into an empty one: from a laptop's file to a team's server, or
//! back. Either all of it arrives, in one transaction, or nothing does.
//!
//! Tables are carried in the order in which migrations make them, so that what refers to a row comes
//! after it; each org on its own, so that the wall between them stands meanwhile. The numbers of
//! rows are compared before the transaction is committed.

mod file;
mod server;

use crate::schema::STEPS;
use crate::sql::{Value, params};
use crate::{ObjectKey, OpenOptions, Servers, Store, StoreError};
use file::FileSink;
use server::ServerSink;
use std::path::{Path, PathBuf};
use wardroom_domain::{OrgId, Timestamp};

/// One end of a copy.
#[derive(Clone, Debug)]
pub enum CopyEnd {
    /// A database file.
    File(PathBuf),
    /// A PostgreSQL database.
    Servers(Servers),
}

/// What was carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The tables in their order, each with the number of its rows.
    pub tables: Vec<(String, u64)>,
}

/// Why nothing was carried.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the ends.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something already.
    #[error(
        "the target is not empty: its table {table} has {rows} rows; copy into a database of its own"
    )]
    NotEmpty {
        /// Where.
        table: String,
        /// How many.
        rows: u64,
    },
    /// A server works on one of them.
    #[error("a server works on the {end}; stop it first (its lease ends 30 seconds after a crash)")]
    InUse {
        /// `source` or `target`.
        end: &'static str,
    },
    /// What was written is not what was read.
    #[error(
        "{table} has {wanted} rows in the source and {found} came through, so nothing was copied; run `wardroom audit verify` and `wardroom doctor store` on the source"
    )]
    Uneven {
        /// Where.
        table: String,
        /// How many there are.
        wanted: u64,
        /// How many were carried.
        found: u64,
    },
}

/// A column of a table, as the target has it.
struct Column {
    name: String,
    kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Truth,
    Bytes,
}

/// Where rows go: a transaction that is open until it is finished. It blocks.
trait Sink {
    fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError>;
    fn count(&mut self, table: &str) -> Result<u64, StoreError>;
    /// From now on rows are of this org.
    fn stand_in(&mut self, org: OrgId) -> Result<(), StoreError>;
    fn insert(
        &mut self,
        table: &str,
        columns: &[Column],
        rows: Vec<Vec<Value<'static>>>,
    ) -> Result<(), StoreError>;
    fn finish(self: Box<Self>) -> Result<(), StoreError>;
}

/// How many rows go at once.
const ROWS_AT_ONCE: usize = 100;
/// What a server keeps of its own.
const LEDGER: &str = "migration";

/// Carries everything. It blocks, so call it where that does no harm and outside of a runtime.
pub fn copy(from: &CopyEnd, to: &CopyEnd, now: Timestamp) -> Result<Copied, CopyError> {
    let _alone = alone(from)?;
    let source = open(from, now)?;
    let mut sink = sink(to, now)?;
    let orgs = block_on(source.orgs())?;
    let mut copied = Vec::new();
    for table in tables() {
        let columns = sink.columns(&table)?;
        let present = sink.count(&table)?;
        if present > 0 {
            return Err(CopyError::NotEmpty {
                table,
                rows: present,
            });
        }
        copied.push((table, columns));
    }
    let mut tables: Vec<(String, u64)> = Vec::new();
    for (table, columns) in copied.iter().filter(|(_, columns)| !is_of_an_org(columns)) {
        let rows = carry_common(&source, sink.as_mut(), table, columns)?;
        tables.push((table.clone(), rows));
    }
    let of_orgs: Vec<_> = copied
        .iter()
        .filter(|(_, columns)| is_of_an_org(columns))
        .collect();
    let first = tables.len();
    tables.extend(of_orgs.iter().map(|(table, _)| (table.clone(), 0)));
    for (org, _) in orgs {
        sink.stand_in(org)?;
        for (index, (table, columns)) in of_orgs.iter().enumerate() {
            let rows = carry(&source, sink.as_mut(), table, columns, org)?;
            let written = sink.count(table)?;
            tables[first + index].1 += rows;
            // A file counts all orgs, a server the one that we stand in for.
            let wanted = match to {
                CopyEnd::File(_) => tables[first + index].1,
                CopyEnd::Servers(_) if written == tables[first + index].1 => written,
                CopyEnd::Servers(_) => rows,
            };
            check(table, wanted, written)?;
        }
    }
    if let CopyEnd::File(_) = from {
        for (table, rows) in &tables {
            check(table, count(&source, table)?, *rows)?;
        }
    }
    sink.finish()?;
    Ok(Copied { tables })
}

fn check(table: &str, wanted: u64, found: u64) -> Result<(), CopyError> {
    if wanted == found {
        return Ok(());
    }
    Err(CopyError::Uneven {
        table: table.to_owned(),
        wanted,
        found,
    })
}

/// The tables as migrations make them, without the ledger of the migrations themselves.
fn tables() -> Vec<String> {
    let mut found = Vec::new();
    for (_, step) in STEPS {
        for rest in step.split("CREATE TABLE ").skip(1) {
            let name = rest.split([' ', '(']).next().unwrap_or_default();
            if name != LEDGER {
                found.push(name.to_owned());
            }
        }
    }
    found
}

fn is_of_an_org(columns: &[Column]) -> bool {
    columns.iter().any(|column| column.name == "org")
}

fn names(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    names.join(", ")
}

/// The few rows that belong to no org.
fn carry_common(
    source: &Store,
    sink: &mut dyn Sink,
    table: &str,
    columns: &[Column],
) -> Result<u64, CopyError> {
    let sql = format!("SELECT {} FROM {table}", names(columns));
    let rows = block_on(source.plain_rows(&sql))?;
    let count = rows.len() as u64;
    let fit = |row: Vec<Value<'static>>| fitting(columns, row);
    sink.insert(table, columns, rows.into_iter().map(fit).collect())?;
    check(table, count, sink.count(table)?)?;
    Ok(count)
}

/// The rows of an org, some at a time.
fn carry(
    source: &Store,
    sink: &mut dyn Sink,
    table: &str,
    columns: &[Column],
    org: OrgId,
) -> Result<u64, CopyError> {
    let sql = format!("SELECT {} FROM {table} WHERE org = $1", names(columns));
    let (mut waiting, mut count) = (Vec::new(), 0);
    source.scan(|moment| {
        moment.each(&sql, params![org], &mut |row| {
            waiting.push(fitting(columns, row.0));
            count += 1;
            if waiting.len() == ROWS_AT_ONCE {
                sink.insert(table, columns, std::mem::take(&mut waiting))?;
            }
            Ok(())
        })
    })?;
    sink.insert(table, columns, waiting)?;
    Ok(count)
}

/// A row as the target holds it. What a process held goes free: no lease of the source counts in
/// the target.
fn fitting(columns: &[Column], row: Vec<Value<'static>>) -> Vec<Value<'static>> {
    let fit = |(column, value): (&Column, Value<'static>)| match (column.kind, value) {
        _ if column.name == "lease_until" => Value::Int(0),
        (Kind::Truth, Value::Int(number)) => Value::Bool(number != 0),
        (_, value) => value,
    };
    columns.iter().zip(row).map(fit).collect()
}

fn count(source: &Store, table: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let rows = block_on(source.plain_rows(&sql))?;
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(number)) => Ok(*number as u64),
        _ => Err(StoreError::Damaged(format!("{table} cannot be counted"))),
    }
}

fn open(end: &CopyEnd, now: Timestamp) -> Result<Store, StoreError> {
    match end {
        CopyEnd::File(path) => Store::open(path, OpenOptions::read(now)),
        CopyEnd::Servers(servers) => Store::connect_to(servers, OpenOptions::read(now)),
    }
}

fn sink(end: &CopyEnd, now: Timestamp) -> Result<Box<dyn Sink>, CopyError> {
    Ok(match end {
        CopyEnd::File(path) => Box::new(FileSink::open(path, now)?),
        CopyEnd::Servers(servers) => Box::new(ServerSink::open(servers, now)?),
    })
}

/// Keeps servers away from the source as long as it is held.
enum Alone {
    File(#[expect(dead_code, reason = "held, not read")] crate::sqlite::Lock),
    Servers(#[expect(dead_code, reason = "held, not read")] Box<server::Held>),
}

fn alone(end: &CopyEnd) -> Result<Alone, CopyError> {
    match end {
        CopyEnd::File(path) => {
            require_file(path)?;
            Ok(Alone::File(crate::sqlite::Lock::take(path)?))
        }
        CopyEnd::Servers(servers) => {
            let held = server::hold(servers, "source")?;
            Ok(Alone::Servers(Box::new(held)))
        }
    }
}

fn require_file(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    Err(StoreError::NotSetUp {
        path: path.to_owned(),
    })
}

/// Waits for the store, which answers from threads of its own.
fn block_on<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    runtime()?.block_on(work)
}

fn runtime() -> Result<tokio::runtime::Runtime, StoreError> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.map_err(|error| StoreError::Engine {
        attempt: "starting to copy",
        reason: error.to_string(),
    })
}

impl Store {
    /// The objects that rows name, each once, with the most bytes that a row says it has.
    pub async fn object_keys(&self) -> Result<Vec<(ObjectKey, u64)>, StoreError> {
        const NAMED: &str = "SELECT object, MAX(bytes) FROM \
             (SELECT org, object, bytes FROM artifact UNION ALL SELECT org, object, bytes FROM file) \
             AS named WHERE org = $1 GROUP BY object ORDER BY object";
        let mut keys = Vec::new();
        for (org, _) in self.orgs().await? {
            let named: Vec<(String, u64)> = self.all(NAMED, params![org]).await?;
            for (name, bytes) in named {
                let key = ObjectKey::named(&name)
                    .map_err(|error| StoreError::Damaged(error.to_string()))?;
                keys.push((key, bytes));
            }
        }
        Ok(keys)
    }

    /// The rows of a statement without parameters, as they are.
    async fn plain_rows(&self, sql: &str) -> Result<Vec<Vec<Value<'static>>>, StoreError> {
        let rows = self.rows(sql, &[]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}
