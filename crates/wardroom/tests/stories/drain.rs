//! Stopping under load, and starting as a newer version: whatever state tasks are in, they go on.

use crate::crash::approves_everything;
use crate::moving::{is_as_it_was, lived_in};
use crate::script::script;
use crate::{laptop, pause, world};
use rusqlite::Connection;
use std::path::Path;
use wardroom_api::task::CreateTask;
use wardroom_domain::TaskStatus;
use wardroom_testkit::world::World;

const TASKS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_to_stop_under_load_lose_nothing_and_double_nothing() {
    let mut world = world(laptop()).await;
    let folder = world.project(&[("readme.md", "# Logs\n")]);
    let workspace = world.owner().opens(&folder).await;
    let mut tasks = Vec::new();
    for number in 0..TASKS {
        let line = format!("sleep 0.3; echo once >> log-{number}.txt");
        let request = script().shell(&line).shell("sleep 0.3").says("Done.");
        let create = CreateTask {
            text: request.to_string(),
            workspace: Some(workspace),
            ..CreateTask::default()
        };
        let task = world.owner().client.create_task(&create, None).await;
        tasks.push(task.expect("a task").id);
    }
    for round in 0..2 {
        pause(700).await;
        // The second request ends the process at once, wherever it is.
        let code = world.stop_twice();
        assert!(matches!(code, Some(0 | 1)), "round {round}: {code:?}");
        world.up();
    }
    let approver = tokio::spawn(approves_everything(world.owner().client));
    for task in &tasks {
        let ended = world.owner().awaits_end(*task).await;
        assert_eq!(ended.status, TaskStatus::Succeeded, "{:?}", ended.error);
    }
    approver.abort();
    for number in 0..TASKS {
        let log = std::fs::read_to_string(folder.join(format!("log-{number}.txt")));
        assert_eq!(log.expect("the log"), "once\n", "log {number}");
    }
    assert!(world.audit_is_whole());
    assert_eq!(world.rows_that_do_not_fit(), None);
}

/// Takes the newest step of the schema back, as if the version before had written everything.
fn as_the_version_before(world: &World) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations");
    let files = std::fs::read_dir(folder).expect("the migrations");
    let newest = files
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .max();
    let step = std::fs::read_to_string(newest.expect("a step")).expect("its text");
    let database = Connection::open(world.data().join("wardroom.db")).expect("the database");
    for undo in undoing(&step) {
        database.execute_batch(&undo).expect("it can be taken back");
    }
    let forget = "DELETE FROM migration WHERE number = (SELECT MAX(number) FROM migration)";
    assert_eq!(database.execute(forget, ()).expect("the ledger"), 1);
}

/// What undoes the statements of a step, last one first. They only ever add.
fn undoing(step: &str) -> Vec<String> {
    let lines: Vec<_> = step
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    let text = lines.join("\n");
    let statements = text
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let undo = |statement: &str| {
        let words: Vec<_> = statement.split([' ', '\n', '(']).collect();
        match words.as_slice() {
            ["CREATE", "TABLE", name, ..] => format!("DROP TABLE {name}"),
            ["CREATE", "INDEX", name, ..] | ["CREATE", "UNIQUE", "INDEX", name, ..] => {
                format!("DROP INDEX IF EXISTS {name}")
            }
            ["ALTER", "TABLE", table, "ADD", "COLUMN", name, ..] => {
                format!("ALTER TABLE {table} DROP COLUMN {name}")
            }
            _ => panic!("teach this test to take back: {statement}"),
        }
    };
    let mut undone: Vec<_> = statements.map(undo).collect();
    undone.reverse();
    undone
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_in_every_state_go_on_under_a_newer_schema() {
    let mut world = world(laptop()).await;
    let lived = lived_in(&mut world).await;
    assert_eq!(world.stop(), Some(0));
    as_the_version_before(&world);
    let told = world.verb(&["audit", "verify"]).expect_err("it is older");
    assert!(told.contains("run `wardroom migrate`"), "{told}");
    world.up();
    is_as_it_was(&world, &lived).await;
}
