//! Several processes on one PostgreSQL: work is shared, and what a lost process held is taken up.

use crate::remains::{marker, nothing_is_left};
use crate::script::script;
use crate::{laptop, pause, world};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wardroom_api::task::CreateTask;
use wardroom_domain::{TaskId, TaskStatus, WorkspaceId};
use wardroom_testkit::models::{Asked, Said};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::redis::TestRedis;
use wardroom_testkit::world::{Setup, World};

/// The lease is 10 s, looked after every 3 s; the rest is for a slow machine.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(150);

/// One process with the doors; the others work.
pub fn team(database: &Database) -> Setup {
    // As a role that owns nothing, so that the wall between orgs stands.
    let store = format!(
        "[store]\nurl = \"{}\"\nowner_url = \"{}\"\nlease_s = 10\n\n",
        database.service_url(),
        database.url()
    );
    let mut setup = laptop().with(&store);
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

/// Tasks that write a line each, all under way.
async fn tasks(world: &World, workspace: WorkspaceId, marker: &str) -> Vec<TaskId> {
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
    tasks
}

/// All end well while somebody approves, and each line was written once.
pub async fn all_end_well(world: &World, folder: &Path, tasks: &[TaskId]) {
    let until = Instant::now() + TAKEN_UP_WITHIN;
    let approver = tokio::spawn(crate::crash::approves_everything(world.owner().client));
    for task in tasks {
        ends_well(world, *task, until).await;
    }
    approver.abort();
    for number in 0..tasks.len() {
        let log = std::fs::read_to_string(folder.join(format!("log-{number}.txt")));
        assert_eq!(log.expect("the log"), "once\n", "log {number}");
    }
}

/// Longer than a delivery needs to count as left behind.
const SLOW: Duration = Duration::from_secs(14);

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the stand-in answers on a thread of its own, which may sleep"
)]
async fn a_slow_turn_is_taken_by_one_process_alone() {
    let database = Database::fresh();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let slow = move |_: &Asked| {
        counter.fetch_add(1, Ordering::SeqCst);
        // The stand-in has threads enough for a model that thinks.
        std::thread::sleep(SLOW);
        Said::text("At last.")
    };
    let world = World::start(team(&database).patience("timeout_ms = 60000\n"), slow).await;
    let _other = world.joined(&[]);
    let reply = world.owner().says("hello", None).await;
    assert_eq!(reply.reply, "At last.");
    // Whoever waited for the turn finds it answered.
    pause(3000).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the model was asked again");
    let said = world.owner().hears(reply.conversation).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_and_forgets_in_the_middle_costs_time_only() {
    let mut redis = TestRedis::start();
    let database = Database::fresh();
    let bus = format!("[bus]\nurl = \"{}\"\n\n", redis.url());
    let world = world(team(&database).with(&bus)).await;
    let _worker = world.joined(&["--work"]);
    let (folder, marker) = (world.project(&[("readme.md", "# Logs\n")]), marker());
    let workspace = world.owner().opens(&folder).await;
    let tasks = tasks(&world, workspace, &marker).await;
    redis.kill();
    pause(500).await;
    redis.up();
    redis.flush();
    redis.kill();
    all_end_well(&world, &folder, &tasks).await;
    assert!(world.audit_is_whole());
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_another_takes_up_and_nothing_happens_twice() {
    let database = Database::fresh();
    let world = world(team(&database)).await;
    let worker = world.joined(&["--work"]);
    let (folder, marker) = (world.project(&[("readme.md", "# Logs\n")]), marker());
    let workspace = world.owner().opens(&folder).await;
    let tasks = tasks(&world, workspace, &marker).await;
    pause(500).await;
    drop(worker);
    let _other = world.joined(&["--work"]);
    all_end_well(&world, &folder, &tasks).await;
    nothing_is_left(&world, &marker).await;
    assert!(world.audit_is_whole());
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(!world.log().contains("panicked"), "{}", world.log());
}
