//! The main road, walked by its users: the real binary, real sockets, a stand-in for the model.
//!
//! What a task is asked to do is a [`script`] that the model follows, so that every story says in
//! one place what happens and what comes of it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on fails its test, in its helpers too"
)]

mod script;
mod http;
mod remains;
mod database;

mod talk;
mod folder;
mod approval;
mod cancel;
mod limits;
mod policy;
mod quotas;
mod kinds;
mod raised;
mod chaos;
mod crash;
mod powercut;
mod faults;
mod wires;
mod reliable;
mod rows;
mod several;
mod apart;
mod bucket;
mod moving;
mod drain;
mod people;
mod govern;
mod s1;
mod others;
mod classes;
mod work;
mod refused;
mod servers;
mod doors;
mod every_door;
mod confined;
mod bare;
mod disks;
mod control_room;
mod telegram;
mod egress;
mod doubts;
mod lent;
mod canaries;
mod levels;
mod trust;
mod suite;
mod foreseen;
mod declared;
mod records;
mod search;
mod sessions;

use script::follows;
use wardroom_testkit::world::{Setup, World};

/// The binary under test, on a laptop.
fn laptop() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_wardroom"))
}

/// The same for a small company: a person's own workspace asks too.
fn company() -> Setup {
    laptop().profile("agenticai")
}

/// A world whose model follows scripts.
async fn world(setup: Setup) -> World {
    World::start(setup, follows).await
}

/// A pause of the story itself.
async fn pause(milliseconds: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
}
