//! What waits costs a database file nothing: counted in the engine's own steps.

use crate::backlog::{look_around, waiting};
use crate::world::*;
use wardroom_store::*;

/// The work of a start and of looking around with so many tasks that wait.
async fn work(count: u32) -> u64 {
    let world = World::new().await;
    waiting(&world, count).await;
    let ready = (0..20).map(|_| world.new_task().into()).collect();
    world.commit(ready).await.unwrap();
    world.store.close();
    let store = world.place.open(OpenOptions::write(at(5))).unwrap();
    look_around(&world, &store).await;
    store.counters().steps
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_that_wait_cost_a_start_and_a_claim_nothing() {
    let (few, many) = (work(1_000).await, work(100_000).await);
    assert!(few > 0);
    assert!(
        many * 10 <= few * 12,
        "{few} steps among few, {many} among many"
    );
}
