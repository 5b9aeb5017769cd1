//! Forward, step by step, in one transaction; never back.

use super::failed;
use crate::StoreError;
use crate::schema::{LEDGER, STEPS};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use wardroom_domain::{Timestamp, Waymark};

/// What only this engine has, made anew at every start.
const PROTECTION: &str = include_str!("../../migrations/sqlite/protection.sql");

/// Brings the database to this version's schema. One that is newer is left alone and refused.
pub(crate) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    let migrating = failed("migrating the database");
    let known = STEPS.len() as i64;
    let found = schema_of(connection)?.unwrap_or(0);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let transaction = connection.transaction().map_err(&migrating)?;
    transaction.execute_batch(LEDGER).map_err(&migrating)?;
    for (number, (name, step)) in (1_i64..).zip(STEPS).skip(found as usize) {
        let step = step.replace("/* WITHOUT ROWID */", "WITHOUT ROWID");
        transaction.execute_batch(&step).map_err(&migrating)?;
        transaction
            .execute(
                "INSERT INTO migration (number, name, at) VALUES ($1, $2, $3)",
                (number, name, now.as_micros()),
            )
            .map_err(&migrating)?;
        Waymark::MigrateStep.passed();
    }
    transaction.execute_batch(PROTECTION).map_err(&migrating)?;
    transaction.commit().map_err(&migrating)
}

/// For a reader: the database must be exactly of a version that this one can read.
pub(crate) fn require_known_schema(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    match schema_of(connection)? {
        Some(found) if found == known => Ok(()),
        Some(found) if found > known => Err(StoreError::Newer { found, known }),
        _ => Err(StoreError::NotSetUp {
            path: path.to_owned(),
        }),
    }
}

fn schema_of(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let reading = failed("reading the version of the database");
    let ledger: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'",
            (),
            |row| row.get(0),
        )
        .optional()
        .map_err(&reading)?;
    if ledger.is_none() {
        return Ok(None);
    }
    connection
        .query_row("SELECT MAX(number) FROM migration", (), |row| row.get(0))
        .map_err(&reading)
}
