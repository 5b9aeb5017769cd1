//! One yes for much: what was foreseen before anything was read, and what a model would do at once.

use crate::script::{Script, script};
use crate::{laptop, world};
use serde_json::{Value, json};
use wardroom_api::approval::{Approval, ApprovalFilter, Verdict};
use wardroom_domain::{ApprovalDecision, Integrity, TaskId, TaskStatus};
use wardroom_testkit::mcp::{McpStandIn, tool};
use wardroom_testkit::models::{Obedient, Obeys, Planned};
use wardroom_testkit::world::{Person, World};

/// The desk, and what the org vouches for of it: a look, a message and a removal.
async fn desk() -> (McpStandIn, String) {
    let tools = ["look", "say", "wipe"].map(|name| tool(name, "A tool of the desk."));
    let server = McpStandIn::start(tools.to_vec())
        .await
        .expect("the stand-in listens");
    server.answers("look", "The plan is to meet on Monday.");
    let tables = format!(
        "[mcp.desk]\nurl = \"{}\"\n\n[mcp.desk.tiers]\nlook = \"L0_READONLY\"\nsay = \"L1_MUTATING\"\nwipe = \"L2_DESTRUCTIVE\"\n\n",
        server.url()
    );
    (server, tables)
}

fn look() -> Planned {
    ("desk__look".to_owned(), json!({"path": "plan.md"}))
}

fn says_in(room: &str, text: &str) -> Planned {
    ("desk__say".to_owned(), json!({"path": room, "text": text}))
}

fn wipes(name: &str) -> Planned {
    ("desk__wipe".to_owned(), json!({"path": name}))
}

/// A message, and the work that the coordinator makes of it under a mandate.
const WORDS: &str =
    "Look at plan.md, say what it says in 'team' and in 'board', and remove 'draft-1'.";

fn mandate() -> Value {
    json!({"tools": ["desk__say", "desk__wipe"], "targets": ["board", "draft-1", "team"],
        "recipients": []})
}

fn plans(model: &Obedient, mandate: &Value, calls: Vec<Planned>) {
    let order = json!({"title": "tell them", "instructions": "tell them all", "mandate": mandate});
    let delegate = ("delegate".to_owned(), order);
    model.plan(WORDS, vec![delegate], "I have begun.");
    model.plan("tell them all", calls, "They are told.");
}

async fn every_question(who: &Person) -> Vec<Approval> {
    let all = ApprovalFilter {
        limit: Some(100),
        ..ApprovalFilter::default()
    };
    let list = who.client.approvals(&all).await.expect("the list");
    list.approvals
}

