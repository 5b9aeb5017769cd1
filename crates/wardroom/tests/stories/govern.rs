//! Governing: roles and scopes, how people come in, bypass, emergency, quotas, remembered yeses.

use crate::http::{Answer, ask};
use crate::script::script;
use crate::{company, laptop, pause, world};
use serde_json::{Value, json};
use wardroom_api::approval::{Approval, ApprovalFilter, Decide, Remember, Verdict};
use wardroom_api::audit::AuditFilter;
use wardroom_api::emergency::MoveControl;
use wardroom_domain::{AuditKind, RiskTier, TaskId, TaskStatus};
use wardroom_testkit::world::{Person, World, eventually};

/// A request with a body, as any client may send it.
pub fn send(world: &World, line: &str, token: &str, body: Value) -> Answer {
    ask(world, line).token(token).json(body.to_string()).send()
}

pub fn get(world: &World, path: &str, token: &str) -> Answer {
    ask(world, &format!("GET {path}")).token(token).send()
}

/// How many events of a kind the log holds.
pub async fn count(owner: &Person, kind: AuditKind) -> usize {
    let filter = AuditFilter {
        kind: Some(kind),
        limit: Some(500),
        ..AuditFilter::default()
    };
    let events = owner.client.audit_events(&filter).await;
    events.expect("the log").events.len()
}

/// A task that changes its requester's own workspace, which asks in a company.
pub fn changing(path: &str) -> String {
    script().writes(path, "new\n").says("Written.").to_string()
}

/// Lets people bypass, where the story is about that.
pub fn opted_in() -> wardroom_testkit::world::Setup {
    company().with("[policy]\nallow_bypass = true\n\n")
}

