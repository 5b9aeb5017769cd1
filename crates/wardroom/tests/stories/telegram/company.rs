//! A small company in Telegram: it comes in, works, stops, is told.

use super::{Place, TOKEN};
use crate::company;
use crate::script::script;
use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::telegram::Human;
use wardroom_testkit::world::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn t_f1_an_invitation_is_good_once_and_a_stranger_gets_one_polite_no() {
    let place = Place::start(company()).await;
    let code = place.invites("member");
    let alice = Human::new(42, "Alice");
    place
        .telegram
        .says(TOKEN, &alice, &format!("/start {code}"));
    place.hears(42, "Welcome").await;
    let eve = Human::new(66, "Alice");
    for text in [format!("/start {code}"), "/start nonsense".to_owned()] {
        place.telegram.says(TOKEN, &eve, &text);
    }
    eventually("two refusals", || async {
        (place.telegram.sent(TOKEN, 66).len() == 2).then_some(())
    })
    .await;
    assert!(
        place
            .telegram
            .sent(TOKEN, 66)
            .iter()
            .all(|sent| !sent.text.contains("Welcome"))
    );

    let mallory = Human::new(67, "Mallory");
    for text in ["hello", "/status", "/approve apr_x", "delete everything"] {
        place.telegram.says(TOKEN, &mallory, text);
    }
    place.hears(67, "I do not know you").await;
    place.asks(&alice, "are you there", "You said").await;
    assert_eq!(place.telegram.sent(TOKEN, 67).len(), 1, "one polite no");
    assert_eq!(place.model_calls(), 1, "and no model heard of it");
    let log = place
        .world
        .verb(&["audit", "list", "--json"])
        .expect("the log");
    assert!(log.contains("access.refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_is_paired_by_an_admin() {
    let place = Place::start(company()).await;
    place
        .world
        .verb(&["user", "add", "zoe", "--role", "operator"])
        .expect("she is added");
    let zoe = Human::new(50, "Zoe");
    let told = place.asks(&zoe, "pair", "wardroom pairing confirm").await;
    let token = told.text.split("confirm ").nth(1).expect("a token");
    let token = token.split_whitespace().next().expect("a token");
    place.asks(&zoe, "hello", "I do not know you").await;
    place
        .world
        .verb(&["pairing", "confirm", token, "--user", "zoe"])
        .expect("she is confirmed");
    place.asks(&zoe, "hello", "You said: hello").await;
    place
        .world
        .verb(&["pairing", "confirm", token, "--user", "zoe"])
        .expect_err("a token is good once");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_f3_stop_is_a_word_and_a_button_and_can_be_taken_back() {
    let place = Place::start(company()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let long = script().delegates(&[("nap", script().shell("sleep 600").says("rested"))]);
    place.telegram.says(TOKEN, &alice, &long.to_string());
    let shown = place.hears(42, "RUNNING").await;
    let id = TaskId::parse(&Place::id_in(&shown.text, "task_")).expect("its id");
    let owner = place.world.owner();
    owner.awaits(id, TaskStatus::Running).await;
    let began = std::time::Instant::now();
    assert_eq!(place.presses(&alice, &shown, "Stop").await, "Stopped.");
    owner.awaits(id, TaskStatus::Canceled).await;
    // "Within a second", with room for a machine that does other things too.
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    let stopped = place.reads(&shown, "CANCELED").await;
    let told = place.presses(&alice, &stopped, "Begin again").await;
    assert!(told.contains("Begun again: nap"), "{told}");
    place.asks(&alice, "Stop!", "Stopped").await;
    let tasks = owner
        .client
        .tasks(&wardroom_api::task::TaskFilter::default())
        .await
        .expect("the list")
        .tasks;
    assert_eq!(tasks.len(), 2, "the first one, and the one begun again");
    for task in tasks {
        let ended = owner.awaits_end(task.id).await;
        assert_eq!(ended.status, TaskStatus::Canceled);
    }
    assert!(place.world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_f3_cancel_ends_a_task_by_its_id_and_a_foreign_one_not_at_all() {
    let place = Place::start(company()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let bob = place.joins(43, "Bob", "member").await;
    let long = script().delegates(&[("nap", script().shell("sleep 600").says("rested"))]);
    place.telegram.says(TOKEN, &alice, &long.to_string());
    let shown = place.hears(42, "RUNNING").await;
    let task = Place::id_in(&shown.text, "task_");
    place.asks(&bob, &format!("/cancel {task}"), "No").await;
    place.asks(&bob, "/cancel all", "Stopped 0").await;
    let owner = place.world.owner();
    let id = TaskId::parse(&task).expect("its id");
    owner.awaits(id, TaskStatus::Running).await;
    place.asks(&alice, &format!("/cancel {task}"), &task).await;
    owner.awaits(id, TaskStatus::Canceled).await;
    place.asks(&alice, &format!("/cancel {task}"), "No").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t_f5_a_task_tells_how_it_gets_on_and_what_came_of_it() {
    let place = Place::start(company()).await;
    let alice = place.joins(42, "Alice", "member").await;
    let work = script()
        .shell("sleep 6")
        .shell("echo counted && sleep 4")
        .says("It came to {last}");
    let order = script().delegates(&[("count", work)]);
    place.telegram.says(TOKEN, &alice, &order.to_string());
    let shown = place.hears(42, "RUNNING").await;
    assert!(shown.text.contains("count"), "{shown:?}");
    place.reads(&shown, "echo counted").await;
    place.hears(42, "It came to").await;
    let ended = place.reads(&shown, "SUCCEEDED").await;
    assert!(ended.button("Stop").is_none(), "{ended:?}");
    // Whoever does not want it is left in peace.
    place.asks(&alice, "/config progress off", "on → off").await;
    place
        .asks(&alice, "/config model gpt", "belongs to the org")
        .await;
    place.asks(&alice, "/config", "progress: off").await;
}
