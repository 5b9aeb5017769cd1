//! The store suite on SQLite. All but `sqlite` is written against `Store` alone, so that
//! PostgreSQL runs it too.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking, in its helpers too"
)]

mod place;
mod world;

mod tasks;
mod claims;
mod backlog;
mod mail;
mod doors;
mod talk;
mod people;
mod approvals;
mod arrivals;
mod records;
mod secrets;
mod scope;
mod audit;
mod random;
mod differential;
mod objects;

mod sqlite;
