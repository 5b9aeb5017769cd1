//! The reliability scenarios of the enterprise plan, each under its name, through the doors.

use crate::remains::{marker, nothing_is_left, processes};
use crate::script::{follows, script};
use crate::telegram::{Place, TOKEN};
use crate::{laptop, pause, world};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};
use wardroom_api::approval::{Approval, Verdict};
use wardroom_api::message::PostMessage;
use wardroom_api::task::{DoubtAnswer, ResolveEffect, TaskFilter};
use wardroom_domain::{Question, TaskId, TaskStatus};
use wardroom_testkit::mcp::{McpStandIn, Mishap, tool};
use wardroom_testkit::telegram::{Human, TelegramStandIn};
use wardroom_testkit::world::{World, eventually};

/// The processes below another one that are runners of sandboxes.
fn runners_below(root: u32) -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("the processes").flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let parent = after
            .split_whitespace()
            .nth(1)
            .and_then(|word| word.parse().ok());
        parents.insert(pid, parent.unwrap_or(0_u32));
    }
    let is_below = |mut pid: u32| {
        while let Some(parent) = parents.get(&pid) {
            if *parent == root {
                return true;
            }
            pid = *parent;
        }
        false
    };
    let is_runner = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line)
            .split('\0')
            .next()
            .is_some_and(|word| word.ends_with("wardroom-runner"))
    };
    let all = parents.keys().copied().filter(|pid| is_below(*pid));
    all.filter(is_runner).collect()
}

fn kill(pid: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(killed.is_ok_and(|status| status.success()), "kill {pid}");
}

/// The executor is killed in the middle of an action: the model is told, a fresh sandbox is made,
/// the task goes on, and nothing of the dead one is left.
#[tokio::test(flavor = "multi_thread")]
async fn t_r1_executor_crash_mid_task_follows_the_contract() {
    let world = world(laptop()).await;
    let (owner, marker) = (world.owner(), marker());
    let request = script()
        .shell(&format!(
            "echo one >> log.txt; sleep {marker}; echo two >> log.txt"
        ))
        .shell("cat log.txt")
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    eventually("the action to be under way", || async {
        (processes(&marker) > 0).then_some(())
    })
    .await;
    for runner in runners_below(world.pid()) {
        kill(runner);
    }
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let said = done.result.expect("a result");
    assert!(said.contains("one") && !said.contains("two"), "{said}");
    nothing_is_left(&world, &marker).await;
    assert_eq!(world.rows_that_do_not_fit(), None);
}

/// What cannot be looked up or repeated goes to a person, who has three answers.
#[tokio::test(flavor = "multi_thread")]
async fn t_r1_an_effect_in_doubt_has_three_answers() {
    let till = McpStandIn::start(vec![tool("pay", "Pays.")])
        .await
        .expect("it listens");
    let world = world(laptop().with(&format!("[mcp.till]\nurl = \"{}\"\n\n", till.url()))).await;
    let owner = world.owner();
    let answers = [
        (DoubtAnswer::Happened, 1, TaskStatus::Succeeded),
        (DoubtAnswer::DidNot, 2, TaskStatus::Succeeded),
        (DoubtAnswer::Stop, 1, TaskStatus::Canceled),
    ];
    for (answer, payments, end) in answers {
        let before = till.calls().len();
        let pays = script().calls("till__pay", json!({"text": format!("{answer:?}")}));
        let task = owner.asks(&pays.says("Paid.").to_string()).await;
        let question = is_asked_about(&owner, Question::Permission).await;
        till.will([Mishap::Break]);
        owner
            .decides(question.id, Verdict::Approve)
            .await
            .expect("a yes");
        let doubt = is_asked_about(&owner, Question::InDoubt).await;
        let resolve = ResolveEffect {
            effect: doubt.effect,
            answer,
        };
        owner
            .client
            .resolve_effect(task, &resolve)
            .await
            .expect("an answer");
        assert_eq!(owner.awaits_end(task).await.status, end, "{answer:?}");
        assert_eq!(till.calls().len() - before, payments, "{answer:?}");
    }
    assert_eq!(world.rows_that_do_not_fit(), None);
}

async fn is_asked_about(owner: &wardroom_testkit::world::Person, what: Question) -> Approval {
    eventually("the question", || async {
        let question = owner.is_asked().await;
        (question.question == what).then_some(question)
    })
    .await
}

