//! Telegram is away, we are killed: nothing is lost, nothing said twice.

use super::{Place, TOKEN};
use crate::laptop;
use crate::script::script;

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
    let sent = place.telegram.sent(TOKEN, 42);
    for words in ["the work is done", "said while you were gone"] {
        let count = sent.iter().filter(|sent| sent.text.contains(words)).count();
        assert_eq!(count, 1, "{words}: {sent:#?}");
    }
}
