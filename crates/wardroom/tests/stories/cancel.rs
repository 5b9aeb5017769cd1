//! Stopping a task wherever it stands, and nothing of it stays.

use crate::remains::{marker, nothing_is_left, processes, views};
use crate::script::script;
use crate::{laptop, world};
use serde_json::json;
use std::time::{Duration, Instant};
use wardroom_api::approval::{ApprovalFilter, Verdict};
use wardroom_api::task::{CreateTask, Task, TaskFilter};
use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::world::{Person, eventually};

/// "Within a second", with room for a machine that does other things too.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Children, grandchildren and daemons that have left their session: sixty and more.
fn forks(marker: &str) -> String {
    format!(
        "for i in $(seq 15); do \
           (sleep {marker} & sleep {marker} & wait) & \
           setsid sh -c 'sleep {marker} & wait' & \
           setsid nohup sleep {marker} > /dev/null 2>&1 & \
         done; disown -a; sleep {marker}"
    )
}

async fn stops(who: &Person, task: TaskId) -> Task {
    let began = Instant::now();
    who.client.cancel_task(task).await.expect("it is stopped");
    let ended = who.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Canceled, "{:?}", ended.error);
    assert!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
    ended
}

async fn children(who: &Person, parent: TaskId) -> Vec<Task> {
    let all = who
        .client
        .tasks(&TaskFilter::default())
        .await
        .expect("the list")
        .tasks;
    all.into_iter()
        .filter(|task| task.parent == Some(parent))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_task_never_begins() {
    let world = world(laptop().with("[limits]\nexecutors_per_user = 1\n")).await;
    let owner = world.owner();
    let marker = marker();
    let sleeps = script().shell(&format!("sleep {marker}")).to_string();
    let first = owner.asks(&sleeps).await;
    owner.awaits(first, TaskStatus::Running).await;
    let second = owner.asks(&sleeps).await;
    let ended = stops(&owner, second).await;
    assert_eq!(ended.error.as_deref(), Some("stopped by owner"));
    let again = owner
        .client
        .cancel_task(second)
        .await
        .expect_err("it has ended");
    assert_eq!(again.code().map(|code| code.as_str()), Some("task_ended"));
    assert_eq!(owner.sees(first).await.status, TaskStatus::Running);
    stops(&owner, first).await;
    nothing_is_left(&world, &marker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_forest_of_processes_is_gone_at_once() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let marker = marker();
    let task = owner
        .asks(&script().shell(&forks(&marker)).to_string())
        .await;
    eventually("the forest to stand", || async {
        (processes(&marker) > 60).then_some(())
    })
    .await;
    assert!(views(&world) > 0);
    stops(&owner, task).await;
    let began = Instant::now();
    nothing_is_left(&world, &marker).await;
    assert!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
    eventually("its view to go", || async {
        (views(&world) == 0).then_some(())
    })
    .await;
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_waits_for_an_answer_takes_its_question_along() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let folder = world.project(&[("a.txt", "a\n")]);
    let create = CreateTask {
        text: script().shell("echo b > a.txt").says("done").to_string(),
        workspace: Some(owner.opens(&folder).await),
        ..CreateTask::default()
    };
    let task = owner
        .client
        .create_task(&create, None)
        .await
        .expect("a task")
        .id;
    let question = owner.is_asked().await;
    stops(&owner, task).await;
    let late = owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect_err("nobody waits for it");
    assert_eq!(late.code().map(|code| code.status()), Some(409));
    let open = ApprovalFilter {
        waiting: Some(true),
        ..ApprovalFilter::default()
    };
    let open = owner
        .client
        .approvals(&open)
        .await
        .expect("the list")
        .approvals;
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(
        std::fs::read_to_string(folder.join("a.txt")).expect("the file"),
        "a\n"
    );
    eventually("its view to go", || async {
        (views(&world) == 0).then_some(())
    })
    .await;
}

/// A task whose two parts sleep.
async fn a_parent(owner: &Person, marker: &str) -> TaskId {
    let part = script().shell(&format!("sleep {marker}")).to_string();
    let parts = [
        ("spawn_task", json!({"instructions": part})),
        ("spawn_task", json!({"instructions": part})),
    ];
    let parent = owner.asks(&script().calls_all(&parts).to_string()).await;
    eventually("both parts to sleep", || async {
        (processes(marker) == 2).then_some(())
    })
    .await;
    parent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_takes_its_children_along() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let marker = marker();
    let parent = a_parent(&owner, &marker).await;
    stops(&owner, parent).await;
    for child in children(&owner, parent).await {
        assert_eq!(
            owner.awaits_end(child.id).await.status,
            TaskStatus::Canceled
        );
    }
    nothing_is_left(&world, &marker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_stopped_in_chat_takes_its_children_along() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let marker = marker();
    let parent = a_parent(&owner, &marker).await;
    let stop = script()
        .calls("cancel_task", json!({"task_id": parent}))
        .says("{last}");
    owner.says(&stop.to_string(), None).await;
    assert_eq!(owner.awaits_end(parent).await.status, TaskStatus::Canceled);
    for child in children(&owner, parent).await {
        assert_eq!(
            owner.awaits_end(child.id).await.status,
            TaskStatus::Canceled
        );
    }
    nothing_is_left(&world, &marker).await;
}