/// Tries are bounded: the plug is pulled over the same action again and again.
#[tokio::test(flavor = "multi_thread")]
async fn t_r1_tries_are_bounded_and_the_reason_is_told() {
    let mut world = world(laptop()).await;
    world.kill();
    world.up_until("gate-pre", 1);
    let asking = world.owner().client;
    let create = wardroom_api::task::CreateTask {
        text: script().shell("echo never").says("done").to_string(),
        ..Default::default()
    };
    let task = asking.create_task(&create, None).await.expect("a task").id;
    for _ in 0..5 {
        eventually_ended(&mut world).await;
        world.kill();
        world.up_until("gate-pre", 1);
    }
    let ended = world.owner().awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let why = ended.error.unwrap_or_default();
    assert!(why.contains("died 5 times over the same action"), "{why}");
}

async fn eventually_ended(world: &mut World) {
    let until = Instant::now() + Duration::from_secs(60);
    while !world.has_ended() {
        assert!(Instant::now() < until, "the plug was never pulled");
        pause(20).await;
    }
}

/// The same delivery of a webhook, five times at once and again after a kill: one answer, one task.
#[tokio::test(flavor = "multi_thread")]
async fn t_r2_duplicate_webhook_deliveries_are_idempotent() {
    let telegram = TelegramStandIn::start(&[(TOKEN, "crew_bot")])
        .await
        .expect("it listens");
    let setup = laptop()
        .secret("telegram", TOKEN)
        .secret("hook", "hush")
        .with(&format!(
            "[connectors.telegram.main]\ntoken = \"secret:telegram\"\nmode = \"webhook\"\n\
             webhook_secret = \"secret:hook\"\napi_base = \"{}\"\n\n",
            telegram.base_url()
        ));
    let world = World::start(setup, follows).await;
    let mut place = Place { world, telegram };
    let mia = Human::new(42, "Mia");
    let code = place.invites("member");
    let start = place.telegram.says(TOKEN, &mia, &format!("/start {code}"));
    deliver(&place, start, 5).await;
    place.hears(42, "Welcome").await;
    let work = script().delegates(&[("work", script().shell("echo once").says("counted"))]);
    let order = place
        .telegram
        .says(TOKEN, &mia, &work.says("Begun.").to_string());
    deliver(&place, order, 5).await;
    place.hears(42, "All told").await;
    place.world.kill();
    place.world.up();
    deliver(&place, order, 5).await;
    deliver(&place, start, 2).await;
    pause(2000).await;
    let tasks = place
        .world
        .owner()
        .client
        .tasks(&TaskFilter::default())
        .await;
    assert_eq!(tasks.expect("the list").tasks.len(), 1, "one task");
    for words in ["Welcome", "Begun.", "All told"] {
        let sent = place.telegram.sent(TOKEN, 42);
        let times = sent.iter().filter(|sent| sent.text.contains(words)).count();
        assert_eq!(times, 1, "{words}: {sent:#?}");
    }
    assert_eq!(place.world.rows_that_do_not_fit(), None);
}

/// Brings the same update so many times at once; each is acknowledged.
async fn deliver(place: &Place, update: i64, times: usize) {
    let body = place.telegram.update(update).to_string();
    let url = format!("{}/telegram/webhook", place.world.url());
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..times {
        let (url, body) = (url.clone(), body.clone());
        posts.spawn_blocking(move || crate::http::post_update(&url, Some("hush"), &body));
    }
    for status in posts.join_all().await {
        assert_eq!(status, 200);
    }
}

/// How many tasks one person floods the queue with.
const FLOOD: usize = 60;

/// One person floods the queue; the others come to their turn, and everything is done once.
#[tokio::test(flavor = "multi_thread")]
async fn t_r3_queue_backlog_drains_under_concurrency() {
    let desk = McpStandIn::start(vec![tool("look", "Looks.")])
        .await
        .expect("it listens");
    let setup = laptop().with(&format!(
        "[mcp.desk]\nurl = \"{}\"\n[mcp.desk.tiers]\nlook = \"L0_READONLY\"\n\n\
         [limits]\nexecutors_per_user = 3\ntasks_per_workspace = 3\n\n",
        desk.url()
    ));
    let world = world(setup).await;
    let looks = |who: &str, number: usize| {
        let what = json!({"text": format!("{who}-{number}")});
        script()
            .calls("desk__look", what)
            .says("looked")
            .to_string()
    };
    let owner = world.owner();
    let mut flood = Vec::new();
    for number in 0..FLOOD {
        flood.push(owner.asks(&looks("flood", number)).await);
    }
    let others = [world.person("mia", "member"), world.person("noa", "member")];
    let mut quiet: Vec<(usize, TaskId)> = Vec::new();
    for (place, person) in others.iter().enumerate() {
        quiet.push((place, person.asks(&looks("quiet", place)).await));
    }
    for (place, task) in quiet {
        others[place].awaits(task, TaskStatus::Succeeded).await;
    }
    let until = Instant::now() + Duration::from_secs(180);
    for task in &flood {
        while owner.sees(*task).await.status != TaskStatus::Succeeded {
            assert!(Instant::now() < until, "{task} does not end");
            pause(50).await;
        }
    }
    let calls = desk.calls();
    let order: Vec<String> = calls
        .iter()
        .map(|call| call.arguments["text"].to_string())
        .collect();
    let mut once = order.clone();
    once.sort();
    once.dedup();
    assert_eq!(
        (once.len(), order.len()),
        (FLOOD + 2, FLOOD + 2),
        "each once"
    );
    assert_eq!(world.rows_that_do_not_fit(), None);
}

