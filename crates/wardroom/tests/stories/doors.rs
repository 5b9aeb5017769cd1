//! The doors themselves: what probes and collectors read, and servers that do half the work.

use crate::http::ask;
use crate::script::script;
use crate::{laptop, pause, world};
use wardroom_domain::TaskStatus;

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_need_no_token() {
    let world = world(laptop()).await;
    let owner = world.owner();
    owner.says("hi", None).await;
    let task = owner.asks(&script().shell("true").to_string()).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            ask(&world, &format!("GET {path}")).send().status,
            200,
            "{path}"
        );
    }
    assert_eq!(ask(&world, "GET /readyz").send().json()["ready"], true);
    let metrics = ask(&world, "GET /metrics").send();
    assert_eq!(metrics.status, 200);
    for line in [
        "wardroom_tasks{status=\"SUCCEEDED\"} 1",
        "wardroom_store_commits_total",
        "wardroom_model_tokens_total",
    ] {
        assert!(metrics.body.contains(line), "{line} in {}", metrics.body);
    }
    let document = ask(&world, "GET /v1/openapi.json").send().json();
    assert_eq!(
        document["openapi"].as_str().map(|version| &version[..3]),
        Some("3.1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_without_workers_take_in_what_workers_without_doors_do() {
    let mut world = world(laptop()).await;
    world.stop();
    world.up_with(&["--serve"]);
    let task = world
        .owner()
        .asks(&script().says("worked").to_string())
        .await;
    pause(1500).await;
    assert_eq!(world.owner().sees(task).await.status, TaskStatus::Queued);
    world.stop();
    world.up_with(&["--work"]);
    assert_eq!(world.url(), "", "nothing listens on the network");
    let done = world.owner().awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.result.as_deref(), Some("worked"));
}
