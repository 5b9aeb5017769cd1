//! Forward, step by step, in one transaction that only one process takes at a time; never back.

use super::{failed, wall};
use crate::StoreError;
use crate::schema::{LEDGER, STEPS};
use deadpool_postgres::{Client, GenericClient, Transaction};
use std::path::PathBuf;
use wardroom_domain::{Timestamp, Waymark};

/// What only this engine has, made anew at every start.
const PROTECTION: &str = include_str!("../../migrations/postgres/protection.sql");
/// Takes the lock under which one process alone changes the tables, until its transaction ends.
pub(super) const ALONE: &str = "SELECT pg_advisory_xact_lock(x'77617264726f6f6d'::BIT(64)::BIGINT)";

/// Brings the database to this version's schema. One that is newer is left alone and refused.
pub(super) async fn migrate(client: &mut Client, now: Timestamp) -> Result<(), StoreError> {
    let migrating = |error: tokio_postgres::Error| failed("migrating the database", &error);
    let transaction = client.transaction().await.map_err(migrating)?;
    alone(&transaction).await.map_err(migrating)?;
    let known = STEPS.len() as i64;
    let found = schema_of(&transaction).await?.unwrap_or(0);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    transaction.batch_execute(LEDGER).await.map_err(migrating)?;
    if found < known {
        wall::lower(&transaction).await.map_err(migrating)?;
    }
    for (number, (name, step)) in (1_i64..).zip(STEPS).skip(found as usize) {
        transaction
            .batch_execute(&dialect(step))
            .await
            .map_err(migrating)?;
        transaction
            .execute(
                "INSERT INTO migration (number, name, at) VALUES ($1, $2, $3)",
                &[&number, name, &now.as_micros()],
            )
            .await
            .map_err(migrating)?;
        Waymark::MigrateStep.passed();
    }
    transaction
        .batch_execute(PROTECTION)
        .await
        .map_err(migrating)?;
    wall::raise(&transaction).await.map_err(migrating)?;
    transaction.commit().await.map_err(migrating)
}

/// Until the transaction ends, no other process changes the tables.
pub(super) async fn alone(transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute(ALONE).await
}

/// Ids and cursors are compared byte by byte, as SQLite does, whatever the database's language.
fn dialect(step: &str) -> String {
    step.replace(" TEXT", " TEXT COLLATE \"C\"")
}

/// For a reader: the database must be exactly of a version that this one can read.
pub(super) async fn require_known_schema(client: &Client) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    match schema_of(client).await? {
        Some(found) if found == known => Ok(()),
        Some(found) if found > known => Err(StoreError::Newer { found, known }),
        _ => Err(StoreError::NotSetUp {
            path: PathBuf::from("of this URL"),
        }),
    }
}

async fn schema_of(client: &impl GenericClient) -> Result<Option<i64>, StoreError> {
    let reading =
        |error: tokio_postgres::Error| failed("reading the version of the database", &error);
    let ledger = client
        .query_one("SELECT to_regclass('migration') IS NOT NULL", &[])
        .await
        .map_err(reading)?;
    if !ledger.get::<_, bool>(0) {
        return Ok(None);
    }
    let newest = client
        .query_one("SELECT MAX(number) FROM migration", &[])
        .await
        .map_err(reading)?;
    Ok(newest.get(0))
}
