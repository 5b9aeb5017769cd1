//! Browsers: how they are let in, what their cookie is good for, and what the page may not do.

use crate::http::{Answer, ask};
use crate::{laptop, world};
use serde_json::json;
use wardroom_testkit::world::World;

const PASSWORD: &str = "a password of some length";

/// Signs the owner in; answers his cookie, too.
fn signs_in(world: &World) -> (Answer, String) {
    let token = world.token("owner");
    let me = ask(world, "GET /v1/me").token(&token).send().json()["user"]["id"].clone();
    let line = format!("PATCH /v1/users/{}", me.as_str().expect("an id"));
    let set = ask(world, &line).token(&token);
    let set = set.json(json!({ "password": PASSWORD }).to_string()).send();
    assert_eq!(set.status, 200, "{}", set.body);
    let body = json!({"name": "owner", "password": PASSWORD}).to_string();
    let signed = ask(world, "POST /v1/sessions").json(body).send();
    let cookie = signed.cookie.clone().unwrap_or_default();
    let pair = cookie.split(';').next().unwrap_or_default().to_owned();
    (signed, pair)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_kept_from_scripts_other_sites_and_plain_addresses() {
    let world = world(laptop()).await;
    let (signed, cookie) = signs_in(&world);
    assert_eq!(signed.status, 201, "{}", signed.body);
    let set = signed.cookie.expect("a cookie");
    for part in [
        "__Host-wardroom=",
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Strict",
    ] {
        assert!(set.contains(part), "{part} in {set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    assert!(
        !signed
            .body
            .contains(cookie.trim_start_matches("__Host-wardroom="))
    );
    let me = ask(&world, "GET /v1/me").header("cookie", &cookie).send();
    assert_eq!(me.status, 200, "{}", me.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_changes_something_only_for_a_page_of_ours() {
    let world = world(laptop()).await;
    let (_, cookie) = signs_in(&world);
    let ours = world.url().to_owned();
    let says = |origin: Option<&str>| {
        let asked = ask(&world, "POST /v1/messages").header("cookie", &cookie);
        let asked = match origin {
            Some(origin) => asked.header("origin", origin),
            None => asked,
        };
        asked.json("{\"text\": \"hello\"}").send()
    };
    assert_eq!(says(Some(&ours)).status, 200);
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://127.0.0.1:1"),
        Some("http://localhost.evil.example"),
    ] {
        let refused = says(origin);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "origin_refused"),
            "{origin:?}"
        );
    }
    // A token says who asks; no browser sends it by itself.
    let by_token = ask(&world, "POST /v1/messages").token(&world.token("owner"));
    assert_eq!(by_token.json("{\"text\": \"hello\"}").send().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_person_says_so_and_nobody_else() {
    let world = world(laptop()).await;
    let ((first, first_cookie), (_, second)) = (signs_in(&world), signs_in(&world));
    let listed = ask(&world, "GET /v1/sessions")
        .header("cookie", &second)
        .send()
        .json();
    assert_eq!(
        listed["sessions"].as_array().map(Vec::len),
        Some(2),
        "{listed}"
    );
    let id = first.json()["id"].as_str().expect("an id").to_owned();
    world.person("mia", "member");
    let line = format!("DELETE /v1/sessions/{id}");
    let foreign = ask(&world, &line).token(&world.token("mia")).send();
    assert_eq!(foreign.status, 404, "not hers to end");
    let ended = ask(&world, &line)
        .header("cookie", &second)
        .header("origin", world.url())
        .send();
    assert_eq!(ended.status, 204, "{}", ended.body);
    let me = |cookie: &str| {
        ask(&world, "GET /v1/me")
            .header("cookie", cookie)
            .send()
            .status
    };
    assert_eq!((me(&first_cookie), me(&second)), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_run_nothing_but_its_own_files_and_make_no_markup_of_text() {
    let world = world(laptop()).await;
    for place in ["/", "/chat", "/settings/people", "/tasks/task_%3Cscript%3E"] {
        let page = ask(&world, &format!("GET {place}")).send();
        assert_eq!(page.status, 200, "{place}");
        let policy = page
            .head
            .lines()
            .find(|line| line.starts_with("content-security-policy:"));
        let policy = policy.expect("a policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        assert!(
            !page.body.contains("<script>"),
            "no script in the page itself: {place}"
        );
    }
}