/// Tasks in every state, and the plug is pulled: what was queued stays queued and ends, what ran is
/// recovered, what waits can still be decided.
#[tokio::test(flavor = "multi_thread")]
async fn t_r4_service_restart_preserves_task_state_integrity() {
    let limits = "[limits]\nexecutors_per_user = 1\ntasks_per_workspace = 1\n\n";
    let mut world = world(laptop().with(limits)).await;
    let owner = world.owner();
    let waits = script()
        .calls("ask_person", json!({"question": "Which?"}))
        .says("{last}");
    let waits = owner.asks(&waits.to_string()).await;
    owner.awaits(waits, TaskStatus::WaitingApproval).await;
    let done = owner.asks(&script().says("done").to_string()).await;
    owner.awaits(done, TaskStatus::Succeeded).await;
    let runs = owner
        .asks(
            &script()
                .shell("sleep 3; echo ran")
                .says("{last}")
                .to_string(),
        )
        .await;
    owner.awaits(runs, TaskStatus::Running).await;
    let queued = owner.asks(&script().says("was queued").to_string()).await;
    assert_eq!(owner.sees(queued).await.status, TaskStatus::Queued);
    for _ in 0..3 {
        world.kill();
        assert_eq!(world.rows_that_do_not_fit(), None, "while nobody runs");
        world.up();
        pause(200).await;
    }
    let owner = world.owner();
    assert_eq!(owner.sees(done).await.status, TaskStatus::Succeeded);
    assert_eq!(owner.sees(waits).await.status, TaskStatus::WaitingApproval);
    let recovered = owner.awaits(runs, TaskStatus::Succeeded).await;
    assert!(recovered.result.is_some_and(|said| said.contains("ran")));
    owner.awaits(queued, TaskStatus::Succeeded).await;
    let question = owner.is_asked().await;
    let answer = wardroom_api::approval::Decide {
        decision: Verdict::Approve,
        digest: Some(question.digest),
        remember: None,
        answer: Some("the second".to_owned()),
    };
    owner
        .client
        .decide(question.id, &answer)
        .await
        .expect("still to be decided");
    let answered = owner.awaits(waits, TaskStatus::Succeeded).await;
    assert!(
        answered
            .result
            .is_some_and(|said| said.contains("the second"))
    );
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(world.audit_is_whole());
}

/// Every executor is busy for long, and the coordinator still answers.
#[tokio::test(flavor = "multi_thread")]
async fn t_f2_coordinator_remains_responsive_during_long_executor_runs() {
    let limits = "[limits]\nexecutors_per_user = 5\ntasks_per_workspace = 5\n\n";
    let world = world(laptop().with(limits)).await;
    let (owner, marker) = (world.owner(), marker());
    let mut busy = Vec::new();
    for _ in 0..5 {
        let request = script().shell(&format!("sleep {marker}")).says("slept");
        busy.push(owner.asks(&request.to_string()).await);
    }
    eventually("all executors to be busy", || async {
        (processes(&marker) == 5).then_some(())
    })
    .await;
    let mut took = Vec::new();
    for number in 0..40 {
        let post = PostMessage {
            text: format!("hello {number}"),
            ..PostMessage::default()
        };
        let began = Instant::now();
        let reply = owner
            .client
            .post_message(&post, None)
            .await
            .expect("an answer");
        assert_eq!(reply.reply, format!("You said: hello {number}"));
        took.push(began.elapsed());
    }
    took.sort();
    let (middle, late) = (took[took.len() / 2], took[took.len() * 95 / 100]);
    println!("40 answers with 5 busy executors: p50 {middle:?}, p95 {late:?}");
    // The promise is two seconds on a quiet machine; tests run on a loaded one.
    assert!(late < Duration::from_secs(10), "p95 {late:?}");
    for task in busy {
        let cancelled = owner.client.cancel_task(task).await;
        cancelled.expect("a stop");
        owner.awaits(task, TaskStatus::Canceled).await;
    }
    nothing_is_left(&world, &marker).await;
}
