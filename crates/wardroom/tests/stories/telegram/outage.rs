//! Telegram is away, we are killed: nothing is lost, nothing said twice.

use super::{Place, TOKEN};
use crate::laptop;
use crate::script::script;
use crate::several::team;
use std::time::{Duration, Instant};
use wardroom_testkit::postgres::Database;

/// The lease is 10 s, and it is looked every 5 s whose the doors are; the rest is for a slow machine.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_and_a_kill_lose_nothing() {
    let mut place = Place::start(laptop()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let work = script().delegates(&[("work", script().shell("sleep 2").says("the work is done"))]);
    place.asks(&alice, &work.to_string(), "done").await;
    place.telegram.is_away(true);
    crate::pause(4000).await;
    place.world.kill();
    place
        .telegram
        .says(TOKEN, &alice, "said while you were gone");
    place.world.up();
    crate::pause(1000).await;
    place.telegram.is_away(false);
    place.hears(42, "the work is done").await;
    place.hears(42, "You said: said while you were gone").await;
    crate::pause(2000).await;
    was_said_once(&place, &["the work is done", "said while you were gone"]);
}

fn was_said_once(place: &Place, words: &[&str]) {
    let sent = place.telegram.sent(TOKEN, 42);
    for words in words {
        let count = sent.iter().filter(|sent| sent.text.contains(words)).count();
        assert_eq!(count, 1, "{words}: {sent:#?}");
    }
}

/// Of two processes one asks the platform; when it is killed the other does, and hears what was said
/// in between.
#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_keeps_the_doors_and_another_takes_them_up() {
    let database = Database::fresh();
    let mut setup = team(&database);
    setup.flags.clear();
    let mut place = Place::start(setup).await;
    let _other = place.world.joined(&[]);
    let alice = place.joins(42, "Alice", "member").await;
    for number in 0..3 {
        let said = format!("number {number}");
        place
            .asks(&alice, &said, &format!("You said: {said}"))
            .await;
    }
    assert_eq!(place.telegram.rivals(TOKEN), 0, "two asked at once");
    place.world.kill();
    place.telegram.says(TOKEN, &alice, "is anybody there");
    let until = Instant::now() + TAKEN_UP_WITHIN;
    let is_there =
        |sent: &wardroom_testkit::telegram::Sent| sent.text.contains("You said: is anybody");
    while !place.telegram.sent(TOKEN, 42).iter().any(is_there) {
        assert!(Instant::now() < until, "nobody took the doors up");
        crate::pause(100).await;
    }
    place.asks(&alice, "good", "You said: good").await;
    crate::pause(2000).await;
    was_said_once(
        &place,
        &["number 0", "number 1", "number 2", "is anybody there"],
    );
    assert_eq!(place.world.rows_that_do_not_fit(), None);
}
