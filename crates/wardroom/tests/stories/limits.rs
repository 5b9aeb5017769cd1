//! Everything has an end: commands, tasks, and models that go round in circles.

use crate::database::time_is_almost_over;
use crate::remains::{marker, nothing_is_left, processes};
use crate::script::script;
use crate::{laptop, world};
use serde_json::json;
use std::time::{Duration, Instant};
use wardroom_api::task::TaskFilter;
use wardroom_domain::TaskStatus;
use wardroom_testkit::world::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_its_time() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let marker = marker();
    let command = json!({"command": format!("echo begun; setsid sleep {marker} & sleep {marker}"), "timeout_s": 1});
    let began = Instant::now();
    let task = owner
        .asks(
            &script()
                .calls("shell", command)
                .says("It said: {last}")
                .to_string(),
        )
        .await;
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let result = done.result.unwrap_or_default();
    assert!(
        result.contains("begun") && result.contains("stopped after 1 s"),
        "{result}"
    );
    assert!(began.elapsed() < Duration::from_secs(20));
    nothing_is_left(&world, &marker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_again_and_again_is_a_loop() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let request = (0..10).fold(script(), |script, _| script.shell("cat nothing.txt"));
    let task = owner.asks(&request.to_string()).await;
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let why = ended.error.unwrap_or_default();
    assert!(why.contains("the same `shell` call"), "{why}");
    assert!(world.model.recorded().len() < 8, "it was stopped early");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_time_is_over_ends_in_mid_command_and_takes_its_parts_along() {
    let mut world = world(laptop()).await;
    let marker = marker();
    let sleeps = script().shell(&format!("sleep {marker}"));
    let part = json!({"instructions": sleeps.to_string()});
    let parts = script().calls_all(&[("spawn_task", part)]);
    let alone = world.owner().asks(&sleeps.to_string()).await;
    let parent = world.owner().asks(&parts.to_string()).await;
    eventually("both to sleep", || async {
        (processes(&marker) == 2).then_some(())
    })
    .await;
    world.kill();
    time_is_almost_over(&world, alone);
    time_is_almost_over(&world, parent);
    world.up();
    let owner = world.owner();
    for task in [alone, parent] {
        let ended = owner.awaits_end(task).await;
        assert_eq!(ended.status, TaskStatus::TimedOut);
        let why = ended.error.unwrap_or_default();
        assert!(why.contains("its time ran out"), "{why}");
    }
    let tasks = owner.client.tasks(&TaskFilter::default()).await;
    let tasks = tasks.expect("the list").tasks;
    let child = tasks.iter().find(|task| task.parent == Some(parent));
    let child = owner.awaits_end(child.expect("the part").id).await;
    assert_eq!(child.status, TaskStatus::Canceled);
    nothing_is_left(&world, &marker).await;
    assert!(world.audit_is_whole());
}
