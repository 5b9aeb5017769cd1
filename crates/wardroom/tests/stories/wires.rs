//! The wires to what the server relies on besides its database: Redis, the model, the objects.

use crate::script::script;
use crate::several::team;
use crate::{laptop, pause, world};
use serde_json::json;
use std::time::Duration;

use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::bucket::{KEY, TestBucket};
use wardroom_testkit::models::{Dialect, ModelStandIn, Options};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::redis::TestRedis;
use wardroom_testkit::wire::{Weather, Wire};
use wardroom_testkit::world::{Person, World};

/// Whatever the wire does, tried once each; between two of them it carries.
async fn in_every_weather(wire: &Wire, mut meanwhile: impl AsyncFnMut(&str)) {
    wire.weather(Weather::Slow(Duration::from_millis(20)));
    meanwhile("slow").await;
    wire.cut();
    meanwhile("cut").await;
    wire.weather(Weather::Fair);
    wire.garbles(b"\xff\xff\xff\xff nonsense\r\n");
    meanwhile("garbled").await;
    wire.weather(Weather::Down);
    wire.cut();
    meanwhile("down").await;
    wire.weather(Weather::Held);
    meanwhile("held").await;
    wire.weather(Weather::Fair);
}

/// Every task ends well, and each did its work once: its file has one line.
async fn all_did_their_work(world: &World, tasks: &[TaskId]) {
    for task in tasks {
        let ended = world.owner().awaits_end(*task).await;
        assert_eq!(ended.status, TaskStatus::Succeeded, "{ended:?}");
        let result = ended.result.clone().unwrap_or_default();
        assert_eq!(result.matches("once").count(), 1, "{ended:?}");
    }
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(world.audit_is_whole());
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

/// A task that adds a line to a file of its own view, and tells what stands there.
async fn begins(owner: &Person, weather: &str) -> TaskId {
    let line = script().shell(&format!("echo once >> {weather}.txt"));
    let request = line.shell(&format!("sleep 1; cat {weather}.txt"));
    owner.asks(&request.says("{last}").to_string()).await
}

/// Hints are only hints: whatever becomes of Redis, tasks and chat go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_behind_a_bad_wire_costs_time_only() {
    let (redis, database) = (TestRedis::start(), Database::fresh());
    let address = redis.url().replace("redis://", "");
    let wire = Wire::to(&address).await.expect("a wire");
    let bus = format!("[bus]\nurl = \"redis://{}\"\n\n", wire.address());
    let world = world(team(&database).with(&bus)).await;
    let _worker = world.joined(&["--work"]);
    let owner = world.owner();
    let mut tasks = Vec::new();
    in_every_weather(&wire, async |weather| {
        tasks.push(begins(&owner, weather).await);
        let reply = owner.says(weather, None).await.reply;
        assert_eq!(reply, format!("You said: {weather}"));
        pause(500).await;
    })
    .await;
    all_did_their_work(&world, &tasks).await;
}

/// The model cannot be heard: whoever talks is told so, tasks wait and go on by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_behind_a_bad_wire() {
    let model = ModelStandIn::start(Options::open(Dialect::OpenAi), crate::script::follows).await;
    let model = model.expect("the stand-in listens");
    let base = model.base_url();
    let place = base.trim_start_matches("http://");
    let (address, path) = place.split_once('/').unwrap_or((place, ""));
    let wire = Wire::to(address).await.expect("a wire");
    let mut setup = laptop().patience(
        "retries_max = 1\ntimeout_ms = 8000\nfirst_byte_timeout_ms = 2000\nidle_timeout_ms = 2000\n",
    );
    setup.model_at = Some(format!("http://{}/{path}", wire.address()));
    let world = world(setup).await;
    let owner = world.owner();
    let mut tasks = Vec::new();
    in_every_weather(&wire, async |weather| {
        tasks.push(begins(&owner, weather).await);
        let reply = owner.says(weather, None).await.reply;
        let is_answer = reply == format!("You said: {weather}");
        let is_told = reply.starts_with("I cannot answer now: ");
        assert!(is_answer || is_told, "{weather}: {reply}");
        assert!(
            is_told || !matches!(weather, "down" | "held"),
            "{weather}: {reply}"
        );
    })
    .await;
    assert_eq!(owner.says("again", None).await.reply, "You said: again");
    all_did_their_work(&world, &tasks).await;
}

/// The service of the objects says that it cannot, is slow, and is cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_fails_refuses_says_so_and_nothing_is_lost() {
    let bucket = TestBucket::fresh();
    let address = bucket.endpoint.trim_start_matches("http://");
    let wire = Wire::to(address).await.expect("a wire");
    let url = bucket.url().replace(address, &wire.address());
    let objects = format!("[objects]\nurl = \"{url}\"\n\n");
    let setup = laptop().with(&objects);
    let setup = setup.env("AWS_ACCESS_KEY_ID", KEY.0);
    let world = world(setup.env("AWS_SECRET_ACCESS_KEY", KEY.1)).await;
    let owner = world.owner();
    let kept = owner.client.upload("kept.txt", b"kept".to_vec()).await;
    let kept = kept.expect("it is taken");
    wire.weather(Weather::Slow(Duration::from_millis(50)));
    let made = delivers(&owner, "slow").await;
    owner.awaits(made, TaskStatus::Succeeded).await;
    wire.weather(Weather::Answers(
        "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ));
    wire.cut();
    let delayed = delivers(&owner, "delayed").await;
    let refusal = owner.client.upload("lost.txt", b"lost".to_vec()).await;
    let refusal = refusal.expect_err("nobody keeps it").to_string();
    assert!(refusal.contains("object"), "{refusal}");
    wire.weather(Weather::Down);
    wire.cut();
    pause(2000).await;
    // The rest goes on meanwhile.
    assert_eq!(owner.says("hello", None).await.reply, "You said: hello");
    wire.weather(Weather::Fair);
    owner.awaits(delayed, TaskStatus::Succeeded).await;
    for (task, content) in [(made, "slow\n"), (delayed, "delayed\n")] {
        let bytes = owner.client.artifact(task, "plan.txt").await;
        assert_eq!(bytes.expect("the artifact"), content);
    }
    let _ = kept;
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(world.audit_is_whole());
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

async fn delivers(owner: &Person, content: &str) -> TaskId {
    let writes = script().shell(&format!("echo {content} > plan.txt"));
    let request = writes.calls("deliver", json!({"path": "plan.txt"}));
    owner.asks(&request.says("Made.").to_string()).await
}