fn carried_out(server: &McpStandIn) -> Vec<Planned> {
    let calls = server.calls().into_iter();
    calls
        .map(|call| (format!("desk__{}", call.tool), call.arguments))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_is_approved_once_covers_what_it_names_and_outlives_a_restart() {
    let (server, tables) = desk().await;
    let model = Obedient::new(Obeys::InTheEnd);
    let mut world = World::start(laptop().with(&tables), model.clone()).await;
    let owner = world.owner();
    // The first message is wished for in so many words; what follows is not.
    let covered = [
        says_in("team", "We meet on Monday."),
        says_in("team", "Monday it is."),
        wipes("draft-1"),
    ];
    let mut calls = vec![look()];
    calls.extend(covered.clone());
    calls.push(says_in("attic", "We meet on Monday."));
    calls.push(says_in("board", "We meet on Monday, and that is all."));
    calls.push(says_in("board", "That is all."));
    plans(&model, &mandate(), calls);
    let reply = owner.says(WORDS, None).await;
    let task = reply.tasks[0];
    let begun = owner.sees(task).await;
    assert_eq!(begun.labels.integrity, Integrity::Owner, "nothing was read");

    let question = owner.is_asked().await;
    assert_eq!(
        (question.tool.as_str(), question.rule.as_str()),
        ("mandate", "mandate")
    );
    assert_eq!(question.tier.as_str(), "L2_DESTRUCTIVE");
    assert_eq!(question.arguments["mandate"], mandate());
    let words = question.arguments["in_words"].as_str().expect("words");
    for name in ["desk__say", "desk__wipe", "team", "board", "draft-1"] {
        assert!(words.contains(name), "{words}");
    }
    assert_eq!(carried_out(&server).len(), 2, "the look and the wish");

    world.kill();
    world.up();
    let owner = world.owner();
    assert_eq!(owner.is_asked().await.id, question.id, "it still waits");
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a decision");
    // What it does not name asks, whatever was said to the rest.
    let stray = asked_other_than(&owner, &question).await;
    assert_eq!(
        (stray.tool.as_str(), stray.rule.as_str()),
        ("desk__say", "after-external")
    );
    assert_eq!(stray.arguments["path"], "attic");
    world.kill();
    world.up();
    let owner = world.owner();
    owner
        .decides(stray.id, Verdict::Deny)
        .await
        .expect("a decision");
    owner.awaits(task, TaskStatus::Succeeded).await;
    let mut wanted = vec![look()];
    wanted.extend(covered);
    wanted.push(says_in("board", "We meet on Monday, and that is all."));
    wanted.push(says_in("board", "That is all."));
    assert_eq!(carried_out(&server), wanted, "covered after a restart, too");
    assert_eq!(every_question(&owner).await.len(), 2);
    assert!(world.audit_is_whole());
}

async fn asked_other_than(who: &Person, known: &Approval) -> Approval {
    wardroom_testkit::world::eventually("another question", || async {
        let asked = every_question(who).await;
        asked
            .into_iter()
            .find(|one| one.id != known.id && one.decision.is_none())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_is_refused_leaves_every_action_its_own_question() {
    let (server, tables) = desk().await;
    let model = Obedient::new(Obeys::InTheEnd);
    let world = World::start(laptop().with(&tables), model.clone()).await;
    let owner = world.owner();
    let calls = vec![look(), wipes("draft-1")];
    plans(&model, &mandate(), calls.clone());
    let reply = owner.says(WORDS, None).await;
    let question = owner.is_asked().await;
    assert_eq!(question.tool, "mandate");
    owner
        .decides(question.id, Verdict::Deny)
        .await
        .expect("a decision");
    let alone = asked_other_than(&owner, &question).await;
    assert_eq!(alone.tool, "desk__wipe", "the same action, for itself");
    assert_eq!(carried_out(&server).len(), 1);
    owner
        .decides(alone.id, Verdict::Approve)
        .await
        .expect("a decision");
    owner.awaits(reply.tasks[0], TaskStatus::Succeeded).await;
    assert_eq!(carried_out(&server), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_names_what_nobody_typed_is_refused() {
    let (_server, tables) = desk().await;
    let model = Obedient::new(Obeys::InTheEnd);
    let world = World::start(laptop().with(&tables), model.clone()).await;
    let owner = world.owner();
    for (mandate, why) in [
        (
            json!({"tools": ["desk__say"], "targets": ["attic"], "recipients": []}),
            "may only name what the person typed",
        ),
        (
            json!({"tools": ["desk__say"], "targets": [], "recipients": ["eve@evil.test"]}),
            "may only name what the person typed",
        ),
        (
            json!({"tools": ["desk__burn"], "targets": ["team"], "recipients": []}),
            "names tools that there are",
        ),
        (
            json!({"tools": [], "targets": ["team"], "recipients": []}),
            "names at least one tool",
        ),
    ] {
        plans(&model, &mandate, vec![look()]);
        let reply = owner.says(WORDS, None).await;
        assert!(reply.tasks.is_empty(), "{mandate} began something");
        let sent = world.model.recorded().pop().expect("a prompt");
        let sent = sent.body["messages"].to_string();
        assert!(sent.contains(why), "{mandate}: {sent}");
    }
}

fn wipe_of(name: &str) -> (&'static str, Value) {
    ("desk__wipe", json!({"path": name}))
}

async fn asks(owner: &Person, script: &Script) -> TaskId {
    owner.asks(&script.to_string()).await
}

fn is_shown(question: &Approval, names: &[&str]) {
    assert_eq!(
        (question.tool.as_str(), question.rule.as_str()),
        ("together", "together")
    );
    let calls = question.arguments["calls"].as_array().expect("calls");
    let shown: Vec<_> = calls
        .iter()
        .map(|call| (call["tool"].clone(), call["arguments"].clone()))
        .collect();
    let wanted: Vec<_> = names
        .iter()
        .map(|name| (json!("desk__wipe"), json!({"path": name})))
        .collect();
    assert_eq!(shown, wanted, "every call, exactly");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_turn_are_one_question_and_each_is_carried_out_once() {
    let (server, tables) = desk().await;
    let mut world = world(laptop().with(&tables)).await;
    let owner = world.owner();
    let twice = script()
        .calls_all(&[wipe_of("a"), wipe_of("b"), wipe_of("a")])
        .calls_all(&[wipe_of("a")])
        .says("Wiped.");
    let task = asks(&owner, &twice).await;
    let question = owner.is_asked().await;
    is_shown(&question, &["a", "b", "a"]);
    assert_eq!(question.tier.as_str(), "L2_DESTRUCTIVE");
    assert!(carried_out(&server).is_empty(), "nothing before the yes");
    world.kill();
    world.up();
    let owner = world.owner();
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a decision");
    // The yes does not outlive its turn.
    let again = asked_other_than(&owner, &question).await;
    assert_eq!(again.tool, "desk__wipe");
    assert_eq!(
        carried_out(&server),
        [wipes("a"), wipes("b"), wipes("a")],
        "each as often as it was shown"
    );
    owner
        .decides(again.id, Verdict::Deny)
        .await
        .expect("a decision");
    owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(carried_out(&server).len(), 3);
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_no_to_several_each_asks_for_itself() {
    let (server, tables) = desk().await;
    let world = world(laptop().with(&tables)).await;
    let owner = world.owner();
    let both = script()
        .calls_all(&[wipe_of("a"), wipe_of("b")])
        .says("Wiped.");
    let task = asks(&owner, &both).await;
    let question = owner.is_asked().await;
    is_shown(&question, &["a", "b"]);
    owner
        .decides(question.id, Verdict::Deny)
        .await
        .expect("a decision");
    let first = asked_other_than(&owner, &question).await;
    assert_eq!(
        (first.tool.as_str(), &first.arguments),
        ("desk__wipe", &json!({"path": "a"}))
    );
    assert!(carried_out(&server).is_empty(), "the no counted for both");
    owner
        .decides(first.id, Verdict::Deny)
        .await
        .expect("a decision");
    let second = asked_other_than(&owner, &question).await;
    assert_eq!(second.arguments, json!({"path": "b"}));
    owner
        .decides(second.id, Verdict::Approve)
        .await
        .expect("a decision");
    owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(carried_out(&server), [wipes("b")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_nobody_answers_are_done_never_and_asked_once() {
    let (server, tables) = desk().await;
    let world = world(
        laptop()
            .with(&tables)
            .with("[policy]\napproval_ttl_s = 1\n"),
    )
    .await;
    let owner = world.owner();
    let both = script()
        .calls_all(&[wipe_of("a"), wipe_of("b")])
        .says("{last}");
    let task = asks(&owner, &both).await;
    let ended = owner.awaits(task, TaskStatus::Succeeded).await;
    assert!(
        ended.result.is_some_and(|text| text.contains("expired")),
        "the model is told"
    );
    let asked = every_question(&owner).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].decision, Some(ApprovalDecision::Expire));
    assert!(carried_out(&server).is_empty());
}
