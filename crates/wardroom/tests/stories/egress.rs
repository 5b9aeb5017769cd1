//! What leaves a sandbox: nothing by default; what the org opens, on the record; and the rest is
//! refused in whatever form it comes.

use crate::script::{Script, script};
use crate::{laptop, pause, world};
use serde_json::{Value, json};
use wardroom_api::approval::{Approval, Verdict};
use wardroom_api::audit::{AuditEvent, AuditFilter};
use wardroom_domain::{AuditKind, Question, RiskTier, TaskId, TaskStatus};
use wardroom_testkit::website::{Authority, Page, Visit, Website};
use wardroom_testkit::world::{Person, Setup, eventually};

/// A laptop whose sandboxes may reach these sites.
pub fn open_to(sites: &[&Website]) -> Setup {
    laptop().with(&open_places(sites))
}

/// The configuration that opens these sites.
pub fn open_places(sites: &[&Website]) -> String {
    let places: Vec<_> = sites.iter().map(|site| site.place()).collect();
    let list = json!(places);
    format!("[sandbox]\nallow_domains = {list}\nallow_private = {list}\n")
}

/// Whether the machine lacks what a story needs; then it is on the list of what was skipped.
pub fn lacks(tool: &str) -> bool {
    let found = std::process::Command::new(tool).arg("--version").output();
    if found.is_ok_and(|ran| ran.status.success()) {
        return false;
    }
    skipped(&format!("{tool} is not installed"));
    true
}

fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    if let Some(notes) = std::env::var_os("WARDROOM_SKIPS") {
        use std::io::Write;
        let notes = std::fs::File::options()
            .create(true)
            .append(true)
            .open(notes);
        let line = format!("egress by command\t{why}\n");
        notes
            .and_then(|mut notes| notes.write_all(line.as_bytes()))
            .expect("the note is taken");
    }
}

/// Says what it was asked for.
pub fn plain(visit: &Visit) -> Page {
    Page::text(format!("{} {} was here", visit.method, visit.target))
}

pub fn url(site: &Website, path: &str) -> String {
    format!("http://{}{path}", site.place())
}

pub fn fetch(address: &str) -> Script {
    script()
        .calls("http_fetch", json!({"url": address}))
        .says("{last}")
}

/// Runs a script to its end and answers what it said.
pub async fn result_of(person: &Person, script: Script) -> (TaskId, String) {
    let task = person.asks(&script.to_string()).await;
    let ended = person.awaits(task, TaskStatus::Succeeded).await;
    (task, unquoted(&ended.result.unwrap_or_default()))
}

/// What a model was shown from outside, without the marks that say that it is a quotation.
fn unquoted(text: &str) -> String {
    let is_mark = |line: &&str| line.starts_with("<untrusted-") || line.starts_with("</untrusted-");
    let lines: Vec<_> = text.lines().filter(|line| !is_mark(line)).collect();
    lines.join("\n")
}

pub async fn events(person: &Person, task: TaskId, kind: AuditKind) -> Vec<AuditEvent> {
    let filter = AuditFilter {
        task: Some(task),
        limit: Some(500),
        ..AuditFilter::default()
    };
    let events = person.client.audit_events(&filter).await;
    let events = events.expect("the log").events.into_iter();
    events.filter(|event| event.kind == kind).collect()
}

/// The facts of the connections of a task, once there are so many.
async fn connections(person: &Person, task: TaskId, at_least: usize) -> Vec<Value> {
    eventually("the connections to be written down", || async {
        let found = events(person, task, AuditKind::EgressDecided).await;
        (found.len() >= at_least).then(|| found.into_iter().map(|event| event.body).collect())
    })
    .await
}

