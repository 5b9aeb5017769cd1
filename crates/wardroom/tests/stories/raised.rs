//! How far an agent goes, and how a person lets one task of his go further.

use crate::govern::{get, send};
use crate::http::Answer;
use crate::script::{Script, script};
use crate::{company, world};
use serde_json::{Value, json};
use wardroom_api::approval::Verdict;
use wardroom_api::audit::AuditFilter;
use wardroom_api::task::CreateTask;
use wardroom_domain::{AuditKind, RiskTier, TaskStatus};
use wardroom_testkit::world::{Person, World, eventually};

fn put(world: &World, document: Value) -> Answer {
    send(world, "PUT /v1/policy", &world.token("owner"), document)
}

/// The crew's agents go as far as `STANDARD`: they change, and remove nothing.
fn levelled(world: &World) {
    let set = put(
        world,
        json!({"agents": {"executor": {"level": "STANDARD"}}}),
    );
    assert_eq!(set.status, 200, "{}", set.body);
}

fn wishes(script: Script, level: &str) -> Script {
    let request = json!({"level": level, "reason": "the old file must go"});
    script.calls("request_permission_level", request)
}

async fn refusals(world: &World) -> Vec<String> {
    let filter = AuditFilter {
        kind: Some(AuditKind::EffectRefused),
        limit: Some(100),
        ..AuditFilter::default()
    };
    let events = world.owner().client.audit_events(&filter).await;
    let events = events.expect("the log").events.into_iter();
    events.map(|event| event.body.to_string()).collect()
}

