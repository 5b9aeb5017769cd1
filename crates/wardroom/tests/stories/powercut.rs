//! The plug is pulled at every named moment of the road, and the road is walked again: whatever was
//! begun ends, and the world was touched once.

use crate::database::time_is_almost_over;
use crate::script::script;
use crate::telegram::{Place, TOKEN};
use crate::{laptop, pause, world};
use serde_json::json;
use std::time::{Duration, Instant};
use wardroom_api::approval::{ApprovalFilter, Decide, Verdict};
use wardroom_api::client::Client;
use wardroom_api::message::PostMessage;
use wardroom_api::task::{DoubtAnswer, ResolveEffect, TaskFilter};
use wardroom_domain::{Question, TaskId, TaskStatus};
use wardroom_testkit::mcp::{McpStandIn, tool};
use wardroom_testkit::world::{PATIENCE, World, eventually};

/// A world whose tasks pay by a server that knows no keys: nothing must be paid twice.
struct Shop {
    world: World,
    till: McpStandIn,
}

impl Shop {
    async fn opens() -> Self {
        let till = McpStandIn::start(vec![tool("pay", "Pays.")]).await;
        let till = till.expect("the stand-in listens");
        let mcp = format!("[mcp.till]\nurl = \"{}\"\n\n", till.url());
        let world = world(laptop().with(&mcp)).await;
        Self { world, till }
    }

