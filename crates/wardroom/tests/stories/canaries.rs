//! A secret of every kind is in use while a task pokes around and keeps what it finds: none of them is
//! in it, nor anywhere else where people, models or later readers look.

use crate::egress::{ends_with_yes, url};
use crate::http::ask;
use crate::script::{follows, script};
use crate::{laptop, pause};
use serde_json::json;
use std::path::{Path, PathBuf};
use wardroom_api::secret::PutSecret;
use wardroom_domain::{Digest, TaskId};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::telegram::TelegramStandIn;
use wardroom_testkit::website::{Page, Website};
use wardroom_testkit::world::{Person, Setup, World, eventually};

const STORED: &str = "canary-0b7e-of-the-forge";
const MODEL_KEY: &str = "canary-41d9-of-the-model";
const NEXT_KEY: &str = "canary-92c3-of-the-model";
const FROM_ENVIRONMENT: &str = "canary-d05a-of-the-environment";
const BOT: &str = "1000:canary-6f18-of-the-bot";

/// A thing that must be found nowhere: what it is called, and what it says.
struct Canary {
    kind: &'static str,
    value: String,
}

/// Files beneath a folder that hold a text, except for one.
fn holding(folder: &Path, text: &str, except: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().expect("its kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.path() != except {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                if bytes.windows(text.len()).any(|at| at == text.as_bytes()) {
                    found.push(entry.path());
                }
            }
        }
    }
    found
}

/// Everything that can be read from inside, into one file of the workspace.
const POKES: &str = "\
    { env; set; cat /proc/*/environ /proc/*/cmdline /proc/*/maps; cat /proc/self/mountinfo; \
      cat /run/wardroom/*.pem; ls -lR /run /home /tmp /dev /etc; \
      for file in /proc/*/fd/*; do readlink \"$file\"; done; \
      find / -xdev -type f -not -path '/usr/*' -not -path '/proc/*' -not -path '/workspace/*' \
        -size -1024k -exec cat {} +; \
      find /workspace -type f -not -name found.txt -exec cat {} +; \
    } 2>/dev/null | tr '\\0' '\\n' > found.txt; \
    printf '# What was found\\n' > found.md; head -c 60000 found.txt >> found.md; wc -c < found.txt; env";

