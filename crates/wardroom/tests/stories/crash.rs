//! Power cuts and stops at any moment: what was begun goes on, and nothing happens twice.

use crate::remains::{marker, nothing_is_left, views};
use crate::script::{Script, script};
use crate::{laptop, pause, world};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wardroom_api::approval::{ApprovalFilter, Decide, Verdict};
use wardroom_api::audit::{AuditEvent, AuditFilter};
use wardroom_api::client::Client;
use wardroom_api::message::PostMessage;
use wardroom_api::task::{CreateTask, TaskFilter};
use wardroom_domain::{AuditKind, Speaker, TaskId, TaskStatus, WorkspaceId};
use wardroom_testkit::world::{Person, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_five_times_and_once_more_after_a_restart_is_one() {
    let mut world = world(laptop()).await;
    let request = script()
        .delegates(&[("once", script().shell("echo once").says("{last}"))])
        .says("Begun.");
    let post = PostMessage {
        text: request.to_string(),
        ..PostMessage::default()
    };
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (client, post) = (world.owner().client, post.clone());
        all.spawn(async move { client.post_message(&post, Some("key-1")).await });
    }
    let replies: Vec<_> = all.join_all().await;
    let first = replies[0].as_ref().expect("a reply").clone();
    for reply in &replies {
        assert_eq!(reply.as_ref().expect("a reply"), &first, "the same answer");
    }
    let owner = world.owner();
    owner.awaits_words(first.conversation, "All told").await;
    world.kill();
    world.up();
    let owner = world.owner();
    let again = owner.client.post_message(&post, Some("key-1")).await;
    assert_eq!(again.expect("a reply"), first);
    let tasks = owner.client.tasks(&TaskFilter::default()).await;
    assert_eq!(tasks.expect("the list").tasks.len(), 1, "one task");
    let heard = owner.hears(first.conversation).await;
    let of = |speaker| {
        let said = heard.iter().filter(|message| message.speaker == speaker);
        said.count()
    };
    assert_eq!(
        (of(Speaker::User), of(Speaker::Assistant)),
        (1, 2),
        "{heard:?}"
    );
}

/// How long a task may take over all the cuts. Less than `eventually` waits, so that a failure
/// tells where the task stands.
const PATIENCE: Duration = Duration::from_secs(50);

/// Says yes to everything that is asked, whether or not the server lives just now.
pub async fn approves_everything(client: Client) {
    let waiting = ApprovalFilter {
        waiting: Some(true),
        ..ApprovalFilter::default()
    };
    loop {
        // A request that a power cut swallowed is not waited for.
        let asking = tokio::time::timeout(Duration::from_secs(5), client.approvals(&waiting));
        let open = asking.await.ok().and_then(Result::ok);
        for question in open.map(|list| list.approvals).unwrap_or_default() {
            let yes = Decide {
                decision: Verdict::Approve,
                digest: Some(question.digest),
                remember: None,
                answer: None,
            };
            let deciding = client.decide(question.id, &yes);
            let _ = tokio::time::timeout(Duration::from_secs(5), deciding).await;
        }
        pause(30).await;
    }
}

/// A task that adds two lines to a log of its own, in two applies.
fn two_lines(number: usize, marker: &str) -> Script {
    script()
        .shell("ls; sleep 0.1")
        .shell(&format!(
            "setsid sleep {marker} & echo first >> log-{number}.txt"
        ))
        .calls("apply", serde_json::json!({}))
        .shell(&format!("echo second >> log-{number}.txt"))
        .says("Two lines.")
}

/// Asks for a task until somebody hears it; the key makes it one task.
async fn begins(client: &Client, number: usize, marker: &str, workspace: WorkspaceId) -> TaskId {
    let create = CreateTask {
        text: two_lines(number, marker).to_string(),
        workspace: Some(workspace),
        ..CreateTask::default()
    };
    let key = format!("task-{number}");
    eventually("the task to be taken in", || async {
        let task = client.create_task(&create, Some(&key)).await;
        task.ok().map(|task| task.id)
    })
    .await
}

/// Spans between the cuts, seeded: from the first moments of a start to after an apply, and long
/// enough that no action is cut off five times, which would end its task.
fn spans(mut seed: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        50 + seed % 700
    })
}

/// Asks for one task after the other until enough power was cut, and answers which they were.
async fn asks_on(
    client: Client,
    marker: String,
    workspace: WorkspaceId,
    enough: Arc<AtomicBool>,
) -> Vec<TaskId> {
    let mut tasks = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let task = begins(&client, tasks.len(), &marker, workspace).await;
        tasks.push(task);
        let ends = eventually("the task to end", || async {
            let task = client.task(task).await.ok()?;
            task.status.is_terminal().then_some(())
        });
        if tokio::time::timeout(PATIENCE, ends).await.is_err() {
            panic!("{task} does not end: {}", standing_of(&client, task).await);
        }
    }
    tasks
}