/// Says yes to the next question, which is answered.
pub async fn says_yes(person: &Person) -> Approval {
    let asked = person.is_asked().await;
    let decided = person.decides(asked.id, Verdict::Approve).await;
    decided.expect("a yes");
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_by_default() {
    if lacks("curl") {
        return;
    }
    let site = Website::start(plain);
    let world = world(laptop()).await;
    let owner = world.owner();
    let address = url(&site, "/");
    let (_, said) = result_of(&owner, fetch(&address)).await;
    assert!(said.contains("not on the list of hosts"), "{said}");
    let command = format!("curl -sS --max-time 5 {address}; echo ended with $?");
    let (_, said) = result_of(&owner, script().shell(&command).says("{last}")).await;
    assert!(
        !said.contains("was here") && !said.contains("ended with 0"),
        "{said}"
    );
    assert!(site.visits().is_empty(), "{:?}", site.visits());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_host_is_read_without_a_question_and_every_connection_is_on_the_record() {
    if lacks("curl") {
        return;
    }
    let site = Website::start(plain);
    let world = world(open_to(&[&site])).await;
    let owner = world.owner();
    let (task, said) = result_of(&owner, fetch(&url(&site, "/page?token=of-the-query"))).await;
    assert_eq!(said, "GET /page?token=of-the-query was here");
    let shown = owner.sees(task).await.result.unwrap_or_default();
    assert!(shown.starts_with("<untrusted-"), "{shown}");
    let found = connections(&owner, task, 1).await;
    let intended = events(&owner, task, AuditKind::EffectIntended).await;
    let fact = &found[0];
    assert_eq!(fact["effect"], intended[0].body["effect"], "{fact}");
    assert_eq!(
        (
            &fact["verdict"],
            &fact["host"],
            &fact["rule"],
            &fact["path"]
        ),
        (
            &json!("allowed"),
            &json!("localhost"),
            &json!(site.place()),
            &json!("/page")
        )
    );
    assert_eq!(
        (&fact["method"], &fact["status"]),
        (&json!("GET"), &json!(200))
    );
    assert!(fact["bytes_up"].as_u64() > Some(0) && fact["bytes_down"].as_u64() > Some(0));
    assert!(!fact.to_string().contains("of-the-query"), "{fact}");
    let command = format!("curl -sS {}", url(&site, "/by-curl"));
    let (_, said) = result_of(&owner, script().shell(&command).says("{last}")).await;
    assert_eq!(said, "GET /by-curl was here");
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_open_is_refused_and_what_stays_inside_finds_the_way_shut() {
    if lacks("curl") {
        return;
    }
    let (site, other) = (Website::start(plain), Website::start(plain));
    let world = world(open_to(&[&site])).await;
    let owner = world.owner();
    for address in ["http://evil.test/", &url(&other, "/")] {
        let (_, said) = result_of(&owner, fetch(address)).await;
        assert!(
            said.contains("not on the list of hosts"),
            "{address}: {said}"
        );
    }
    // Nobody can tell where this goes, so it stays inside.
    let hidden = format!(
        "echo 'curl -sS {}' > go.sh; sh go.sh",
        url(&site, "/hidden")
    );
    let (task, said) = result_of(&owner, script().shell(&hidden).says("{last}")).await;
    assert!(said.contains("nothing may leave this sandbox"), "{said}");
    assert_eq!(connections(&owner, task, 1).await[0]["rule"], "shut");
    assert!(site.visits().is_empty() && other.visits().is_empty());
    // Said to need the network, it asks; and finds what is open, and nothing else.
    let both = format!("{hidden}; curl -sS {}", url(&other, "/"));
    let request = script()
        .calls("shell", json!({"command": both, "network": true}))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let asked = says_yes(&owner).await;
    assert!(asked.tier >= RiskTier::L1Mutating, "{asked:?}");
    let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
    let said = said.unwrap_or_default();
    assert!(said.contains("GET /hidden was here"), "{said}");
    assert!(said.contains("not on this sandbox's list"), "{said}");
    let rules: Vec<_> = connections(&owner, task, 2).await;
    let rules: Vec<_> = rules.iter().map(|fact| fact["rule"].clone()).collect();
    for rule in [json!(site.place()), json!("not_listed")] {
        assert!(rules.contains(&rule), "{rule} {rules:?}");
    }
    assert!(other.visits().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_in_every_form() {
    if lacks("curl") {
        return;
    }
    let site = Website::start(plain);
    let place = site.place();
    let setup = laptop().with(&format!("[sandbox]\nallow_domains = [{place:?}]\n"));
    let world = world(setup).await;
    let owner = world.owner();
    let port = site.port();
    // Open by name, and still not public: nobody vouched for it.
    let (task, said) = result_of(&owner, fetch(&url(&site, "/"))).await;
    assert!(said.contains("leads to an address that is"), "{said}");
    assert_eq!(
        connections(&owner, task, 1).await[0]["rule"],
        "address_not_global"
    );
    let mut all = script();
    let forms = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://localhost.:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "http://10.0.0.1/".to_owned(),
    ];
    for form in &forms {
        all = all.calls("http_fetch", json!({"url": form}));
    }
    let (task, _) = result_of(&owner, all.says("done")).await;
    let refused = events(&owner, task, AuditKind::EffectRefused).await;
    assert_eq!(refused.len(), forms.len(), "{refused:?}");
    // The same from a shell, past the tools: the proxy knows them, too.
    for form in &forms {
        let command = format!("curl -sS --max-time 5 --noproxy '' '{form}'");
        let request = script()
            .calls("shell", json!({"command": command, "network": true}))
            .says("{last}");
        let task = owner.asks(&request.to_string()).await;
        says_yes(&owner).await;
        let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
        let said = said.unwrap_or_default();
        let facts = connections(&owner, task, 1).await;
        assert_eq!(facts[0]["verdict"], "denied", "{form}: {said} {facts:?}");
    }
    assert!(site.visits().is_empty(), "{:?}", site.visits());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_elsewhere_is_told_and_not_followed() {
    if lacks("curl") {
        return;
    }
    let inner = Website::start(plain);
    let inside = format!("http://127.0.0.1:{}/", inner.port());
    let to = inside.clone();
    let site = Website::start(move |visit| match visit.path() {
        "/away" => Page::new(302).with("location", &to),
        "/metadata" => Page::new(302).with("location", "http://169.254.169.254/latest/"),
        "/moved" => Page::new(301).with("location", "/here"),
        _ => plain(visit),
    });
    let world = world(open_to(&[&site])).await;
    let owner = world.owner();
    let (_, said) = result_of(&owner, fetch(&url(&site, "/away"))).await;
    assert!(
        said.contains(&inside) && said.contains("not followed"),
        "{said}"
    );
    let (_, said) = result_of(&owner, fetch(&url(&site, "/moved"))).await;
    assert_eq!(said, "GET /here was here");
    let command = format!("curl -sSL --max-time 5 {}", url(&site, "/metadata"));
    let (task, said) = result_of(&owner, script().shell(&command).says("{last}")).await;
    assert!(said.contains("given by its address"), "{said}");
    let facts = connections(&owner, task, 2).await;
    let refused = facts.iter().find(|fact| fact["verdict"] == "denied");
    assert_eq!(
        refused.expect("a refusal")["rule"],
        "malformed_host",
        "{facts:?}"
    );
    assert!(inner.visits().is_empty(), "{:?}", inner.visits());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_become_markdown_and_what_is_no_text_or_too_much_is_told() {
    let site = Website::start(|visit| match visit.path() {
        "/page" => Page::new(200)
            .with("content-type", "text/html; charset=utf-8")
            .body("<h1>Tides</h1><script>steal()</script><p>High at <b>six</b></p>"),
        "/picture" => Page::new(200)
            .with("content-type", "image/png")
            .body(vec![137, 80]),
        "/large" => Page::text("x".repeat(9 * 1024 * 1024)),
        "/missing" => Page::new(404)
            .with("content-type", "text/plain")
            .body("no such page"),
        "/kept" => match visit.header("if-none-match") {
            "\"v1\"" => Page::new(304),
            _ => Page::text("the first time").with("etag", "\"v1\""),
        },
        _ => plain(visit),
    });
    let world = world(open_to(&[&site])).await;
    let owner = world.owner();
    let page = script()
        .calls("html_to_markdown", json!({"url": url(&site, "/page")}))
        .says("{last}");
    let (_, said) = result_of(&owner, page).await;
    assert!(
        said.contains("# Tides") && said.contains("**six**"),
        "{said}"
    );
    assert!(!said.contains("steal"), "{said}");
    for (path, words) in [
        ("/picture", "it is no text but `image/png`"),
        ("/large", "more than 8388608 bytes"),
        ("/missing", "no such page"),
    ] {
        let (_, said) = result_of(&owner, fetch(&url(&site, path))).await;
        assert!(said.contains(words), "{path}: {said}");
    }
    let twice = script()
        .calls("http_fetch", json!({"url": url(&site, "/kept")}))
        .calls("file_write", json!({"path": "a", "content": "between"}))
        .calls("http_fetch", json!({"url": url(&site, "/kept")}))
        .says("{last}");
    let task = owner.asks(&twice.to_string()).await;
    let said = ends_with_yes(&owner, task).await;
    assert_eq!(said, "the first time");
    let kept = site
        .visits()
        .into_iter()
        .filter(|visit| visit.path() == "/kept");
    let asked: Vec<_> = kept
        .map(|visit| visit.header("if-none-match").to_owned())
        .collect();
    assert_eq!(asked, ["", "\"v1\""]);
}

/// Says yes to whatever is asked until the task has ended.
pub async fn ends_with_yes(person: &Person, task: TaskId) -> String {
    let ended = async { person.awaits_end(task).await };
    let yes = async {
        loop {
            says_yes(person).await;
        }
    };
    let ended = tokio::select! { ended = ended => ended, () = yes => unreachable!() };
    assert_eq!(ended.status, TaskStatus::Succeeded, "{:?}", ended.error);
    unquoted(&ended.result.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_changes_something_asks_with_its_whole_address_and_is_sent_once() {
    let site = Website::start(plain);
    let world = world(open_to(&[&site])).await;
    let owner = world.owner();
    let address = url(&site, "/items?list=today");
    let post =
        json!({"method": "POST", "url": address, "headers": {"x-kind": "note"}, "body": "milk"});
    let request = script().calls("http_request", post).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let asked = owner.is_asked().await;
    assert_eq!(
        (asked.tool.as_str(), asked.tier),
        ("http_request", RiskTier::L2Destructive)
    );
    assert_eq!(asked.arguments["url"], json!(address));
    assert_eq!(asked.arguments["body"], "milk");
    assert!(site.visits().is_empty(), "before anybody said yes");
    owner
        .decides(asked.id, Verdict::Approve)
        .await
        .expect("a yes");
    let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
    assert!(
        said.unwrap_or_default()
            .contains("POST /items?list=today was here")
    );
    let visits = site.visits();
    assert_eq!(visits.len(), 1);
    assert_eq!(
        (visits[0].body.as_slice(), visits[0].header("x-kind")),
        (&b"milk"[..], "note")
    );
}

/// A site that keeps everybody waiting for what is under `/slow`, the first time.
fn slow_once() -> Website {
    let began = std::sync::atomic::AtomicU32::new(0);
    Website::start(move |visit| {
        let before = began.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if visit.path() == "/slow" && before == 0 {
            std::thread::park_timeout(std::time::Duration::from_secs(30));
        }
        plain(visit)
    })
}

async fn is_visited(site: &Website) {
    eventually("the request to arrive", || async {
        (!site.visits().is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_request_that_changes_something_a_person_is_asked() {
    let site = slow_once();
    let mut world = world(open_to(&[&site])).await;
    let owner = world.owner();
    let post = json!({"method": "POST", "url": url(&site, "/slow"), "body": "x"});
    let request = script().calls("http_request", post).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    says_yes(&owner).await;
    is_visited(&site).await;
    world.kill();
    world.up();
    let owner = world.owner();
    let asked = owner.is_asked().await;
    assert_eq!((asked.question, asked.task), (Question::InDoubt, task));
    pause(300).await;
    assert_eq!(site.visits().len(), 1, "nothing is sent twice");
    let body = json!({"effect": asked.effect, "answer": "happened"});
    let token = world.token("owner");
    let answer = crate::http::ask(&world, &format!("POST /v1/tasks/{task}/resolve"))
        .token(&token)
        .json(body.to_string())
        .send();
    assert_eq!(answer.status, 200, "{}", answer.body);
    owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(site.visits().len(), 1);
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_reading_it_is_read_again() {
    let site = slow_once();
    let mut world = world(open_to(&[&site])).await;
    let task = world
        .owner()
        .asks(&fetch(&url(&site, "/slow")).to_string())
        .await;
    is_visited(&site).await;
    world.kill();
    world.up();
    let ended = world.owner().awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(
        unquoted(&ended.result.unwrap_or_default()),
        "GET /slow was here"
    );
    assert_eq!(site.visits().len(), 2);
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_and_leads_to_the_host_that_was_named() {
    if lacks("curl") {
        return;
    }
    let authority = Authority::new();
    let (site, stranger) = (
        Website::secure(&authority, plain),
        Website::secure(&Authority::new(), plain),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, &authority.pem).expect("the roots");
    let setup = open_to(&[&site, &stranger]).env("SSL_CERT_FILE", &roots.display().to_string());
    let world = world(setup).await;
    let owner = world.owner();
    let secure = |site: &Website| format!("https://{}/", site.place());
    let (task, said) = result_of(&owner, fetch(&secure(&site))).await;
    assert_eq!(said, "GET / was here");
    assert_eq!(connections(&owner, task, 1).await[0]["road"], "connect");
    let (_, said) = result_of(&owner, fetch(&secure(&stranger))).await;
    assert!(said.contains("TLS to localhost failed"), "{said}");
    // A tunnel to an open host does not carry a greeting for another.
    let command = format!(
        "curl -sSk --max-time 5 --noproxy '' --connect-to other.test:443:{} https://other.test/",
        site.place()
    );
    let request = script()
        .calls("shell", json!({"command": command, "network": true}))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    says_yes(&owner).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let facts = connections(&owner, task, 1).await;
    assert_eq!(facts[0]["rule"], "server_name_mismatch", "{facts:?}");
    assert!(stranger.visits().is_empty());
    assert_eq!(site.visits().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_rules_are_told_in_a_sentence_and_nothing_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |lines: &str| {
        std::fs::write(folder.path().join("wardroom.toml"), lines).expect("the file");
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_wardroom"))
            .args(["config", "check", "--data"])
            .arg(folder.path())
            .output()
            .expect("the binary runs");
        let text = String::from_utf8_lossy(&ran.stderr).into_owned();
        (ran.status.code(), text)
    };
    for (lines, words) in [
        (
            "allow_domains = [\"https://example.com\"]",
            "leave out the scheme",
        ),
        ("allow_domains = [\"*.com\"]", "opens too much"),
        ("allow_domains = [\"10.0.0.1\"]", "given by its address"),
        ("allow_domains = [\"a b.example\"]", "letters, digits"),
        ("allow_private = [\"nas.lan\"]", "a host with its port"),
        ("allow_private = [\"10.0.0.0/33\"]", "a host with its port"),
        (
            "git_tokens = { \"git.example.com\" = \"secret:forge\" }",
            "add it to sandbox.allow_domains",
        ),
        (
            "allow_domains = [\"git.example.com\"]\ngit_tokens = { \"git.example.com\" = \"plain\" }",
            "does not belong in the configuration file",
        ),
    ] {
        let (code, text) = check(&format!("[sandbox]\n{lines}\n"));
        assert_eq!(code, Some(1), "{lines}: {text}");
        assert!(text.contains(words), "{lines}: {text}");
    }
    let good = "[sandbox]\nallow_domains = [\"*.example.com\", \"git.lan:8443\"]\n\
                allow_private = [\"git.lan:8443\", \"10.1.0.0/16\"]\n";
    assert_eq!(check(good).0, Some(0));
}

/// The names of this machine as the server alone sees them, in a file that the test may change.
fn with_names(setup: Setup, file: &std::path::Path) -> Setup {
    let line = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    let file = file.display().to_string();
    setup.wrapped(&["unshare", "--mount", "sh", "-c", line, &file])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_the_next_time_is_judged_anew() {
    let is_root = std::process::Command::new("id").arg("-u").output();
    if is_root.is_ok_and(|id| id.stdout != b"0\n") {
        return skipped("only root can give the server names of its own");
    }
    let site = Website::start(plain);
    let folder = tempfile::tempdir().expect("a folder");
    let names = folder.path().join("hosts");
    let lead_to = |address: &str| {
        let lines = format!("127.0.0.1 localhost\n{address} files.test\n");
        std::fs::write(&names, lines).expect("the names");
    };
    lead_to("127.0.0.1");
    let place = format!("files.test:{}", site.port());
    let setup = laptop().with(&format!(
        "[sandbox]\nallow_domains = [{place:?}]\nallow_private = [{place:?}]\n"
    ));
    let world = world(with_names(setup, &names)).await;
    let owner = world.owner();
    let address = format!("http://{place}/");
    let (_, said) = result_of(&owner, fetch(&address)).await;
    assert_eq!(said, "GET / was here");
    // What the org vouched for is a host of its own network, not whatever its name may lead to.
    for elsewhere in [
        "169.254.169.254",
        "0.0.0.0",
        "::ffff:127.0.0.1",
        "224.0.0.1",
    ] {
        lead_to(elsewhere);
        let (task, said) = result_of(&owner, fetch(&address)).await;
        assert!(
            said.contains("leads to an address that is"),
            "{elsewhere}: {said}"
        );
        let facts = connections(&owner, task, 1).await;
        assert_eq!(
            facts[0]["rule"], "address_not_global",
            "{elsewhere}: {facts:?}"
        );
    }
    assert_eq!(site.visits().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_what_is_open_and_run_a_command_by_hand_over_the_same_road() {
    if lacks("curl") {
        return;
    }
    let site = Website::start(plain);
    let world = world(open_to(&[&site])).await;
    let token = world.token("owner");
    let me = crate::http::ask(&world, "GET /v1/me").token(&token).send();
    assert_eq!(me.json()["egress"], json!([site.place()]));
    let doctor = world
        .verb(&["doctor", "sandbox", "--json"])
        .expect("a sound sandbox");
    assert!(
        doctor.contains("by the proxy alone") && doctor.contains(&site.place()),
        "{doctor}"
    );
    let address = url(&site, "/by-hand");
    let by_hand = |allow: &[&str]| {
        let mut arguments = vec!["sandbox", "run"];
        arguments.extend(allow);
        // The verb's own flags stand before the command.
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_wardroom"))
            .args(arguments)
            .arg("--data")
            .arg(world.data())
            .args(["--", "curl", "-sS", "--max-time", "10", &address])
            .output()
            .expect("the binary runs");
        let text = [ran.stdout, ran.stderr].concat();
        (
            ran.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (code, said) = by_hand(&[]);
    assert_eq!(
        code,
        Some(1),
        "nothing is open by hand unless it is named: {said}"
    );
    let (code, said) = by_hand(&["--allow", &site.place()]);
    assert!(
        code == Some(0) && said.contains("GET /by-hand was here"),
        "{said}"
    );
    let (code, said) = by_hand(&["--allow", "https://example.com"]);
    assert!(
        code == Some(2) && said.contains("leave out the scheme"),
        "{said}"
    );
    assert_eq!(site.visits().len(), 1);
}
