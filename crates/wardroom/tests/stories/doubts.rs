//! A request that went out and was never answered: it may have happened, so nobody sends it again
//! unasked.

use crate::egress::{fetch, open_to, plain, result_of, says_yes, url};
use crate::http::ask;
use crate::script::script;
use crate::world;
use serde_json::json;
use wardroom_api::audit::AuditFilter;
use wardroom_domain::{AuditKind, Question, TaskStatus};
use wardroom_testkit::website::{Page, Website};

/// Reads every request and answers none of those under `/cut`, nor a moment late under `/late`.
fn breaks_off() -> Website {
    Website::start(|visit| match visit.path() {
        "/cut" => Page::none(),
        "/late" => {
            std::thread::park_timeout(std::time::Duration::from_secs(20));
            Page::none()
        }
        _ => plain(visit),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_never_came_is_a_question_and_is_not_sent_again() {
    let site = breaks_off();
    let world = world(open_to(&[&site]).with("wall_time_max_s = 2\n")).await;
    let owner = world.owner();
    for path in ["/cut", "/late"] {
        let before = site.visits().len();
        let post = json!({"method": "POST", "url": url(&site, path), "body": "x"});
        let request = script().calls("http_request", post).says("{last}");
        let task = owner.asks(&request.to_string()).await;
        says_yes(&owner).await;
        let asked = owner.is_asked().await;
        assert_eq!(
            (asked.question, asked.task),
            (Question::InDoubt, task),
            "{path}"
        );
        assert!(
            asked.rationale.contains("its answer never came"),
            "{}",
            asked.rationale
        );
        assert_eq!(site.visits().len(), before + 1, "nothing is sent twice");
        let body = json!({"effect": asked.effect, "answer": "happened"});
        let resolved = ask(&world, &format!("POST /v1/tasks/{task}/resolve"))
            .token(&world.token("owner"))
            .json(body.to_string())
            .send();
        assert_eq!(resolved.status, 200, "{}", resolved.body);
        owner.awaits(task, TaskStatus::Succeeded).await;
        assert_eq!(site.visits().len(), before + 1, "nothing is sent again");
    }
    let doubts = AuditFilter {
        kind: Some(AuditKind::EffectInDoubt),
        ..AuditFilter::default()
    };
    let doubts = owner.client.audit_events(&doubts).await.expect("the log");
    assert_eq!(doubts.events.len(), 2);
    // Reading does no harm: it is told as an error, and nobody is asked.
    let (_, said) = result_of(&owner, fetch(&url(&site, "/cut"))).await;
    assert!(said.contains("did not answer"), "{said}");
    // What was never sent is no question either.
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address").port()
    };
    let nobody = json!({"method": "POST", "url": format!("http://localhost:{gone}/"), "body": "x"});
    let (_, said) = result_of(
        &owner,
        script().calls("http_request", nobody).says("{last}"),
    )
    .await;
    assert!(said.contains("not on the list"), "{said}");
    assert!(world.audit_is_whole());
}