/// Where a task stands that does not end, for whoever reads the failure.
async fn standing_of(client: &Client, task: TaskId) -> String {
    let events = client.audit_events(&of(task)).await;
    let asked = client.approvals(&ApprovalFilter::default()).await;
    let row = client.task(task).await;
    format!("{row:#?}\n{asked:#?}\n{events:#?}")
}

fn of(task: TaskId) -> AuditFilter {
    AuditFilter {
        task: Some(task),
        limit: Some(500),
        ..AuditFilter::default()
    }
}

/// Waits until something more is carried out: an action that is cut off five times ends its task,
/// and a slow machine may need longer for one than the cuts are apart.
async fn something_is_done(client: &Client) {
    let settled = AuditFilter {
        kind: Some(AuditKind::EffectSettled),
        limit: Some(500),
        ..AuditFilter::default()
    };
    let count = || async { Some(client.audit_events(&settled).await.ok()?.events.len()) };
    let before = eventually("the log", count).await;
    eventually("something to be carried out", || async {
        count().await.filter(|now| *now > before)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_twenty_points_everything_happens_once() {
    let mut world = world(laptop()).await;
    let (folder, marker) = (world.project(&[("readme.md", "# Logs\n")]), marker());
    let workspace = world.owner().opens(&folder).await;
    let client = world.owner().client;
    let enough = Arc::new(AtomicBool::new(false));
    let approver = tokio::spawn(approves_everything(client.clone()));
    let asking = asks_on(client, marker.clone(), workspace, enough.clone());
    let asker = tokio::spawn(asking);
    for (cut, span) in spans(42).take(20).enumerate() {
        pause(span).await;
        world.kill();
        world.up();
        if cut % 3 == 2 {
            something_is_done(&world.owner().client).await;
        }
    }
    enough.store(true, Ordering::Relaxed);
    let tasks = asker.await.expect("the tasks");
    approver.abort();
    let owner = world.owner();
    for (number, task) in tasks.into_iter().enumerate() {
        let ended = owner.awaits(task, TaskStatus::Succeeded).await;
        assert_eq!(ended.applied, Some(true));
        let log = std::fs::read_to_string(folder.join(format!("log-{number}.txt")));
        assert_eq!(log.expect("the log"), "first\nsecond\n", "log {number}");
        was_orderly(&owner, task).await;
    }
    assert_eq!(world.rows_that_do_not_fit(), None);
    nothing_is_left(&world, &marker).await;
    eventually("the views to go", || async {
        (views(&world) == 0).then_some(())
    })
    .await;
    assert!(world.audit_is_whole());
    assert!(!world.log().contains("panicked"));
}

/// One end, and one outcome for each intent.
async fn was_orderly(owner: &Person, task: TaskId) {
    let events = owner.client.audit_events(&of(task)).await;
    let events = events.expect("the log").events;
    let is_end = |event: &&AuditEvent| {
        let to = event.body["to"].as_str().and_then(TaskStatus::parse);
        event.kind == AuditKind::TaskMoved && to.is_some_and(TaskStatus::is_terminal)
    };
    assert_eq!(events.iter().filter(is_end).count(), 1, "{task} ends once");
    let mut balance: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for event in &events {
        let Some(effect) = event.body["effect"].as_str() else {
            continue;
        };
        let sum = balance.entry(effect.to_owned()).or_default();
        match event.kind {
            AuditKind::EffectIntended if event.body["repeated"] != true => sum.0 += 1,
            AuditKind::EffectSettled => sum.1 += 1,
            _ => {}
        }
    }
    for (effect, sum) in balance {
        assert_eq!(sum, (1, 1), "{effect} of {task}: intended and settled");
    }
}

async fn begins_long_work(world: &World) -> (Vec<TaskId>, String) {
    let marker = marker();
    let owner = world.owner();
    let mut tasks = Vec::new();
    for number in 0..4 {
        let command = format!("setsid sleep {marker} & sleep 2; echo {number}");
        let request = script().shell(&command).shell("sleep 1").says("slept");
        tasks.push(owner.asks(&request.to_string()).await);
    }
    for task in &tasks {
        owner.awaits(*task, TaskStatus::Running).await;
    }
    (tasks, marker)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_is_graceful_and_the_work_goes_on_after_it() {
    let mut world = world(laptop()).await;
    let (tasks, marker) = begins_long_work(&world).await;
    let began = Instant::now();
    assert_eq!(world.stop(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    nothing_is_left(&world, &marker).await;
    world.up();
    for task in tasks {
        let done = world.owner().awaits(task, TaskStatus::Succeeded).await;
        assert_eq!(done.result.as_deref(), Some("slept"));
    }
    nothing_is_left(&world, &marker).await;
    assert!(world.audit_is_whole());
}