    /// Somebody asks for a payment until he is answered; the key makes it one.
    async fn asks(client: Client) {
        let pays = script()
            .shell("echo before")
            .calls("till__pay", json!({"text": "ten"}))
            .says("Paid.");
        let request = script().delegates(&[("pay", pays)]).says("Begun.");
        let post = PostMessage {
            text: request.to_string(),
            ..PostMessage::default()
        };
        loop {
            let asking = client.post_message(&post, Some("payment"));
            if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(5), asking).await {
                return;
            }
            pause(50).await;
        }
    }

    /// Says what happened, from having looked.
    async fn resolves(client: Client, till_calls: impl Fn() -> usize) {
        let waiting = ApprovalFilter {
            waiting: Some(true),
            ..ApprovalFilter::default()
        };
        loop {
            let open = client.approvals(&waiting).await;
            for question in open.map(|list| list.approvals).unwrap_or_default() {
                if question.question == Question::InDoubt {
                    let answer = match till_calls() {
                        0 => DoubtAnswer::DidNot,
                        _ => DoubtAnswer::Happened,
                    };
                    let resolve = ResolveEffect {
                        effect: question.effect,
                        answer,
                    };
                    let _ = client.resolve_effect(question.task, &resolve).await;
                } else {
                    let yes = Decide {
                        decision: Verdict::Approve,
                        digest: Some(question.digest),
                        remember: None,
                        answer: None,
                    };
                    let _ = client.decide(question.id, &yes).await;
                }
            }
            pause(50).await;
        }
    }

    async fn dies(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.world.has_ended() {
            assert!(Instant::now() < until, "the plug was never pulled");
            pause(20).await;
        }
    }

    async fn is_cut(waymark: &str, count: u32) {
        let mut shop = Self::opens().await;
        shop.world.kill();
        shop.world.up_until(waymark, count);
        let client = shop.world.owner().client;
        let asker = tokio::spawn(Self::asks(client.clone()));
        let calls = {
            let till = shop.till.counter();
            move || till.calls()
        };
        let resolver = tokio::spawn(Self::resolves(client.clone(), calls));
        shop.dies().await;
        shop.world.kill();
        shop.world.up();
        asker.await.expect("the answer");
        let task = eventually("the payment to end", || async {
            let tasks = client.tasks(&TaskFilter::default()).await.ok()?.tasks;
            assert_eq!(tasks.len(), 1, "one task: {waymark}");
            tasks[0].status.is_terminal().then(|| tasks[0].clone())
        })
        .await;
        resolver.abort();
        assert_eq!(
            task.status,
            TaskStatus::Succeeded,
            "{waymark}: {:?}",
            task.error
        );
        assert_eq!(shop.till.calls().len(), 1, "paid once, cut at {waymark}");
        shop.is_well(waymark);
    }

    fn is_well(&self, waymark: &str) {
        assert_eq!(self.world.rows_that_do_not_fit(), None, "cut at {waymark}");
        let log = self.world.log();
        assert!(log.contains("the plug is pulled"), "{waymark}");
        assert!(!log.contains("panicked"), "cut at {waymark}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_while_words_come_in() {
    for waymark in ["admit", "inbox-commit", "claim", "fold", "anchor-write"] {
        Shop::is_cut(waymark, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_while_somebody_is_asked() {
    for waymark in ["approval-open", "approval-decide", "signal-consume"] {
        Shop::is_cut(waymark, 1).await;
    }
}

/// The first effect runs in the sandbox, the second pays.
#[tokio::test(flavor = "multi_thread")]
async fn cut_around_the_first_effect() {
    for waymark in [
        "intent-commit",
        "gate-pre",
        "gate-sent",
        "gate-returned",
        "result-commit",
    ] {
        Shop::is_cut(waymark, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_around_an_effect_that_cannot_be_repeated() {
    for waymark in [
        "intent-commit",
        "gate-pre",
        "gate-sent",
        "gate-returned",
        "result-commit",
    ] {
        Shop::is_cut(waymark, 2).await;
    }
    Shop::is_cut("terminal-commit", 1).await;
}

/// A task waits for an answer; the plug is pulled when it is told to stop, and when its time is over.
async fn waits() -> (Shop, TaskId) {
    let shop = Shop::opens().await;
    let asks = script().calls("ask_person", json!({"question": "Which?"}));
    let owner = shop.world.owner();
    let task = owner.asks(&asks.to_string()).await;
    owner.awaits(task, TaskStatus::WaitingApproval).await;
    (shop, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_when_a_task_is_told_to_stop() {
    let (mut shop, task) = waits().await;
    shop.world.kill();
    shop.world.up_until("cancel-commit", 1);
    let client = shop.world.owner().client;
    let _ = tokio::time::timeout(Duration::from_secs(20), client.cancel_task(task)).await;
    shop.dies().await;
    shop.world.up();
    let owner = shop.world.owner();
    owner.awaits(task, TaskStatus::Canceled).await;
    shop.is_well("cancel-commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_when_its_time_is_over() {
    let (mut shop, task) = waits().await;
    shop.world.kill();
    time_is_almost_over(&shop.world, task);
    shop.world.up_until("timer-fire", 1);
    shop.dies().await;
    shop.world.up();
    shop.world.owner().awaits(task, TaskStatus::TimedOut).await;
    shop.is_well("timer-fire");
}

/// What was said by a platform is answered there; only between the platform's yes and our note of
/// it may an answer come twice, for the platform knows no keys of ours.
#[tokio::test(flavor = "multi_thread")]
async fn cut_while_words_go_out() {
    for waymark in ["outbox-commit", "outbox-sent", "outbox-ack"] {
        let mut place = Place::start(laptop()).await;
        let mia = place.joins(7, "Mia", "member").await;
        place.world.kill();
        place.world.up_until(waymark, 1);
        place.telegram.says(TOKEN, &mia, "good morning");
        let until = Instant::now() + PATIENCE;
        while !place.world.has_ended() {
            assert!(
                Instant::now() < until,
                "the plug was never pulled at {waymark}"
            );
            pause(20).await;
        }
        place.world.kill();
        place.world.up();
        place.hears(mia.id, "You said: good morning").await;
        // Somebody who would say it again has had the time for it.
        pause(2500).await;
        let sent = place.telegram.sent(TOKEN, mia.id);
        let times = sent
            .iter()
            .filter(|sent| sent.text.contains("You said"))
            .count();
        // What is committed may be on its way before the plug is out.
        let most = if waymark == "outbox-ack" { 1 } else { 2 };
        assert!(
            (1..=most).contains(&times),
            "{times} times, cut at {waymark}"
        );
        assert_eq!(place.world.rows_that_do_not_fit(), None, "cut at {waymark}");
    }
}

/// A schema that was half made is made from where it stands.
#[tokio::test(flavor = "multi_thread")]
async fn cut_while_the_database_is_made() {
    let mut world = world(laptop()).await;
    world.kill();
    for file in ["wardroom.db", "wardroom.db-wal", "wardroom.db-shm"] {
        let _ = std::fs::remove_file(world.data().join(file));
    }
    for step in 1..4 {
        let ended = world.verb_until(&["migrate"], "migrate-step", step);
        assert!(!ended, "the plug was never pulled at step {step}");
    }
    world.up();
    assert_eq!(
        world.owner().says("hello", None).await.reply,
        "You said: hello"
    );
    assert_eq!(world.rows_that_do_not_fit(), None);
}

/// Long messages fill the write-ahead log; the plug is pulled right after it was carried over.
#[tokio::test(flavor = "multi_thread")]
async fn cut_after_a_checkpoint() {
    let mut world = world(laptop()).await;
    world.kill();
    world.up_until("checkpoint", 1);
    let client = world.owner().client;
    let mut acknowledged = 0;
    while !world.has_ended() {
        let post = PostMessage {
            text: "x".repeat(120 * 1024),
            ..PostMessage::default()
        };
        let key = format!("long-{acknowledged}");
        let posted = tokio::time::timeout(
            Duration::from_secs(10),
            client.post_message(&post, Some(&key)),
        );
        acknowledged += u32::from(matches!(posted.await, Ok(Ok(_))));
        assert!(acknowledged < 200, "the plug was never pulled");
    }
    world.kill();
    world.up();
    for number in 0..acknowledged {
        let post = PostMessage {
            text: "x".repeat(120 * 1024),
            ..PostMessage::default()
        };
        let again = world
            .owner()
            .client
            .post_message(&post, Some(&format!("long-{number}")))
            .await;
        assert!(again.is_ok(), "message {number} was acknowledged");
    }
    assert!(world.audit_is_whole());
    assert_eq!(world.rows_that_do_not_fit(), None);
}
