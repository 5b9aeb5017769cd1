//! What an admin sets for one person alone.

use crate::govern::{get, send};
use crate::script::script;
use crate::{laptop, world};
use serde_json::{Value, json};
use wardroom_api::audit::AuditFilter;
use wardroom_domain::{AuditKind, TaskStatus};
use wardroom_testkit::world::{World, eventually};

const PRICES: &str = "retries_max = 0\nprice_in_per_mtok = 20.0\nprice_out_per_mtok = 20.0\n";

async fn id_of(world: &World, name: &str) -> String {
    let users = world.owner().client.users(&Default::default()).await;
    let users = users.expect("people").users;
    let him = users.iter().find(|user| user.name == name);
    him.expect("him").id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_a_spending_limit_of_his_own() {
    let setup = laptop().with("[limits]\nspend_warn_percent = 1\n\n");
    let world = world(setup.patience(PRICES)).await;
    let (mia, noah) = (
        world.person("mia", "member"),
        world.person("noah", "member"),
    );
    world.person("ada", "admin");
    let (id, ada) = (id_of(&world, "mia").await, world.token("ada"));
    let line = format!("PUT /v1/users/{id}/quota");
    let own = json!({"spend_per_month_micros": 10_000});
    let set = send(&world, &line, &ada, own);
    assert_eq!(set.status, 200, "{}", set.body);
    let first = mia.says("\"hello\"", None).await;
    let warned = mia
        .awaits_words(first.conversation, "of your spending limit")
        .await;
    assert!(warned.contains("of 0.01"), "{warned}");
    eventually("the limit", || async {
        let said = mia.says("\"hello\"", Some(first.conversation)).await.reply;
        said.contains("your spending limit for this month (0.01) is reached")
            .then_some(())
    })
    .await;
    let task = mia.asks(&script().says("Never.").to_string()).await;
    let ended = mia.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let other = noah.asks(&script().says("Done.").to_string()).await;
    noah.awaits(other, TaskStatus::Succeeded).await;

    // What he sees of it, in his usage and by himself.
    let usage = get(&world, "/v1/usage", &world.token("mia")).json();
    let held = &usage["quotas"][0];
    assert_eq!(held["quota"]["spend_per_month_micros"], 10_000);
    assert!(held["spent_micros"].as_u64() >= Some(10_000), "{held}");
    assert_eq!(
        usage["quotas"].as_array().map(Vec::len),
        Some(1),
        "his own alone"
    );

    // Raised at the terminal, it counts at once.
    let raised = world.verb(&["user", "limit", "mia", "--spend", "5", "--tasks", "50"]);
    let raised = raised.expect("raised");
    assert!(
        raised.contains("5.00") && raised.contains("set for him"),
        "{raised}"
    );
    let task = mia.asks(&script().says("Done.").to_string()).await;
    mia.awaits(task, TaskStatus::Succeeded).await;
    let shown = world
        .verb(&["user", "limit", "mia", "--json"])
        .expect("shown");
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["own"]["tasks_per_minute"], 50);
    assert_eq!(shown["own"]["messages_per_minute"], Value::Null);

    // Each setting is on the record, with what was before.
    let filter = AuditFilter {
        kind: Some(AuditKind::UserChanged),
        limit: Some(50),
        ..AuditFilter::default()
    };
    let events = world
        .owner()
        .client
        .audit_events(&filter)
        .await
        .expect("the log")
        .events;
    let moved = events.iter().any(|event| {
        event.body["from"]["quota"]["spend_per_month_micros"] == 10_000
            && event.body["to"]["quota"]["spend_per_month_micros"] == 5_000_000
    });
    assert!(moved, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_slowed_down_and_nobody_slows_himself_up() {
    let mut world = world(laptop()).await;
    world.person("mia", "member");
    world.person("noah", "member");
    let (id, mia) = (id_of(&world, "mia").await, world.token("mia"));
    let line = format!("PUT /v1/users/{id}/quota");
    let refused = send(&world, &line, &mia, json!({"messages_per_minute": 0}));
    assert!(matches!(refused.status, 403 | 404), "{}", refused.body);
    let foreign = get(
        &world,
        &format!("/v1/users/{id}/quota"),
        &world.token("noah"),
    );
    assert_eq!(foreign.status, 404, "{}", foreign.body);
    for (unfit, status) in [
        (json!({"messages_per_minute": -1}), 422),
        (json!({"money": 1}), 422),
        (json!({"tokens_per_minute": "many"}), 422),
    ] {
        let owner = world.token("owner");
        assert_eq!(
            send(&world, &line, &owner, unfit.clone()).status,
            status,
            "{unfit}"
        );
    }
    // Set while no server runs, it holds when one does.
    world.stop();
    world
        .verb(&["user", "limit", "mia", "--messages", "2", "--tasks", "1"])
        .expect("set");
    world.up();
    let burst = |line: &str, token: &str| -> Vec<u16> {
        let send = |_| send(&world, line, token, json!({"text": "[]"})).status;
        (0..3).map(send).collect()
    };
    assert_eq!(burst("POST /v1/tasks", &mia), [202, 429, 429]);
    assert_eq!(burst("POST /v1/messages", &mia), [200, 200, 429]);
    assert_eq!(
        burst("POST /v1/messages", &world.token("noah")),
        [200, 200, 200]
    );
    let shown = get(&world, &format!("/v1/users/{id}/quota"), &mia).json();
    assert_eq!(shown["quota"]["messages_per_minute"], 2);
    world
        .verb(&["user", "limit", "mia", "--messages", "default"])
        .expect("taken back");
    assert_eq!(burst("POST /v1/messages", &mia), [200, 200, 200]);
    assert!(world.audit_is_whole());
}