async fn yes(who: &Person, question: &Approval, remember: Option<Remember>) -> Approval {
    let decide = Decide {
        decision: Verdict::Approve,
        digest: Some(question.digest),
        remember,
        answer: None,
    };
    let decided = who.client.decide(question.id, &decide).await;
    decided.expect("a decision")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_meets_its_limits_at_every_door() {
    let world = world(laptop()).await;
    let roles = ["viewer", "member", "operator", "admin", "overlord"];
    for name in roles {
        let added = world.verb(&["user", "add", &format!("a-{name}"), "--role", name]);
        added.expect("a person");
    }
    let target = world.verb(&["user", "add", "target", "--role", "viewer"]);
    let target = target.expect("a person").trim().to_owned();
    let user = |rest: &str| format!("/v1/users/{target}{rest}");
    // Each line: what is asked, and from which role on it is not refused for the role's sake.
    let doors = [
        ("GET /v1/me".to_owned(), Value::Null, 0),
        ("GET /v1/emergency".to_owned(), Value::Null, 0),
        ("POST /v1/tasks".to_owned(), json!({"text": "[]"}), 1),
        ("POST /v1/messages".to_owned(), json!({"text": "hello"}), 1),
        ("GET /v1/users".to_owned(), Value::Null, 2),
        (
            "POST /v1/users".to_owned(),
            json!({"name": "", "role": "viewer"}),
            3,
        ),
        (format!("PATCH {}", user("")), json!({"role": "viewer"}), 3),
        (
            format!("POST {}", user("/bypass-mode")),
            json!({"mode": "OFF"}),
            3,
        ),
        (format!("GET {}", user("/quota")), Value::Null, 2),
        (format!("PUT {}", user("/quota")), json!({}), 3),
        ("POST /v1/invites".to_owned(), json!({}), 3),
        ("GET /v1/invites".to_owned(), Value::Null, 3),
        ("GET /v1/pairings".to_owned(), Value::Null, 3),
        (
            "POST /v1/emergency".to_owned(),
            json!({"control": "pause_mutations", "on": false}),
            3,
        ),
        ("GET /v1/secrets".to_owned(), Value::Null, 4),
    ];
    for (rank, role) in roles.iter().enumerate() {
        let token = world.token(&format!("a-{role}"));
        for (line, body, from) in &doors {
            let request = ask(&world, line).token(&token);
            let answer = match body {
                Value::Null => request.send(),
                body => request.json(body.to_string()).send(),
            };
            let refused = matches!(answer.status, 403 | 404);
            assert_eq!(
                refused,
                rank < *from,
                "{role} {line}: {} {}",
                answer.status,
                answer.body
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_or_governs_more_than_he_holds_and_the_last_overlord_stays() {
    let world = world(laptop()).await;
    let (admin, owner) = (world.person("ada", "admin"), world.owner());
    let me = owner.client.me().await.expect("the owner").user.id;
    let token = world.token("ada");
    for (line, body) in [
        (
            "POST /v1/users".to_owned(),
            json!({"name": "eve", "role": "overlord"}),
        ),
        ("POST /v1/invites".to_owned(), json!({"role": "overlord"})),
        (
            format!("PATCH /v1/users/{me}"),
            json!({"status": "suspended"}),
        ),
        ("POST /v1/tokens".to_owned(), json!({"user": "owner"})),
    ] {
        let answer = send(&world, &line, &token, body);
        assert_eq!(answer.status, 403, "{line}: {}", answer.body);
    }
    let own = admin.client.me().await.expect("ada").user.id;
    let raised = send(
        &world,
        &format!("PATCH /v1/users/{own}"),
        &token,
        json!({"role": "overlord"}),
    );
    assert_eq!(raised.status, 403, "{}", raised.body);
    for change in [json!({"role": "admin"}), json!({"status": "removed"})] {
        let own = world.token("owner");
        let answer = send(&world, &format!("PATCH /v1/users/{me}"), &own, change);
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert!(
            answer.body.contains("the last active overlord"),
            "{}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_loses_every_door_and_his_work_stops_at_once() {
    let world = world(company()).await;
    let mia = world.person("mia", "member");
    let marker = crate::remains::marker();
    let sleeping = mia
        .asks(&script().shell(&format!("sleep {marker}")).to_string())
        .await;
    mia.awaits(sleeping, TaskStatus::Running).await;
    let asking = mia.asks(&changing("a.txt")).await;
    mia.awaits(asking, TaskStatus::WaitingApproval).await;
    let code = world.verb(&["user", "suspend", "mia"]);
    code.expect("she is suspended");
    assert!(mia.client.me().await.is_err(), "her token counts no longer");
    let owner = world.owner();
    for task in [sleeping, asking] {
        let ended = owner.awaits_end(task).await;
        assert_eq!(ended.status, TaskStatus::Canceled);
        assert_eq!(ended.error.as_deref(), Some("mia is suspended"));
    }
    crate::remains::nothing_is_left(&world, &marker).await;
    world
        .verb(&["user", "reinstate", "mia"])
        .expect("she is back");
    assert!(mia.client.me().await.is_err(), "with a new token only");
    let again = world.token("mia");
    assert_eq!(get(&world, "/v1/me", &again).status, 200);
    world
        .verb(&["user", "set-role", "mia", "viewer"])
        .expect("a role");
    let demoted = send(&world, "POST /v1/tasks", &again, json!({"text": "[]"}));
    assert_eq!(demoted.status, 403, "at once, with the same token");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_oversees_his_scope_and_nothing_else() {
    let world = world(company()).await;
    let (mia, oscar) = (
        world.person("mia", "member"),
        world.person("oscar", "operator"),
    );
    let task = mia.asks(&changing("a.txt")).await;
    let question = mia.is_asked().await;
    assert_eq!(
        oscar.sees(task).await.id,
        task,
        "without a scope it is the whole org"
    );
    let elsewhere = "workspace:ws_00000000000000000000000000";
    world
        .verb(&["user", "scope", "oscar", elsewhere])
        .expect("a scope");
    assert!(oscar.client.task(task).await.is_err());
    let waiting = ApprovalFilter::default();
    let listed = oscar.client.approvals(&waiting).await.expect("the list");
    assert!(listed.approvals.is_empty());
    let foreign = oscar.decides(question.id, Verdict::Approve).await;
    let foreign = foreign.expect_err("out of his scope");
    assert_eq!(foreign.code().map(|code| code.as_str()), Some("not_found"));
    let here = format!("workspace:{}", mia.sees(task).await.workspace);
    world
        .verb(&["user", "scope", "oscar", &here])
        .expect("a scope");
    oscar
        .decides(question.id, Verdict::Approve)
        .await
        .expect("his scope");
    mia.awaits(task, TaskStatus::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_lets_one_person_in_through_the_browser() {
    let world = world(laptop()).await;
    let code = world.verb(&["invite", "create", "--role", "operator"]);
    let code = code.expect("a code").trim().to_owned();
    let redeem = |code: &str, name: &str| {
        let body = json!({"code": code, "name": name, "password": "a long password"});
        ask(&world, "POST /v1/invites/redeem")
            .json(body.to_string())
            .send()
    };
    let joined = redeem(&code, "mia");
    assert_eq!(joined.status, 201, "{}", joined.body);
    assert_eq!(joined.json()["user"]["role"], "operator");
    assert!(joined.head.to_lowercase().contains("set-cookie: __host-"));
    let (used, guessed) = (redeem(&code, "noah"), redeem("guessed", "noah"));
    assert_eq!((used.status, guessed.status), (403, 403));
    assert_eq!(used.body, guessed.body, "a guesser learns no difference");
    let list = world.verb(&["invite", "list", "--json"]).expect("the list");
    assert!(!list.contains(&code), "a code is shown once");
    for _ in 0..4 {
        redeem("guessed again", "noah");
    }
    let second = world.verb(&["invite", "create"]).expect("a code");
    let closed = redeem(second.trim(), "noah");
    assert_eq!(closed.status, 429, "{}", closed.body);
    assert!(closed.head.to_lowercase().contains("retry-after: 900"));
    assert!(count(&world.owner(), AuditKind::AccessRefused).await >= 6);
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn bypass_is_off_by_default_covers_l1_and_is_kept() {
    let mut world = world(opted_in()).await;
    let mia = world.person("mia", "member");
    let standing = world.verb(&["user", "show", "mia", "--json"]).expect("it");
    assert!(standing.contains("\"bypass\": \"OFF\""), "{standing}");
    let reply = mia.says("/bypass on", None).await;
    assert!(reply.reply.contains("Bypass is ON"), "{}", reply.reply);
    world.kill();
    world.up();
    let mia = world.person_again("mia");
    let task = mia.asks(&changing("a.txt")).await;
    assert_eq!(
        mia.awaits(task, TaskStatus::Succeeded).await.applied,
        Some(true)
    );
    let removes = script().shell("rm -r a.txt").says("Removed.").to_string();
    let task = mia.asks(&removes).await;
    mia.awaits(task, TaskStatus::WaitingApproval).await;
    assert_eq!(
        mia.is_asked().await.tier,
        RiskTier::L2Destructive,
        "more than it covers"
    );
    mia.says("/bypass off", None).await;
    let task = mia.asks(&changing("b.txt")).await;
    mia.awaits(task, TaskStatus::WaitingApproval).await;
    assert_eq!(count(&world.owner(), AuditKind::BypassChanged).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bypass_is_switched_only_where_the_org_lets_people_and_only_ones_own() {
    let world = world(company()).await;
    let (mia, noah) = (
        world.person("mia", "member"),
        world.person("noah", "member"),
    );
    let mias = mia.client.me().await.expect("mia").user.id;
    let token = world.token("mia");
    let path = format!("POST /v1/users/{mias}/bypass-mode");
    let on = json!({"mode": "ON"});
    let forbidden = send(&world, &path, &token, on.clone());
    assert_eq!(forbidden.status, 403, "{}", forbidden.body);
    let in_chat = mia.says("/bypass on", None).await;
    assert!(
        in_chat.reply.starts_with("No: the org does not let"),
        "{}",
        in_chat.reply
    );
    let noahs = world.token("noah");
    assert_eq!(
        send(&world, &path, &noahs, on).status,
        404,
        "not his to see"
    );
    drop(noah);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_lasts_counts_for_its_kind_until_it_is_taken_back() {
    let world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    let first = mia.asks(&changing("a.txt")).await;
    let question = mia.is_asked().await;
    assert!(question.covers.is_some(), "{question:?}");
    yes(&ada, &question, Some(Remember::Grant)).await;
    mia.awaits(first, TaskStatus::Succeeded).await;
    let second = mia.asks(&changing("b.txt")).await;
    mia.awaits(second, TaskStatus::Succeeded).await;
    let other = ada.asks(&changing("c.txt")).await;
    ada.awaits(other, TaskStatus::WaitingApproval).await;
    ada.client.cancel_task(other).await.expect("it is stopped");
    let listed = world
        .verb(&["approval", "grants", "--json"])
        .expect("the list");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let id = listed["grants"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let noahs = {
        world.person("noah", "member");
        world.token("noah")
    };
    let foreign = ask(&world, &format!("DELETE /v1/grants/{id}"))
        .token(&noahs)
        .send();
    assert_eq!(foreign.status, 404, "{}", foreign.body);
    world
        .verb(&["approval", "revoke", &id])
        .expect("it is taken back");
    let third = mia.asks(&changing("d.txt")).await;
    mia.awaits(third, TaskStatus::WaitingApproval).await;
    assert_eq!(count(&world.owner(), AuditKind::GrantChanged).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_always_takes_no_lasting_yes() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let workspace = owner.opens(&world.project(&[("a.txt", "a\n")])).await;
    let task = owner.asks_in(&changing("a.txt"), workspace).await;
    let question = owner.is_asked().await;
    let decide = Decide {
        decision: Verdict::Approve,
        digest: None,
        remember: Some(Remember::Grant),
        answer: None,
    };
    let refused = owner.client.decide(question.id, &decide).await;
    let refused = refused.expect_err("a host folder always asks");
    assert_eq!(refused.code().map(|code| code.status()), Some(422));
    assert_eq!(owner.sees(task).await.status, TaskStatus::WaitingApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bypass_that_the_org_ends_counts_no_longer_in_the_middle_of_a_task() {
    let world = world(opted_in()).await;
    let mia = world.person("mia", "member");
    mia.says("/bypass on", None).await;
    let request = script()
        .writes("a.txt", "1\n")
        .calls("apply", json!({}))
        .calls("ask_person", json!({"question": "shall it go on?"}))
        .writes("b.txt", "2\n")
        .says("Done.");
    let task = mia.asks(&request.to_string()).await;
    let halfway = mia.is_asked().await;
    assert_eq!(halfway.tool, "ask_person", "its first apply asked nothing");
    assert_eq!(mia.sees(task).await.applied, Some(true));
    world
        .verb(&["emergency", "disable-bypass", "on"])
        .expect("it is ended");
    answers(&mia, &halfway, "yes").await;
    let second = mia.is_asked().await;
    assert_eq!(second.tool, "apply", "its second apply asks");
    world
        .verb(&["emergency", "disable-bypass", "off"])
        .expect("it may be again");
    let standing = world.verb(&["user", "show", "mia"]).expect("it");
    assert!(
        standing.contains("bypass OFF"),
        "nobody finds it on again: {standing}"
    );
}

/// Answers a question in words.
async fn answers(who: &Person, question: &Approval, words: &str) {
    let decide = Decide {
        decision: Verdict::Approve,
        digest: Some(question.digest),
        remember: None,
        answer: Some(words.to_owned()),
    };
    who.client
        .decide(question.id, &decide)
        .await
        .expect("an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_a_restart_and_what_waited_goes_on_after_it() {
    let mut world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    let paused = ada.says("/pause on", None).await;
    assert!(
        paused.reply.contains("Mutations paused: ON"),
        "{}",
        paused.reply
    );
    let task = mia.asks(&changing("a.txt")).await;
    waits_for_the_pause(&mia, task).await;
    world.kill();
    world.up();
    let (mia, ada) = (world.person_again("mia"), world.person_again("ada"));
    pause(1500).await;
    assert_eq!(
        mia.sees(task).await.status,
        TaskStatus::Queued,
        "it still waits"
    );
    let control = MoveControl::PauseMutations { on: false };
    let moved = ada
        .client
        .move_control(&control)
        .await
        .expect("it is lifted");
    assert!(!moved.emergency.pause_mutations);
    mia.awaits(task, TaskStatus::WaitingApproval).await;
    assert_eq!(count(&world.owner(), AuditKind::EmergencyChanged).await, 2);
}

async fn waits_for_the_pause(who: &Person, task: TaskId) {
    eventually("the task to wait", || async {
        let text = who.says("/status", None).await.reply;
        let task = who.sees(task).await;
        (task.status == TaskStatus::Queued && text.contains("paused everything")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_said_during_a_pause_counts_when_it_ends() {
    let world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    let task = mia.asks(&changing("a.txt")).await;
    let question = mia.is_asked().await;
    world
        .verb(&["emergency", "pause-mutations", "on"])
        .expect("a pause");
    yes(&ada, &question, None).await;
    waits_for_the_pause(&mia, task).await;
    world
        .verb(&["emergency", "pause-mutations", "off"])
        .expect("no pause");
    let done = mia.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(true), "and nobody is asked twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn risky_tasks_are_cancelled_and_others_go_on() {
    let world = world(company()).await;
    let mia = world.person("mia", "member");
    let marker = crate::remains::marker();
    let harmless = mia
        .asks(&script().shell(&format!("sleep {marker}")).to_string())
        .await;
    mia.awaits(harmless, TaskStatus::Running).await;
    let risky = mia.asks(&changing("a.txt")).await;
    mia.awaits(risky, TaskStatus::WaitingApproval).await;
    let said = world.verb(&["emergency", "cancel-risky", "--tier", "L1_MUTATING"]);
    let said = said.expect("they are cancelled");
    assert!(
        said.contains("Cancelled 1 tasks") && said.contains(&risky.to_string()),
        "{said}"
    );
    let ended = mia.awaits_end(risky).await;
    assert_eq!(ended.status, TaskStatus::Canceled);
    assert_eq!(mia.sees(harmless).await.status, TaskStatus::Running);
    mia.client
        .cancel_task(harmless)
        .await
        .expect("it is stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_credentials_count_no_longer_anywhere() {
    let mut world = world(laptop()).await;
    let code = world.verb(&["invite", "create"]).expect("a code");
    let mia = world.person("mia", "member");
    let link = world.link.clone();
    drop(link);
    let moved = world
        .verb(&["emergency", "rotate-credentials"])
        .expect("they end");
    assert!(moved.contains("Ended 1 tokens"), "{moved}");
    assert!(mia.client.me().await.is_err());
    let body = json!({"code": code.trim(), "name": "noah", "password": "a long password"});
    let redeemed = ask(&world, "POST /v1/invites/redeem")
        .json(body.to_string())
        .send();
    assert_eq!(redeemed.status, 403);
    world.kill();
    world.up();
    assert!(
        world.person_again("mia").client.me().await.is_ok(),
        "a new one is made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn four_eyes_take_two_people_besides_the_one_who_asked() {
    let world = world(company().with("[policy]\nfour_eyes = [\"L3_PRIVILEGED\"]\n\n")).await;
    let mia = world.person("mia", "member");
    let (ada, bob) = (world.person("ada", "admin"), world.person("bob", "admin"));
    let request = script()
        .writes(".git/hooks/pre-commit", "#!/bin/sh\n")
        .says("Hooked.")
        .to_string();
    let task = mia.asks(&request).await;
    let question = mia.is_asked().await;
    assert_eq!(
        (question.tier, question.four_eyes),
        (RiskTier::L3Privileged, true)
    );
    let first = yes(&ada, &question, None).await;
    assert_eq!((first.decision, first.first_by.is_some()), (None, true));
    let again = ada.decides(question.id, Verdict::Approve).await;
    assert_eq!(
        again
            .expect_err("the same eyes")
            .code()
            .map(|code| code.status()),
        Some(409)
    );
    assert_eq!(mia.sees(task).await.status, TaskStatus::WaitingApproval);
    yes(&bob, &question, None).await;
    assert_eq!(
        mia.awaits(task, TaskStatus::Succeeded).await.applied,
        Some(true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_messages_and_tasks_is_limited_per_person() {
    let limits = "[limits]\nmessages_per_minute = 3\ntasks_per_minute = 2\n\n";
    let world = world(laptop().with(limits)).await;
    let noah = world.person("noah", "member");
    world.person("mia", "member");
    let token = world.token("mia");
    let burst = |line: &str| -> Vec<u16> {
        let send = |_| send(&world, line, &token, json!({"text": "[]"})).status;
        (0..4).map(send).collect()
    };
    assert_eq!(burst("POST /v1/tasks"), [202, 202, 429, 429]);
    assert_eq!(burst("POST /v1/messages"), [200, 200, 200, 429]);
    let told = send(&world, "POST /v1/messages", &token, json!({"text": "[]"}));
    assert!(
        told.body.contains("as many messages as a minute allows"),
        "{}",
        told.body
    );
    noah.asks("[]").await;
    noah.says("[]", None).await;
    assert_eq!(
        count(&world.owner(), AuditKind::QuotaReached).await,
        1,
        "once a minute"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_spent_his_month_is_warned_before_and_told_politely() {
    let spending = "[limits]\nspend_per_user_month = 0.01\nspend_warn_percent = 1\n\n";
    let setup = laptop().with(spending);
    let setup =
        setup.patience("retries_max = 0\nprice_in_per_mtok = 20.0\nprice_out_per_mtok = 20.0\n");
    let world = world(setup).await;
    let owner = world.owner();
    let first = owner.says("\"hello\"", None).await;
    let warned = owner
        .awaits_words(first.conversation, "of your spending limit")
        .await;
    assert!(warned.contains("of 0.01"), "{warned}");
    eventually("the limit", || async {
        let said = owner
            .says("\"hello\"", Some(first.conversation))
            .await
            .reply;
        said.contains("your spending limit for this month (0.01) is reached")
            .then_some(())
    })
    .await;
    let task = owner.asks(&script().shell("true").to_string()).await;
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    assert!(ended.error.unwrap_or_default().contains("spending limit"));
    let said = owner.hears(first.conversation).await;
    let warnings = said
        .iter()
        .filter(|message| message.text.contains("% of your spending"));
    assert_eq!(warnings.count(), 1, "once a month");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_are_answered_without_a_model_and_with_the_rights_of_who_typed_them() {
    let world = world(company()).await;
    let (mia, ada) = (world.person("mia", "member"), world.person("ada", "admin"));
    let task = mia.asks(&changing("a.txt")).await;
    let question = mia.is_asked().await;
    let before = world.model.recorded().len();
    let help = mia.says("/help", None).await.reply;
    assert!(
        help.contains("/cancel") && !help.contains("/emergency"),
        "{help}"
    );
    assert!(ada.says("/help", None).await.reply.contains("/emergency"));
    let tasks = mia.says("/tasks", None).await.reply;
    assert!(
        tasks.contains(&format!("{task} WAITING_APPROVAL")),
        "{tasks}"
    );
    assert!(
        mia.says("/approvals", None)
            .await
            .reply
            .contains("Nothing waits")
    );
    let own = mia
        .says(&format!("/approve {}", question.id), None)
        .await
        .reply;
    assert!(own.starts_with("No: "), "{own}");
    let shown = ada.says("/approvals", None).await.reply;
    assert!(
        shown.contains(&question.id.to_string()) && shown.contains("a.txt"),
        "{shown}"
    );
    let paused = mia.says("/pause on", None).await.reply;
    assert!(paused.contains("takes the role admin"), "{paused}");
    ada.says(&format!("/deny {}", question.id), None).await;
    mia.awaits(task, TaskStatus::Succeeded).await;
    let unknown = mia.says("/nothing", None).await.reply;
    assert!(unknown.contains("/help lists"), "{unknown}");
    let begun = mia
        .says(
            &format!("/task {}", script().says("Done by command.")),
            None,
        )
        .await;
    assert_eq!(begun.tasks.len(), 1);
    mia.awaits(begun.tasks[0], TaskStatus::Succeeded).await;
    let asked = world.model.recorded().len() - before;
    assert!(asked <= 4, "commands ask no model: {asked}");
}
