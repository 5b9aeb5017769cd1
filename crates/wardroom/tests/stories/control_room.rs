//! What the portal listens to and reads: one stream of everything that is mine to see, a task as it
//! went, and the audit log checked and exported by those who may.

use crate::http::ask;
use crate::script::script;
use crate::{laptop, world};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use wardroom_domain::TaskStatus;
use wardroom_testkit::world::{PATIENCE, World};

/// An open stream of `/v1/events`.
struct Ear(BufReader<TcpStream>);

impl Ear {
    fn open(world: &World, token: &str) -> Self {
        let address = world.url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        let head = format!(
            "GET /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        Self(BufReader::new(stream))
    }

    /// The next event that fits, as its name and data; none when the stream ends first.
    fn hears(&mut self, fits: impl Fn(&str, &Value) -> bool) -> Option<(String, Value)> {
        let (mut name, until) = (String::new(), Instant::now() + PATIENCE);
        let mut line = String::new();
        while Instant::now() < until {
            line.clear();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data: Value = serde_json::from_str(data).unwrap_or_default();
                if fits(&name, &data) {
                    return Some((name, data));
                }
            }
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_tells_everybody_what_is_his_to_see_and_no_more() {
    let world = world(laptop()).await;
    let mia = world.person("mia", "member");
    world.person("noah", "member");
    world.person("oscar", "operator");
    let open = |name: &str| Ear::open(&world, &world.token(name));
    let (mut mias, mut noahs, mut oscars) = (open("mia"), open("noah"), open("oscar"));
    for ear in [&mut mias, &mut noahs, &mut oscars] {
        let (_, data) = ear.hears(|name, _| name == "ready").expect("it begins");
        assert!(data["version"].is_string(), "{data}");
    }
    let asks = script().calls("ask_person", json!({"question": "which plan?"}));
    let task = mia.asks(&asks.to_string()).await;
    let about = |name: &str, data: &Value| name == "approval" && data["task"] == json!(task);
    let (_, hers) = mias.hears(about).expect("she is asked");
    assert_eq!(hers["decidable"], true);
    let (_, seen) = oscars.hears(about).expect("an operator sees it");
    assert_eq!(seen["decidable"], false, "it was put to mia");
    let nora = world.person("nora", "member");
    let own = nora.asks(&script().says("done").to_string()).await;
    nora.awaits(own, TaskStatus::Succeeded).await;
    let token = world.token("noah");
    let mine = ask(&world, "POST /v1/tasks")
        .token(&token)
        .json(json!({"text": script().says("mine").to_string()}).to_string())
        .send()
        .json();
    let mine = mine["task"]["id"].clone();
    let (_, first) = noahs
        .hears(|name, data| matches!(name, "status" | "approval") && !data["task"].is_null())
        .expect("noah hears of his own");
    assert_eq!(first["task"], mine, "and of nobody else's before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_right_to_listen() {
    let world = world(laptop()).await;
    world.person("mia", "member");
    let mut ear = Ear::open(&world, &world.token("mia"));
    ear.hears(|name, _| name == "ready").expect("it begins");
    world
        .verb(&["user", "suspend", "mia"])
        .expect("she is suspended");
    assert!(ear.hears(|_, _| false).is_none());
    let left = ear.0.fill_buf().map(<[u8]>::len);
    assert_eq!(left.expect("the server closed it"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_told_as_it_went() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let work = script().shell("echo measured").says("All is **well**.");
    let task = owner.asks(&work.to_string()).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let token = world.token("owner");
    let line = format!("GET /v1/tasks/{task}/timeline");
    let told = ask(&world, &line).token(&token).send().json();
    let entries = told["entries"].as_array().expect("entries");
    let of = |what: &str| entries.iter().filter(|entry| entry["what"] == what).count();
    assert_eq!(of("created"), 1);
    assert_eq!(of("turn"), 2, "{told}");
    let action = entries.iter().find(|entry| entry["what"] == "action");
    let action = action.expect("an action");
    assert_eq!(action["tool"], "shell");
    assert_eq!(action["state"], "DONE");
    assert!(
        action["outcome"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("measured")),
        "{action}"
    );
    assert!(action["rule"].is_string() && action["tier"].is_string());
    assert!(
        told["usage"]["calls"]
            .as_u64()
            .is_some_and(|calls| calls >= 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_checked_and_exported_by_admins() {
    let world = world(laptop()).await;
    world.person("mia", "member");
    world.owner().says("hi", None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (owners, mias) = (world.token("owner"), world.token("mia"));
    let check = "POST /v1/audit-events/verify";
    let found = ask(&world, check).token(&owners).send().json();
    assert_eq!(found["intact"], true, "{found}");
    let export = ask(&world, "GET /v1/audit-events/export")
        .token(&owners)
        .send();
    assert_eq!(export.status, 200);
    assert!(export.body.contains("message.received"));
    for line in [check, "GET /v1/audit-events/export"] {
        assert_eq!(ask(&world, line).token(&mias).send().status, 403, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_asks_a_model_whether_it_answers() {
    let world = world(laptop()).await;
    world.person("mia", "member");
    let line = "POST /v1/crew/models/default/test";
    let tried = ask(&world, line).token(&world.token("owner")).send().json();
    assert_eq!(tried["answers"], true, "{tried}");
    let used = ask(&world, "GET /v1/usage").token(&world.token("owner"));
    let used = used.send().json();
    assert_eq!(used["rows"][0]["calls"], 1, "it is counted: {used}");
    assert_eq!(
        ask(&world, line).token(&world.token("mia")).send().status,
        403
    );
    let missing = "POST /v1/crew/models/nothing/test";
    let answer = ask(&world, missing).token(&world.token("owner")).send();
    assert_eq!(answer.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_shapes_what_is_sent_and_is_set_by_whom_it_concerns() {
    let world = world(laptop()).await;
    let mia = world.person("mia", "member");
    let (owners, mias) = (world.token("owner"), world.token("mia"));
    let put = |line: &str, token: &str, body: serde_json::Value| {
        let asked = ask(&world, line).token(token).json(body.to_string());
        asked.send().status
    };
    let agent = json!({"name": "Bosun", "personality": "dry", "style": "short sentences"});
    assert_eq!(put("PUT /v1/profiles/agent", &mias, agent.clone()), 403);
    assert_eq!(put("PUT /v1/profiles/agent", &owners, agent.clone()), 200);
    let mine = json!({"name": "Captain", "about": "I sail.", "style": ""});
    assert_eq!(put("PUT /v1/profiles/me", &mias, mine.clone()), 200);
    let long = json!({"about": "x".repeat(601)});
    assert_eq!(put("PUT /v1/profiles/me", &mias, long), 422);
    let told = ask(&world, "GET /v1/profiles").token(&mias).send().json();
    assert_eq!((&told["agent"], &told["mine"]), (&agent, &mine));
    let others = ask(&world, "GET /v1/profiles").token(&owners).send().json();
    assert_eq!(others["mine"]["name"], "", "each has his own");
    mia.says("hello", None).await;
    let sent = world.model.recorded().pop().expect("a request").body;
    let sent = sent["messages"][0].to_string();
    for words in ["Bosun", "short sentences", "Captain", "I sail."] {
        assert!(sent.contains(words), "{words} in {sent}");
    }
    let log = world.verb(&["audit", "list", "--json", "--kind", "profile.changed"]);
    let log = log.expect("the log");
    assert_eq!(log.matches("profile.changed").count(), 2, "{log}");
    assert!(!log.contains("I sail"), "that it changed, not what it says");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_tells_its_name_to_whom_it_belongs() {
    let world = world(laptop()).await;
    world.person("mia", "member");
    let owner = world.owner();
    let file = owner.client.upload("<b>notes</b>.txt", b"x".to_vec()).await;
    let line = format!("GET /v1/files/{}", file.expect("an upload").id);
    let told = ask(&world, &line).token(&world.token("owner")).send();
    assert_eq!(told.json()["name"], "<b>notes</b>.txt", "{}", told.body);
    assert_eq!(
        ask(&world, &line).token(&world.token("mia")).send().status,
        404
    );
}
