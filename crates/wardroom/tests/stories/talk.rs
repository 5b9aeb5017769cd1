//! Talking: what needs no work begins none, and what does comes back as one reply.

use crate::script::script;
use crate::{laptop, pause, world};
use std::time::Duration;
use wardroom_api::task::TaskFilter;
use wardroom_domain::{Speaker, TaskStatus};

#[tokio::test(flavor = "multi_thread")]
async fn small_talk_makes_no_task_and_costs_little() {
    let world = world(laptop()).await;
    let reply = world.owner().says("hi", None).await;
    assert_eq!(reply.reply, "You said: hi");
    assert!(reply.tasks.is_empty());
    let tasks = world.owner().client.tasks(&TaskFilter::default()).await;
    assert!(tasks.expect("the list").tasks.is_empty());
    let sent = world.model.recorded();
    assert_eq!(sent.len(), 1, "one turn");
    assert!(sent[0].bytes < 4096, "{} bytes were sent", sent[0].bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_fans_out_and_comes_back_as_one_reply() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let part = |word: &str| script().shell(&format!("echo {word}")).says("found {last}");
    let request = script()
        .delegates(&[
            ("a", part("ants")),
            ("b", part("bees")),
            ("c", part("crabs")),
        ])
        .says("Three are on it.");
    let reply = owner.says(&request.to_string(), None).await;
    assert_eq!(reply.reply, "Three are on it.");
    assert_eq!(reply.tasks.len(), 3);
    let told = owner.awaits_words(reply.conversation, "All told").await;
    for word in ["ants", "bees", "crabs"] {
        assert!(told.contains(&format!("found {word}")), "{told}");
    }
    pause(1500).await;
    let heard = owner.hears(reply.conversation).await;
    let replies: Vec<_> = heard
        .iter()
        .filter(|message| message.speaker == Speaker::Assistant)
        .collect();
    assert_eq!(
        replies.len(),
        2,
        "the acknowledgement and one synthesis: {heard:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_answers_while_every_slot_is_busy() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let long = || ("long", script().shell("sleep 60"));
    let request = script().delegates(&[long(), long(), long(), long(), long()]);
    let first = owner.says(&request.to_string(), None).await;
    for task in &first.tasks {
        owner.awaits(*task, TaskStatus::Running).await;
    }
    let waits = owner.asks(&script().shell("echo hi").to_string()).await;

    let question = script()
        .calls("task_status", serde_json::json!({}))
        .says("It goes so: {last}");
    let question = question.to_string();
    let asked = owner.says(&question, Some(first.conversation));
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
    let answer = answer.expect("an answer while all executors work").reply;
    assert!(
        answer.contains("RUNNING") && answer.contains("QUEUED"),
        "{answer}"
    );
    assert_eq!(
        owner.sees(waits).await.status,
        TaskStatus::Queued,
        "no slot is free"
    );
    for task in &first.tasks {
        owner
            .client
            .cancel_task(*task)
            .await
            .expect("it is stopped");
    }
    owner.awaits(waits, TaskStatus::Succeeded).await;
}
