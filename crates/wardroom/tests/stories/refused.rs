//! What nobody should send: each is answered by a sentence and the right code, and nothing breaks.

use crate::database::comes_from_a_newer_version;
use crate::http::ask;
use crate::{laptop, world};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wardroom_testkit::world::{PATIENCE, World};

/// One request that is refused: the line, the body, the status and the code.
type Case<'a> = (&'a str, &'a str, u16, &'a str);

const TASK: &str = "task_00000000000000000000000000";

fn is_refused(world: &World, token: &str, case: Case<'_>) {
    let (line, body, status, code) = case;
    let request = ask(world, line).token(token);
    let answer = if body.is_empty() {
        request.send()
    } else {
        request.json(body).send()
    };
    let body: String = body.chars().take(80).collect();
    assert_eq!(answer.status, status, "{line} {body}: {}", answer.body);
    assert!(
        answer.head.contains("application/problem+json"),
        "{line}: {}",
        answer.head
    );
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{line} {body}");
    for part in ["detail", "hint"] {
        let sentence = problem[part].as_str().unwrap_or_default();
        assert!(sentence.len() > 10, "{line}: {part} is {sentence:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_the_right_code_and_a_sentence() {
    let world = world(laptop()).await;
    let token = world.token("owner");
    let large = json!({"text": "x".repeat(2 * 1024 * 1024)}).to_string();
    let long = json!({"text": "x".repeat(200 * 1024)}).to_string();
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let unknown = format!("GET /v1/tasks/{TASK}");
    let cancel = format!("POST /v1/tasks/{TASK}/cancel");
    let cases: &[Case<'_>] = &[
        ("POST /v1/messages", "{\"text\": ", 400, "invalid_json"),
        ("POST /v1/messages", &deep, 422, "invalid_body"),
        ("POST /v1/messages", "{\"text\": \"\"}", 422, "invalid_body"),
        ("POST /v1/messages", "{\"text\": 7}", 422, "invalid_body"),
        (
            "POST /v1/messages",
            "{\"txt\": \"hi\"}",
            422,
            "invalid_body",
        ),
        (
            "POST /v1/messages",
            "{\"text\": \"hi\", \"colour\": 1}",
            422,
            "invalid_body",
        ),
        ("POST /v1/messages", "\u{0}", 400, "invalid_json"),
        ("POST /v1/messages", &long, 422, "invalid_body"),
        ("POST /v1/messages", &large, 413, "body_too_large"),
        (
            "POST /v1/tasks",
            "{\"text\": \"x\", \"priority\": 11}",
            422,
            "invalid_body",
        ),
        (
            "POST /v1/tasks",
            "{\"text\": \"x\", \"type\": \"magic\"}",
            422,
            "invalid_body",
        ),
        ("POST /v1/tasks", "[]", 422, "invalid_body"),
        (&unknown, "", 404, "not_found"),
        (&cancel, "{}", 404, "not_found"),
        ("GET /v1/tasks/task_short", "", 404, "not_found"),
        (
            "GET /v1/tasks/apr_00000000000000000000000000",
            "",
            404,
            "not_found",
        ),
        ("GET /v1/tasks?limit=many", "", 400, "invalid_query"),
        ("GET /v1/tasks?colour=red", "", 400, "invalid_query"),
        ("GET /v1/tasks?cursor=stolen", "", 400, "invalid_query"),
        ("DELETE /v1/tasks", "", 405, "method_not_allowed"),
        ("GET /v1/nothing", "", 404, "not_found"),
        ("GET /nothing", "", 404, "not_found"),
    ];
    for case in cases {
        is_refused(&world, &token, *case);
    }
    assert_eq!(world.owner().says("hi", None).await.reply, "You said: hi");
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_type_or_not_of_text_is_refused() {
    let world = world(laptop()).await;
    let token = world.token("owner");
    let plain = ask(&world, "POST /v1/messages").token(&token);
    let plain = plain.header("content-type", "text/plain").send();
    assert_eq!(
        (plain.status, plain.code().as_str()),
        (415, "unsupported_media_type")
    );
    let bytes = ask(&world, "POST /v1/messages").token(&token);
    let bytes = bytes.json(b"{\"text\": \"\xff\xfe\"}".to_vec()).send();
    assert_eq!((bytes.status, bytes.code().as_str()), (400, "invalid_json"));
    let key = ask(&world, "POST /v1/messages").token(&token);
    let key = key
        .header("idempotency-key", "")
        .json("{\"text\": \"hi\"}")
        .send();
    assert_eq!(
        (key.status, key.code().as_str()),
        (400, "idempotency_key_invalid")
    );
    assert!(!world.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_token_nothing_is_told() {
    let world = world(laptop()).await;
    let document = ask(&world, "GET /v1/openapi.json").send().json();
    let paths = document["paths"].as_object().expect("the paths").clone();
    let mut asked = 0;
    for (path, methods) in &paths {
        let is_open = !path.starts_with("/v1/")
            || ["/v1/sessions", "/v1/invites/redeem"].contains(&path.as_str());
        for (method, _) in methods.as_object().expect("its methods") {
            if is_open {
                continue;
            }
            let path = path.replace("{id}", TASK).replace("{name}", "x");
            let line = format!("{} {path}", method.to_uppercase());
            for token in [None, Some("wr_wrong"), Some("")] {
                let request = ask(&world, &line);
                let request = token
                    .into_iter()
                    .fold(request, |request, token| request.token(token));
                let answer = match method.as_str() {
                    "get" | "delete" => request.send(),
                    _ => request.json("{}").send(),
                };
                assert_eq!(answer.status, 401, "{line} with {token:?}: {}", answer.body);
                assert_eq!(answer.code(), "unauthenticated");
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "{asked} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_and_names_that_are_not_ours_are_turned_away() {
    let world = world(laptop()).await;
    let token = world.token("owner");
    let message = "{\"text\": \"hi\"}";
    let evil = ask(&world, "POST /v1/sessions").header("origin", "https://evil.example");
    let evil = evil.json("{\"code\": \"x\"}").send();
    assert_eq!((evil.status, evil.code().as_str()), (403, "origin_refused"));
    let cookie = ask(&world, "GET /v1/me").header("origin", "https://evil.example");
    let cookie = cookie.header("cookie", "__Host-wardroom=x").send();
    assert_eq!(
        (cookie.status, cookie.code().as_str()),
        (403, "origin_refused")
    );
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
        let rebound = ask(&world, "POST /v1/messages").host(host).token(&token);
        let rebound = rebound.json(message).send();
        assert_eq!(
            (rebound.status, rebound.code().as_str()),
            (403, "origin_refused"),
            "{host}"
        );
    }
    let port = world
        .url()
        .rsplit_once(':')
        .map_or("", |(_, port)| port)
        .to_owned();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let ours = ask(&world, "GET /v1/me").host(&format!("{host}:{port}"));
        assert_eq!(ours.token(&token).send().status, 200, "{host}");
    }
}

/// Starts a server that cannot start, and answers what it says.
fn fails_to_start(data: &Path, listen: &str) -> String {
    let mut server = Command::new(env!("CARGO_BIN_EXE_wardroom"))
        .args(["up", "--listen", listen, "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let until = Instant::now() + PATIENCE;
    while server.try_wait().expect("its state").is_none() && Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let _ = server.kill();
    let ended = server.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        ended.stdout.is_empty() && !said.contains("panicked"),
        "{said}"
    );
    said
}

#[test]
fn a_start_that_cannot_be_says_why() {
    for (configuration, sentence) in [
        ("[server]\nlisten = \"nowhere\"\n", "server.listen"),
        (
            "[limit]\nexecutors_per_user = 3\n",
            "the nearest known key is `limits`",
        ),
        (
            "[models.default]\nprovider = \"openai\"\nbase_url = \"ftp//x\"\nmodel = \"m\"\n",
            "base_url",
        ),
        (
            "[models.default]\nprovider = \"openia\"\nmodel = \"m\"\n",
            "did you mean \"openai\"",
        ),
        (
            "[models.a]\nprovider = \"scripted\"\n\n[routing]\ncoordinator = [\"b\"]\n",
            "b",
        ),
        (
            "[models.default]\nprovider = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n\
             api_key = \"env:WARDROOM_NO_SUCH_KEY\"\n",
            "WARDROOM_NO_SUCH_KEY",
        ),
    ] {
        let data = tempfile::tempdir().expect("a folder");
        fs::write(data.path().join("wardroom.toml"), configuration).expect("a file");
        let said = fails_to_start(data.path(), "127.0.0.1:0");
        assert!(said.contains(sentence), "{configuration}{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_or_a_data_directory_that_is_taken_is_named() {
    let world = world(laptop()).await;
    let taken = world.url().trim_start_matches("http://");
    let data = tempfile::tempdir().expect("a folder");
    let said = fails_to_start(data.path(), taken);
    assert!(said.contains(taken) && said.contains("--listen"), "{said}");
    let said = fails_to_start(&world.data(), "127.0.0.1:0");
    assert!(
        said.contains("runs") || said.contains("in use") || said.contains("another"),
        "{said}"
    );
    assert_eq!(
        world.owner().says("hi", None).await.reply,
        "You said: hi",
        "the first one lives on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_key_and_a_newer_database_are_named() {
    let mut world = world(laptop()).await;
    world.stop();
    let key = world.data().join("keys/audit.key");
    let kept = fs::read(&key).expect("the key");
    fs::write(&key, "scribble").expect("a file");
    let said = fails_to_start(&world.data(), "127.0.0.1:0");
    assert!(said.contains("audit.key"), "{said}");
    fs::write(&key, kept).expect("a file");

    comes_from_a_newer_version(&world);
    let said = fails_to_start(&world.data(), "127.0.0.1:0");
    assert!(said.contains("newer") || said.contains("version"), "{said}");
}
