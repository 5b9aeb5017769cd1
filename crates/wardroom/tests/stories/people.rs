//! Two people of one house who cannot see each other's things by any id.

use crate::http::ask;
use crate::script::script;
use crate::{laptop, world};
use serde_json::{Value, json};
use wardroom_api::approval::{Approval, Verdict};
use wardroom_api::audit::AuditFilter;
use wardroom_api::message::Reply;
use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::world::{Person, World};

/// What somebody has: a conversation, a task with an artifact, and one that asks him something.
struct Belongings {
    reply: Reply,
    delivered: TaskId,
    asking: TaskId,
    question: Approval,
    file: String,
}

async fn settles_in(who: &Person) -> Belongings {
    let work = script()
        .writes("secret.txt", "the plan\n")
        .calls("deliver", json!({"path": "secret.txt"}))
        .says("the plan is delivered");
    let request = script().delegates(&[("plan", work)]).says("On it.");
    let reply = who.says(&request.to_string(), None).await;
    let delivered = reply.tasks[0];
    who.awaits(delivered, TaskStatus::Succeeded).await;
    let asks = script()
        .calls("ask_person", json!({"question": "which plan?"}))
        .says("{last}");
    let asking = who.asks(&asks.to_string()).await;
    let question = who.is_asked().await;
    let file = who.client.upload("plan.txt", b"upload".to_vec()).await;
    let file = file.expect("an upload").id.to_string();
    Belongings {
        reply,
        delivered,
        asking,
        question,
        file,
    }
}

/// Every road to somebody's things, as a request of another.
fn roads(things: &Belongings, workspace: &str) -> Vec<(String, Value)> {
    let mut roads = Vec::new();
    for task in [things.delivered, things.asking] {
        for read in [
            "",
            "/events",
            "/diff",
            "/artifacts",
            "/artifacts/secret.txt",
            "/timeline",
        ] {
            roads.push((format!("GET /v1/tasks/{task}{read}"), Value::Null));
        }
        for change in ["cancel", "retry", "undo"] {
            roads.push((format!("POST /v1/tasks/{task}/{change}"), json!({})));
        }
        roads.push((
            format!("POST /v1/tasks/{task}/messages"),
            json!({"text": "stop that"}),
        ));
        roads.push((
            format!("POST /v1/tasks/{task}/resolve"),
            json!({"effect": things.question.effect, "answer": "stop"}),
        ));
    }
    let conversation = things.reply.conversation;
    for read in ["messages", "events"] {
        roads.push((
            format!("GET /v1/conversations/{conversation}/{read}"),
            Value::Null,
        ));
    }
    roads.push((
        format!("POST /v1/approvals/{}/decision", things.question.id),
        json!({"decision": "APPROVE", "answer": "mine"}),
    ));
    roads.push((
        "POST /v1/messages".to_owned(),
        json!({"text": "hi", "conversation": conversation}),
    ));
    for body in [
        json!({"text": "look", "workspace": workspace}),
        json!({"text": "look", "files": [things.file]}),
    ] {
        roads.push(("POST /v1/messages".to_owned(), body.clone()));
        roads.push(("POST /v1/tasks".to_owned(), body));
    }
    roads
}

fn lists_show_nothing(world: &World, token: &str, things: &Belongings) {
    for list in [
        "/v1/tasks",
        "/v1/approvals",
        "/v1/audit-events?limit=500",
        "/v1/workspaces",
        "/v1/usage",
        "/v1/usage/days",
        "/v1/crew",
        "/v1/conversations",
    ] {
        let answer = ask(world, &format!("GET {list}")).token(token).send();
        assert_eq!(answer.status, 200, "{list}: {}", answer.body);
        for theirs in [
            things.delivered.to_string(),
            things.asking.to_string(),
            things.question.id.to_string(),
            things.reply.conversation.to_string(),
            things.question.requester.to_string(),
        ] {
            assert!(!answer.body.contains(&theirs), "{list} shows {theirs}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_cannot_see_each_other_by_any_id() {
    let world = world(laptop()).await;
    let mia = world.person("mia", "member");
    let things = settles_in(&mia).await;
    world.person("noah", "member");
    let (mias, noahs) = (world.token("mia"), world.token("noah"));
    let workspace = mia.sees(things.asking).await.workspace.to_string();
    lists_show_nothing(&world, &noahs, &things);
    for (line, body) in roads(&things, &workspace) {
        let request = ask(&world, &line).token(&noahs);
        let answer = match body {
            Value::Null => request.send(),
            body => request.json(body.to_string()).send(),
        };
        assert_eq!(answer.status, 404, "{line}: {}", answer.body);
        assert_eq!(answer.code(), "not_found", "{line}");
    }
    let own = ask(&world, "GET /v1/tasks").token(&mias).send();
    assert_eq!(own.json()["tasks"].as_array().map(Vec::len), Some(2));
    let waits = mia.sees(things.asking).await;
    assert_eq!(
        waits.status,
        TaskStatus::WaitingApproval,
        "nobody disturbed it"
    );
    let seen = AuditFilter::default();
    let events = mia.client.audit_events(&seen).await.expect("her own");
    assert!(!events.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_an_operator_answers_no_question_put_to_another() {
    let world = world(laptop()).await;
    let mia = world.person("mia", "member");
    let things = settles_in(&mia).await;
    let (oscar, viewer) = (
        world.person("oscar", "operator"),
        world.person("vera", "viewer"),
    );
    assert_eq!(oscar.sees(things.asking).await.id, things.asking);
    let decided = oscar.decides(things.question.id, Verdict::Deny).await;
    let refused = decided.expect_err("it was put to mia");
    assert_eq!(refused.code().map(|code| code.status()), Some(403));
    let token = world.token("vera");
    for (path, body) in [
        ("/v1/tasks", json!({"text": "do"})),
        ("/v1/messages", json!({"text": "do"})),
    ] {
        let line = format!("POST {path}");
        let answer = ask(&world, &line)
            .token(&token)
            .json(body.to_string())
            .send();
        assert_eq!(answer.status, 403, "{line}: {}", answer.body);
    }
    drop(viewer);
}
