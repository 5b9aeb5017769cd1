//! SQLite: the engine of one machine. One connection writes, a few read, one process holds the lock.

mod engine;
mod writer;
mod connection;
mod readers;
mod lock;
mod migrate;

pub(crate) use connection::open_writer;
pub(crate) use engine::{Sqlite, create_private};
pub(crate) use lock::Lock;
pub(crate) use migrate::migrate;

use connection::{Lite, open_reader};
use migrate::require_known_schema;
use readers::Readers;

use crate::StoreError;
use rusqlite::ffi::{ErrorCode, SQLITE_CONSTRAINT_FOREIGNKEY};

/// What SQLite said, as one of our errors.
pub(crate) fn failed(attempt: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error() {
        Some(cause) if cause.code == ErrorCode::DiskFull => StoreError::Full,
        Some(cause) if cause.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Dangling,
        _ => StoreError::Engine {
            attempt,
            reason: error.to_string(),
        },
    }
}