async fn everything_told(
    world: &World,
    owner: &Person,
    token: &str,
    task: TaskId,
) -> Vec<(String, String)> {
    let mut told = vec![("the server's log".to_owned(), world.log())];
    for recorded in world.model.recorded() {
        told.push(("a prompt".to_owned(), recorded.body.to_string()));
    }
    for verb in [
        &["audit", "list", "--json", "--limit", "500"][..],
        &["task", "show", &task.to_string(), "--json"],
        &["secret", "list", "--json"],
        &["doctor", "sandbox"],
        &["config", "check"],
    ] {
        told.push((
            verb.join(" "),
            world.verb(verb).unwrap_or_else(|words| words),
        ));
    }
    let task = task.to_string();
    for path in [
        "/v1/me",
        "/v1/tasks",
        "/v1/approvals",
        "/v1/audit-events",
        "/v1/secrets",
        "/v1/usage",
        "/v1/policy",
        "/v1/sessions",
        "/metrics",
        "/v1/openapi.json",
        &format!("/v1/tasks/{task}"),
        &format!("/v1/tasks/{task}/diff"),
        &format!("/v1/tasks/{task}/timeline"),
        &format!("/v1/tasks/{task}/artifacts"),
        &format!("/v1/tasks/{task}/artifacts/found.txt"),
    ] {
        let answer = ask(world, &format!("GET {path}")).token(token).send();
        assert_ne!(answer.status, 500, "{path}: {}", answer.body);
        told.push((path.to_owned(), answer.body));
    }
    let view = owner.client.task(task.parse().expect("its id")).await;
    told.push((
        "the task".to_owned(),
        format!("{:?}", view.expect("the task")),
    ));
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_kind_is_found_anywhere() {
    let site = Website::start(|visit| Page::text(format!("hello from {}", visit.path())));
    let telegram = TelegramStandIn::start(&[(BOT, "crew_bot")])
        .await
        .expect("the stand-in listens");
    let place = site.place();
    let setup = laptop()
        .patience("retries_max = 1\ntimeout_ms = 20000\napi_key = \"secret:provider\"\n")
        .secret("forge", STORED)
        .secret("provider", MODEL_KEY)
        .secret("telegram", BOT)
        .env("OTHER_MODEL_KEY", FROM_ENVIRONMENT)
        .with(&format!(
            "[sandbox]\nallow_domains = [{place:?}]\nallow_private = [{place:?}]\n\
             [models.other]\nprovider = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n\
             api_key = \"env:OTHER_MODEL_KEY\"\n\
             [connectors.telegram.main]\ntoken = \"secret:telegram\"\napi_base = \"{}\"\n\n",
            telegram.base_url()
        ));
    let world = World::start(setup, follows).await;
    let owner = world.owner();
    let token = world.token("owner");
    let key_file = world.data().join("keys/master.key");
    let master = std::fs::read_to_string(&key_file).expect("the master key");
    let session = signs_in(&world);
    let canaries = [
        ("a stored secret", STORED.to_owned()),
        ("the key of a model", MODEL_KEY.to_owned()),
        ("a key from the environment", FROM_ENVIRONMENT.to_owned()),
        ("a token of the API", token.clone()),
        ("a session", session),
        ("the master key", master.trim().to_owned()),
        ("the token of a bot", BOT.to_owned()),
    ]
    .map(|(kind, value)| Canary { kind, value });

    let request = script()
        .calls(
            "http_request",
            json!({"method": "GET", "url": url(&site, "/items"), "secret": "forge"}),
        )
        .shell(POKES)
        .calls("deliver", json!({"path": "found.txt"}))
        .calls("md_read", json!({"path": "found.md"}))
        .calls("publish", json!({"text": "poked around"}))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    ends_with_yes(&owner, task).await;
    assert_eq!(
        site.visits()[0].header("authorization"),
        format!("Bearer {STORED}"),
        "it was in use"
    );
    let shown = ask(&world, &format!("GET /v1/tasks/{task}/artifacts/found.txt"))
        .token(&token)
        .send();
    // The control: the poking has found what is there to be found.
    assert!(
        shown.body.contains("http_proxy=") && shown.body.contains("BEGIN CERTIFICATE"),
        "{}",
        shown.body.len()
    );
    let keyed = world.model.recorded();
    let bearer = format!("Bearer {MODEL_KEY}");
    assert!(
        keyed
            .iter()
            .all(|sent| sent.headers.get("authorization") == Some(&bearer))
    );

    let told = everything_told(&world, &owner, &token, task).await;
    for canary in &canaries {
        assert!(canary.value.len() > 12, "{}", canary.kind);
        for (place, text) in &told {
            assert!(
                !text.contains(&canary.value),
                "{} is in {place}",
                canary.kind
            );
        }
        let files = holding(world.folder(), &canary.value, &key_file);
        assert!(files.is_empty(), "{} is in {files:?}", canary.kind);
    }
    // The control for the files: what is no secret is found in them.
    assert!(!holding(world.folder(), "What was found", &key_file).is_empty());
    assert!(world.audit_is_whole());
}

/// The value of the cookie of somebody who comes in by an invitation.
fn signs_in(world: &World) -> String {
    let code = world
        .verb(&["invite", "create", "--role", "admin"])
        .expect("a code");
    let body = json!({"code": code.trim(), "name": "mia", "password": "a long password"});
    let answer = ask(world, "POST /v1/invites/redeem")
        .json(body.to_string())
        .send();
    assert_eq!(answer.status, 201, "{}", answer.body);
    let mut lines = answer.head.lines();
    let line = lines.find(|line| line.to_lowercase().starts_with("set-cookie:"));
    let cookie = line
        .and_then(|line| line.split_once('='))
        .expect("a cookie")
        .1;
    cookie.split(';').next().unwrap_or_default().to_owned()
}

async fn shows_key(world: &World, owner: &Person, value: &str) {
    let bearer = format!("Bearer {value}");
    eventually("the new key to be shown", || async {
        owner.says("hello", None).await;
        let sent = world.model.recorded();
        (sent.last()?.headers.get("authorization") == Some(&bearer)).then_some(())
    })
    .await;
}

fn keyed(setup: Setup) -> Setup {
    setup
        .patience("retries_max = 1\ntimeout_ms = 20000\napi_key = \"secret:provider\"\n")
        .secret("provider", MODEL_KEY)
}

/// A new version of a model's key, and then of the master key, counts while the server runs.
async fn keys_change_under(world: &mut World) {
    let owner = world.owner();
    shows_key(world, &owner, MODEL_KEY).await;
    let put = PutSecret {
        value: NEXT_KEY.to_owned(),
    };
    owner
        .client
        .put_secret("provider", &put)
        .await
        .expect("the next version");
    owner.says("hello", None).await;
    let sent = world.model.recorded();
    let bearer = format!("Bearer {NEXT_KEY}");
    assert_eq!(
        sent.last().expect("a turn").headers.get("authorization"),
        Some(&bearer),
        "at once"
    );
    // What a task says of it is cut out as the old one was.
    let (head, tail) = NEXT_KEY.split_at(9);
    let request = script()
        .shell(&format!("printf %s%s {head} {tail}"))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let said = owner.awaits_end(task).await.result.unwrap_or_default();
    assert!(said.contains("[redacted: provider]"), "{said}");
    let before = std::fs::read_to_string(world.data().join("keys/master.key")).expect("the key");
    let rotated = world
        .verb(&["secret", "rotate-key"])
        .expect("another master key");
    let after = std::fs::read_to_string(world.data().join("keys/master.key")).expect("the key");
    assert_ne!(before, after, "{rotated}");
    owner
        .client
        .put_secret(
            "provider",
            &PutSecret {
                value: MODEL_KEY.to_owned(),
            },
        )
        .await
        .expect("sealed");
    shows_key(world, &owner, MODEL_KEY).await;
    // All of it is there again after a restart, which opens everything under the new key.
    world.stop();
    world.up();
    let owner = world.owner();
    shows_key(world, &owner, MODEL_KEY).await;
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_models_and_the_master_key_change_without_a_restart() {
    let mut world = World::start(keyed(laptop()), follows).await;
    keys_change_under(&mut world).await;
    // Digests of it stand nowhere either: what is kept is sealed.
    let digest = Digest::of_bytes(NEXT_KEY.as_bytes()).to_string();
    assert!(holding(world.folder(), &digest, Path::new("")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn they_change_on_postgresql_too_and_another_process_hears_of_it() {
    let database = Database::fresh();
    let setup = keyed(laptop()).with(&format!("[store]\nurl = \"{}\"\n\n", database.url()));
    let mut world = World::start(setup, follows).await;
    keys_change_under(&mut world).await;
    // A second process works; the first one takes the new version.
    let _worker = world.joined(&["--work"]);
    pause(500).await;
    let owner = world.owner();
    let put = PutSecret {
        value: NEXT_KEY.to_owned(),
    };
    owner
        .client
        .put_secret("provider", &put)
        .await
        .expect("the next version");
    let bearer = format!("Bearer {NEXT_KEY}");
    eventually("every process to show it", || async {
        let before = world.model.recorded().len();
        for _ in 0..3 {
            let task = owner.asks(&script().says("said").to_string()).await;
            owner.awaits_end(task).await;
        }
        let sent = world.model.recorded();
        let fresh = &sent[before..];
        fresh
            .iter()
            .all(|sent| sent.headers.get("authorization") == Some(&bearer))
            .then_some(())
    })
    .await;
}
