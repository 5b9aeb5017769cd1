//! Several processes on one PostgreSQL: work is shared, and what a lost process held is taken up.

use crate::remains::{marker, nothing_is_left};
use crate::script::script;
use crate::{laptop, pause, world};
use std::time::{Duration, Instant};
use wardroom_api::task::CreateTask;
use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::world::{Setup, World};

/// The lease is 30 s, looked after every 10 s; the rest is for a slow machine.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(150);

/// One process with the doors; the others work.
fn team(database: &Database) -> Setup {
    let mut setup = laptop().with(&format!("[store]\nurl = \"{}\"\n\n", database.url()));
    setup.flags = vec!["--serve".to_owned()];
    setup
}

async fn ends_well(world: &World, task: TaskId, until: Instant) {
    loop {
        let status = world
            .owner()
            .client
            .task(task)
            .await
            .expect("the task")
            .status;
        if status == TaskStatus::Succeeded {
            return;
        }
        assert!(!status.is_terminal(), "{task} is {status}");
        assert!(Instant::now() < until, "{task} is still {status}");
        pause(100).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_another_takes_up_and_nothing_happens_twice() {
    let database = Database::fresh();
    let world = world(team(&database)).await;
    let worker = world.joined(&["--work"]);
    let (folder, marker) = (world.project(&[("readme.md", "# Logs\n")]), marker());
    let workspace = world.owner().opens(&folder).await;
    let mut tasks = Vec::new();
    for number in 0..4 {
        let line = format!("sleep 1; echo once >> log-{number}.txt; echo {marker} > /dev/null");
        let request = script().shell(&line).shell("sleep 1").says("Done.");
        let create = CreateTask {
            text: request.to_string(),
            workspace: Some(workspace),
            ..CreateTask::default()
        };
        let task = world.owner().client.create_task(&create, None).await;
        tasks.push(task.expect("a task").id);
    }
    for task in &tasks {
        world.owner().awaits(*task, TaskStatus::Running).await;
    }
    pause(500).await;
    drop(worker);
    let _other = world.joined(&["--work"]);
    let until = Instant::now() + TAKEN_UP_WITHIN;
    let approver = tokio::spawn(crate::crash::approves_everything(world.owner().client));
    for task in &tasks {
        ends_well(&world, *task, until).await;
    }
    approver.abort();
    for number in 0..4 {
        let log = std::fs::read_to_string(folder.join(format!("log-{number}.txt")));
        assert_eq!(log.expect("the log"), "once\n", "log {number}");
    }
    nothing_is_left(&world, &marker).await;
    assert!(world.audit_is_whole());
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(!world.log().contains("panicked"), "{}", world.log());
}
