//! The rows of a store fit together, and `wardroom doctor` says where they do not.

use crate::database::tampers;
use crate::script::script;
use crate::{laptop, world};
use serde_json::json;
use wardroom_api::approval::Verdict;
use wardroom_domain::TaskStatus;
use wardroom_testkit::world::World;

/// A world with a task that was asked about and ended, and one that waits for an answer.
async fn lived_in() -> World {
    let world = world(laptop()).await;
    let owner = world.owner();
    let folder = world.project(&[("readme.md", "# Notes\n")]);
    let workspace = owner.opens(&folder).await;
    let request = script().shell("echo more >> readme.md").says("More.");
    let request = script().delegates(&[("more", request)]).says("Begun.");
    let reply = owner.says_in(&request.to_string(), workspace).await;
    let done = reply.tasks[0];
    let question = owner.is_asked().await;
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a decision");
    owner.awaits(done, TaskStatus::Succeeded).await;
    let asks = script()
        .calls("ask_person", json!({"question": "Which one?"}))
        .says("{last}");
    let waits = owner.asks(&asks.to_string()).await;
    owner.awaits(waits, TaskStatus::WaitingApproval).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_nothing_in_a_healthy_store_and_names_a_row_that_was_changed() {
    let mut world = lived_in().await;
    assert_eq!(world.rows_that_do_not_fit(), None, "while the server runs");
    assert_eq!(world.stop(), Some(0));
    assert_eq!(world.rows_that_do_not_fit(), None, "and after it");
    let cases = [
        ("UPDATE effect SET state = 'INTENT' WHERE rowid = 1", "I6"),
        (
            "UPDATE approval SET digest = zeroblob(32) WHERE spent_at IS NOT NULL",
            "I8",
        ),
        (
            "UPDATE approval SET decided_by = NULL WHERE decision = 'APPROVE'",
            "I9",
        ),
        ("UPDATE task SET fence = 0 WHERE status = 'SUCCEEDED'", "I5"),
        (
            "UPDATE task SET status = 'RUNNING' WHERE status = 'WAITING_APPROVAL'",
            "I20",
        ),
        (
            "UPDATE approval SET decision = 'EXPIRE', decided_at = 1 WHERE decision IS NULL",
            "I2",
        ),
    ];
    for (change, invariant) in cases {
        tampers(&world, change);
        let said = world.rows_that_do_not_fit().unwrap_or_default();
        let line = format!("rows: {invariant} ");
        assert!(
            said.contains(&line),
            "{change} is not told as {invariant}:\n{said}"
        );
    }
}
