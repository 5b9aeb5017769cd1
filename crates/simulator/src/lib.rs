//! A whole Wardroom on one thread under a seeded clock: the real coordinator, engine and store, a
//! scripted model, executors, a chat network, and a world outside that counts how often it was touched.
//!
//! A [`Plan`] says what goes wrong: crashes and sleeps at waymarks, hints that are lost, doubled or
//! late, clocks that jump. Whatever it says, every task must end, and the invariants must hold. A
//! plan is a line of text that plays again.
//!
//! What is not simulated: threads (every process has one), the network, and what SQLite does below
//! a commit.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a simulation that cannot go on fails its test"
)]

mod chance;
mod plan;
mod stage;
mod outside;
mod chat;
mod model;
mod hands;
mod process;
mod people;
mod run;

pub use chance::Chance;
pub use plan::{Hints, Kind, ON_THE_ROAD, Plan, Strike};
pub use run::{Report, run};