async fn said(person: &Person, script: Script) -> String {
    let task = person.asks(&script.says("{last}").to_string()).await;
    let ended = person.awaits(task, TaskStatus::Succeeded).await;
    ended.result.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_is_raised_by_a_person_and_for_one_task_alone() {
    let world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    levelled(&world);
    let begin = script()
        .writes("a.txt", "a\n")
        .writes("b.txt", "b\n")
        .says("Written.");
    let begin = mia.asks(&begin.to_string()).await;
    let question = mia.is_asked().await;
    ada.decides(question.id, Verdict::Approve)
        .await
        .expect("a yes");
    mia.awaits(begin, TaskStatus::Succeeded).await;

    let removes = wishes(
        script()
            .shell("rm a.txt")
            .calls("apply", json!({"note": "first"})),
        "ELEVATED",
    );
    let removes = removes
        .calls("apply", json!({"note": "again"}))
        .says("{last}");
    let task = mia.asks(&removes.to_string()).await;
    let question = mia.is_asked().await;
    assert!(
        refusals(&world).await[0].contains("an agent of level STANDARD does nothing of tier L2"),
        "{:?}",
        refusals(&world).await
    );
    assert_eq!(question.tool, "request_permission_level");
    assert_eq!(question.tier, RiskTier::L3Privileged);
    let shown = &question.arguments;
    assert_eq!(
        (&shown["now"], &shown["level"]),
        (&json!("STANDARD"), &json!("ELEVATED"))
    );
    assert_eq!(shown["reason"], "the old file must go");
    assert!(
        question.covers.is_none(),
        "nobody says yes to this for good"
    );
    let own = mia.decides(question.id, Verdict::Approve).await;
    assert!(own.is_err(), "a member gives his own agents nothing");
    ada.decides(question.id, Verdict::Approve)
        .await
        .expect("a yes");
    let question = eventually("the removal to be asked about", || async {
        let asked = mia.is_asked().await;
        (asked.tool == "apply").then_some(asked)
    })
    .await;
    assert_eq!(
        question.tier,
        RiskTier::L2Destructive,
        "raised, and asked all the same"
    );
    ada.decides(question.id, Verdict::Approve)
        .await
        .expect("a yes");
    let done = mia.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(true));

    // The next task stands where the agent stands.
    let next = script().shell("rm b.txt").says("Removed.").to_string();
    let next = mia.asks(&next).await;
    let done = mia.awaits(next, TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(false));
    assert_eq!(refusals(&world).await.len(), 2);
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_nobody_gives_is_told_to_the_model() {
    let world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    let free = said(&mia, wishes(script(), "ELEVATED")).await;
    assert!(free.contains("no level holds you back"), "{free}");
    levelled(&world);
    let had = said(&mia, wishes(script(), "STANDARD")).await;
    assert!(had.contains("your level is STANDARD already"), "{had}");

    let task = mia
        .asks(&wishes(script(), "PRIVILEGED").says("{last}").to_string())
        .await;
    let question = mia.is_asked().await;
    ada.decides(question.id, Verdict::Deny).await.expect("a no");
    let denied = mia.awaits(task, TaskStatus::Succeeded).await.result;
    assert!(
        denied
            .as_deref()
            .unwrap_or_default()
            .contains("denied by a person"),
        "{denied:?}"
    );

    // A task that another task made asks nobody for more.
    let child = json!({"instructions": wishes(script(), "ELEVATED").says("{last}").to_string()});
    let spawned = said(&mia, script().calls("spawn_task", child)).await;
    assert!(
        spawned.contains("Only a task that a person asked for"),
        "{spawned}"
    );

    // After a read from outside the question says so.
    let page = mia
        .client
        .upload("page.txt", b"a page".to_vec())
        .await
        .expect("an upload");
    let reads = wishes(script().shell("cat /uploads/1-page.txt"), "ELEVATED");
    let create = CreateTask {
        text: reads.says("{last}").to_string(),
        files: vec![page.id],
        ..CreateTask::default()
    };
    mia.client.create_task(&create, None).await.expect("a task");
    let question = mia.is_asked().await;
    assert!(
        question.rationale.contains("has read text from outside"),
        "{}",
        question.rationale
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_a_role_may_not_use_is_not_asked() {
    let world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    let set = put(
        &world,
        json!({"roles": {"member": {"models": ["another"]}}}),
    );
    assert_eq!(set.status, 200, "{}", set.body);
    let before = world.model.recorded().len();
    let reply = mia.says("hello", None).await.reply;
    assert!(!reply.contains("You said"), "{reply}");
    let task = mia.asks(&script().says("Done.").to_string()).await;
    let ended = mia.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let why = ended.error.unwrap_or_default();
    assert!(why.contains("the policy allows none"), "{why}");
    assert_eq!(world.model.recorded().len(), before, "no model heard of it");
    assert_eq!(ada.says("hello", None).await.reply, "You said: hello");
    // An agent's list narrows further, and gives a member nothing.
    let set = put(
        &world,
        json!({"roles": {}, "agents": {"executor": {"models": ["another"]}}}),
    );
    assert_eq!(set.status, 200, "{}", set.body);
    let task = ada.asks(&script().says("Done.").to_string()).await;
    assert_eq!(ada.awaits_end(task).await.status, TaskStatus::Failed);
    assert_eq!(mia.says("hello", None).await.reply, "You said: hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_some_tools_decides_and_is_offered_no_others() {
    let world = world(company()).await;
    let mia = world.person("mia", "member");
    world.person("otto", "operator");
    world
        .verb(&["user", "scope", "otto", "tool:http_request"])
        .expect("he is narrowed");
    let task = mia.asks(&crate::govern::changing("a.txt")).await;
    let question = mia.is_asked().await;
    let otto = world.token("otto");
    let listed = get(&world, "/v1/approvals?waiting=true", &otto).json();
    assert_eq!(
        listed["approvals"].as_array().map(Vec::len),
        Some(1),
        "he sees it"
    );
    assert_eq!(listed["decidable"], json!([]), "and is not offered it");
    let line = format!("POST /v1/approvals/{}/decision", question.id);
    let refused = send(&world, &line, &otto, json!({"decision": "APPROVE"}));
    assert_eq!(refused.status, 403, "{}", refused.body);
    world
        .verb(&["user", "scope", "otto", "tool:apply"])
        .expect("he is narrowed to another");
    let listed = get(&world, "/v1/approvals?waiting=true", &otto).json();
    assert_eq!(listed["decidable"], json!([question.id]));
    let decided = send(&world, &line, &otto, json!({"decision": "APPROVE"}));
    assert_eq!(decided.status, 200, "{}", decided.body);
    mia.awaits(task, TaskStatus::Succeeded).await;
}
