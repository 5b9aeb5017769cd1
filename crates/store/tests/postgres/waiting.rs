//! What waits costs a server nothing: no table of tasks or questions is read from end to end.

use crate::backlog::{look_around, waiting};
use crate::world::*;
use std::time::Duration;
use wardroom_store::*;

const MANY: u32 = 100_000;

async fn read_from_end_to_end(client: &tokio_postgres::Client) -> i64 {
    // What sessions have counted is told to all after a second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sql = "SELECT COALESCE(SUM(seq_tup_read), 0)::BIGINT FROM pg_stat_user_tables \
               WHERE relname IN ('task', 'approval')";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_that_wait_are_not_read_by_a_start_or_a_claim() {
    let world = World::new().await;
    waiting(&world, MANY).await;
    let ready = (0..20).map(|_| world.new_task().into()).collect();
    world.commit(ready).await.unwrap();
    world.place.execute("ANALYZE").await;
    world.store.close();
    let client = world.place.client().await;
    let before = read_from_end_to_end(&client).await;
    let store = world.place.open(OpenOptions::write(at(5))).unwrap();
    for _ in 0..5 {
        look_around(&world, &store).await;
    }
    let read = read_from_end_to_end(&client).await - before;
    assert!(
        read < i64::from(MANY),
        "{read} rows were read from end to end"
    );
}
