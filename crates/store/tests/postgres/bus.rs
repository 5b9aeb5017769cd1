//! Redis as the carrier of hints: heard while it is there, not missed while it is not.

use crate::world::*;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use wardroom_store::*;
use wardroom_testkit::redis::TestRedis;

fn joined(world: &World, redis: &TestRedis) -> Store {
    let servers = Servers {
        bus: Some(redis.url()),
        ..world.place.servers()
    };
    Store::connect_to(&servers, OpenOptions::write(at(1))).unwrap()
}

/// What one commits until the other hears it; a listener needs a moment to be there.
async fn is_heard(world: &World, one: &Store, hints: &mut Receiver<Hint>) -> bool {
    let heard = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let writes = vec![world.new_task().into()];
            one.commit(world.org, writes).await.unwrap();
            let hint = tokio::time::timeout(Duration::from_millis(300), hints.recv()).await;
            if let Ok(Ok(Hint::Ready { org })) = hint {
                return org == world.org;
            }
        }
    });
    heard.await.unwrap_or(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_and_forgets_costs_hints_and_nothing_else() {
    let mut redis = TestRedis::start();
    let world = World::new().await;
    let (one, other) = (joined(&world, &redis), joined(&world, &redis));
    let mut hints = other.hints();
    assert!(is_heard(&world, &one, &mut hints).await);
    redis.flush();
    assert!(is_heard(&world, &one, &mut hints).await);
    redis.kill();
    while hints.try_recv().is_ok() {}
    // Nobody waits for it, and what is committed is found by looking.
    let before = std::time::Instant::now();
    let task = world.new_task();
    let id = task.task.id;
    one.commit(world.org, vec![task.into()]).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(10));
    assert!(other.task(world.org, id).await.unwrap().is_some());
    redis.up();
    assert!(is_heard(&world, &one, &mut hints).await);
}

#[test]
fn a_bus_without_an_address_is_one_sentence() {
    let servers = Servers {
        database: "postgres://nobody@127.0.0.1:1/none".to_owned(),
        owner: None,
        bus: Some("redis://:pw@:::".to_owned()),
        lease: None,
    };
    let told = Store::connect_to(&servers, OpenOptions::write(at(0)));
    let told = told.unwrap_err().to_string();
    assert!(told.starts_with("the bus cannot be used"), "{told}");
    assert!(!told.contains("pw"), "{told}");
}
