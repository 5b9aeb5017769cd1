//! What surrounds the server fails: the wire to its database, its disk, a process that is held.

use crate::remains::{marker, nothing_is_left};
use crate::script::script;
use crate::{laptop, pause, world};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use wardroom_api::message::PostMessage;
use wardroom_api::task::CreateTask;
use wardroom_domain::{TaskId, TaskStatus, WorkspaceId};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::wire::{Weather, Wire};
use wardroom_testkit::world::{Setup, World, eventually};

/// The lease is 10 s, looked after every 3 s; the rest is for a slow machine.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(150);

/// A task that adds one line to a log of its own, by an apply that asks.
fn one_line(number: usize, seconds: u32) -> String {
    let line = format!("sleep {seconds}; echo once >> log-{number}.txt");
    script().shell(&line).says("Done.").to_string()
}

async fn begins(world: &World, number: usize, seconds: u32, workspace: WorkspaceId) -> TaskId {
    let create = CreateTask {
        text: one_line(number, seconds),
        workspace: Some(workspace),
        ..CreateTask::default()
    };
    let key = format!("line-{number}");
    eventually("the task to be taken in", || async {
        let client = world.owner().client;
        let begun = client.create_task(&create, Some(&key)).await;
        begun.ok().map(|task| task.id)
    })
    .await
}

/// Waits for all, and looks whether each did its work once.
async fn all_end_once(world: &World, folder: &Path, tasks: &[TaskId]) {
    let approver = tokio::spawn(crate::crash::approves_everything(world.owner().client));
    let until = Instant::now() + TAKEN_UP_WITHIN;
    for task in tasks {
        loop {
            let seen = world.owner().client.task(*task).await;
            let status = seen.map(|task| (task.status, task.error));
            if matches!(status, Ok((TaskStatus::Succeeded, _))) {
                break;
            }
            let has_failed = status
                .as_ref()
                .is_ok_and(|(status, _)| status.is_terminal());
            assert!(!has_failed && Instant::now() < until, "{task}: {status:?}");
            pause(100).await;
        }
    }
    approver.abort();
    for number in 0..tasks.len() {
        let log = std::fs::read_to_string(folder.join(format!("log-{number}.txt")));
        assert_eq!(log.expect("the log"), "once\n", "log {number}");
    }
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(world.audit_is_whole());
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

/// The database is slow, silent, away, and talks nonsense; nothing is lost and nothing doubled, and
/// whoever asks meanwhile is told so in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_a_bad_wire() {
    let database = Database::fresh();
    let (host, rest) = split(&database.url());
    let wire = Wire::to(&host).await.expect("a wire");
    let url = rest.replace("{host}", &wire.address());
    let world = world(laptop().with(&format!("[store]\nurl = \"{url}\"\n\n"))).await;
    let folder = world.project(&[("readme.md", "# Logs\n")]);
    let workspace = world.owner().opens(&folder).await;
    let mut tasks = Vec::new();
    for number in 0..5 {
        tasks.push(begins(&world, number, 1, workspace).await);
        match number {
            0 => wire.weather(Weather::Slow(Duration::from_millis(20))),
            1 => wire.cut(),
            2 => wire.garbles(b"\xff\xff\xff\xff nonsense"),
            3 => {
                wire.weather(Weather::Down);
                wire.cut();
                is_told_that_it_is_away(&world).await;
                wire.weather(Weather::Fair);
            }
            _ => {
                wire.weather(Weather::Held);
                pause(3000).await;
                wire.weather(Weather::Fair);
            }
        }
        pause(300).await;
    }
    for _ in 0..6 {
        wire.cut();
        pause(700).await;
    }
    all_end_once(&world, &folder, &tasks).await;
}

/// `postgres://user@HOST/name` as its host, and the rest with a gap.
fn split(url: &str) -> (String, String) {
    let (front, back) = url.split_once('@').expect("a user");
    let (host, name) = back.split_once('/').expect("a name");
    (host.to_owned(), format!("{front}@{{host}}/{name}"))
}

async fn is_told_that_it_is_away(world: &World) {
    let client = world.owner().client;
    let post = PostMessage {
        text: "anybody there?".to_owned(),
        ..PostMessage::default()
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), client.post_message(&post, None));
    let refusal = answer
        .await
        .expect("an answer in time")
        .expect_err("no answer without a store");
    assert!(refusal.to_string().contains("database"), "{refusal}");
}

/// Beyond its lease a process sleeps in the middle of its work, another takes over, and the sleeper
/// wakes: he is too late for everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_beyond_its_lease_is_too_late() {
    let database = Database::fresh();
    let store = format!("[store]\nurl = \"{}\"\nlease_s = 10\n\n", database.url());
    let mut setup: Setup = laptop().with(&store);
    setup.flags = vec!["--serve".to_owned()];
    let world = world(setup).await;
    let sleeper = world.joined(&["--work"]);
    let marker = marker();
    let folder = world.project(&[("readme.md", "# Logs\n")]);
    let workspace = world.owner().opens(&folder).await;
    let mut tasks = Vec::new();
    for number in 0..3 {
        tasks.push(begins(&world, number, 2, workspace).await);
    }
    for task in &tasks {
        world.owner().awaits(*task, TaskStatus::Running).await;
    }
    signal(sleeper.pid(), "STOP");
    let _other = world.joined(&["--work"]);
    all_end_once(&world, &folder, &tasks).await;
    signal(sleeper.pid(), "CONT");
    pause(4000).await;
    all_end_once(&world, &folder, &tasks).await;
    drop(sleeper);
    nothing_is_left(&world, &marker).await;
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "{name} to {pid}");
}

/// The disk is full: whoever asks is told so, nothing that was acknowledged is lost, and with space
/// everything goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_says_so_and_recovers_by_itself() {
    let Some(setup) = laptop().on_a_disk_of(24) else {
        eprintln!("not run: only root can mount a small disk");
        return;
    };
    let world = world(setup).await;
    let owner = world.owner();
    assert_eq!(owner.says("hello", None).await.reply, "You said: hello");
    let busy = owner
        .asks(
            &script()
                .shell("sleep 4; echo late")
                .says("{last}")
                .to_string(),
        )
        .await;
    owner.awaits(busy, TaskStatus::Running).await;
    let ballast = world.data().join("ballast");
    fill(&ballast);
    let refusal = is_refused(&world).await;
    assert!(refusal.contains("disk is full"), "{refusal}");
    pause(6000).await;
    std::fs::remove_file(&ballast).expect("the ballast");
    let reply = eventually("an answer", || async {
        let post = PostMessage {
            text: "hello again".to_owned(),
            ..PostMessage::default()
        };
        world
            .owner()
            .client
            .post_message(&post, Some("again"))
            .await
            .ok()
    })
    .await;
    assert_eq!(reply.reply, "You said: hello again");
    let ended = world.owner().awaits_end(busy).await;
    assert_eq!(ended.status, TaskStatus::Succeeded, "{:?}", ended.error);
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(world.audit_is_whole());
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("a file");
    for size in [1 << 20, 1 << 14, 1 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Asks until a commit needs space that is not there.
async fn is_refused(world: &World) -> String {
    eventually("a refusal", || async {
        let post = PostMessage {
            text: "x".repeat(60_000),
            ..PostMessage::default()
        };
        let refused = world.owner().client.post_message(&post, None).await.err();
        fill(&world.data().join("ballast-2"));
        let _ = std::fs::remove_file(world.data().join("ballast-2"));
        refused.map(|refusal| refusal.to_string())
    })
    .await
}
