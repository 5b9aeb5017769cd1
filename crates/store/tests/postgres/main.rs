//! The store suite on PostgreSQL: the same tests, and what only several processes can do.
//!
//! `WARDROOM_TEST_POSTGRES` is the URL of a server on which databases may be made, such as
//! `postgres://me@127.0.0.1:5432`; the test command starts one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking, in its helpers too"
)]

mod place;

#[path = "../it/world.rs"]
mod world;

#[path = "../it/tasks.rs"]
mod tasks;
#[path = "../it/claims.rs"]
mod claims;
#[path = "../it/backlog.rs"]
mod backlog;
#[path = "../it/mail.rs"]
mod mail;
#[path = "../it/talk.rs"]
mod talk;
#[path = "../it/people.rs"]
mod people;
#[path = "../it/approvals.rs"]
mod approvals;
#[path = "../it/arrivals.rs"]
mod arrivals;
#[path = "../it/records.rs"]
mod records;
#[path = "../it/secrets.rs"]
mod secrets;
#[path = "../it/scope.rs"]
mod scope;
#[path = "../it/audit.rs"]
mod audit;
#[path = "../it/random.rs"]
mod random;
#[path = "../it/differential/mod.rs"]
mod differential;

mod several;
mod wall;
mod tls;
mod bus;
mod copy;
mod waiting;
