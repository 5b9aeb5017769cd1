//! Secrets that tasks use and never hold: put in by the proxy on the approved way, once, cut out of
//! whatever comes back, and found nowhere else.

use crate::egress::{ends_with_yes, events, lacks, open_to, says_yes, url};
use crate::script::script;
use crate::{laptop, world};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wardroom_domain::{AuditKind, RiskTier, TaskStatus};
use wardroom_testkit::website::{Page, Visit, Website};
use wardroom_testkit::world::{Setup, World};

const CANARY: &str = "canary-5d1f77a0-of-the-forge";

fn with_secret(setup: Setup) -> Setup {
    let mut setup = setup;
    setup.secrets.push(("forge".to_owned(), CANARY.to_owned()));
    setup
}

/// Says what it saw of the header, and repeats it to whoever asks for that.
fn forge(visit: &Visit) -> Page {
    match visit.path() {
        "/echo" => Page::text(format!("you said {}", visit.header("authorization"))),
        _ => Page::text("welcome"),
    }
}

/// The files of the world that hold the value.
fn holding(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().expect("its kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                let needle = CANARY.as_bytes();
                if bytes.windows(needle.len()).any(|at| at == needle) {
                    found.push(entry.path());
                }
            }
        }
    }
    found
}

/// Neither in what is kept, nor in what a model was told, nor in what people read.
async fn is_nowhere(world: &World) {
    let found = holding(world.folder());
    assert!(found.is_empty(), "{found:?}");
    for asked in world.model.recorded() {
        assert!(
            !asked.body.to_string().contains(CANARY),
            "the model was told"
        );
    }
    let log = world.verb(&["audit", "list", "--json", "--limit", "500"]);
    assert!(
        !log.expect("the log").contains(CANARY),
        "the audit log has it"
    );
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lent_secret_reaches_the_approved_host_once_and_nobody_else_sees_it() {
    if lacks("curl") {
        return;
    }
    let site = Website::start(forge);
    let world = world(with_secret(open_to(&[&site]))).await;
    let owner = world.owner();
    let post = json!({"method": "GET", "url": url(&site, "/items"), "secret": "forge"});
    let request = script().calls("http_request", post).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let asked = owner.is_asked().await;
    assert_eq!(
        (asked.tier, &asked.arguments["secret"]),
        (RiskTier::L3Privileged, &json!("forge"))
    );
    assert!(site.visits().is_empty(), "nothing is sent before the yes");
    says_yes(&owner).await;
    let ended = owner.awaits(task, TaskStatus::Succeeded).await;
    assert!(ended.result.unwrap_or_default().contains("welcome"));
    let visits = site.visits();
    assert_eq!(visits.len(), 1);
    assert_eq!(
        visits[0].header("authorization"),
        format!("Bearer {CANARY}")
    );
    let used = events(&owner, task, AuditKind::EgressDecided).await;
    assert_eq!(used[0].body["secrets"], json!(["forge"]));
    let touched = events(&owner, task, AuditKind::SecretTouched).await;
    assert_eq!(touched[0].body["effect"], used[0].body["effect"]);
    let lent = world.verb(&["audit", "list", "--kind", "secret.touched", "--json"]);
    let lent = lent.expect("the log");
    assert!(
        lent.contains("lent to eff_") && lent.contains(&site.place()),
        "{lent}"
    );
    // A command that keeps what it is given keeps what stands for the value.
    let mark = "{{secret:forge}}";
    let command = format!(
        "printf %s '{mark}' > kept; curl -sS -H 'Authorization: Bearer {mark}' {}",
        url(&site, "/")
    );
    let request = script().shell(&command).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    says_yes(&owner).await;
    let ended = owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(
        ended.applied,
        Some(true),
        "the file is there to be looked at"
    );
    is_nowhere(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_is_good_once_for_its_host_alone_and_what_repeats_the_value_is_withheld() {
    if lacks("curl") {
        return;
    }
    let (site, other) = (Website::start(forge), Website::start(forge));
    let world = world(with_secret(open_to(&[&site, &other]))).await;
    let owner = world.owner();
    let header = "Authorization: Bearer {{secret:forge}}";
    // The second use, another host, another header, the body, the address; only the first is right.
    let command = format!(
        "P='{header}'; curl -sS -H \"$P\" {first}; echo; curl -sS -H \"$P\" {first}; echo; \
         curl -sS -H \"$P\" http://localhost:$((1 + {before}))/; echo; \
         curl -sS -H \"X-Other: ${{P#*Bearer }}\" {first}; echo; curl -sS \"{first}?${{P#*Bearer }}\"",
        first = url(&site, "/"),
        before = other.port() - 1,
    );
    let request = script()
        .calls("shell", json!({"command": command, "network": true}))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let asked = says_yes(&owner).await;
    assert_eq!(asked.tier, RiskTier::L3Privileged);
    assert!(asked.rationale.contains("forge"), "{}", asked.rationale);
    let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
    let said = said.unwrap_or_default();
    assert!(said.contains("is used up or has expired"), "{said}");
    let with_value = |site: &Website| {
        let visits = site.visits().into_iter();
        visits
            .filter(|visit| format!("{visit:?}").contains(CANARY))
            .count()
    };
    assert_eq!((with_value(&site), with_value(&other)), (1, 0), "{said}");
    assert!(
        other.visits().is_empty(),
        "the placeholder itself went nowhere: {said}"
    );
    // A host that repeats what it was told.
    let echo = json!({"method": "GET", "url": url(&site, "/echo"), "secret": "forge"});
    let request = script().calls("http_request", echo).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    says_yes(&owner).await;
    let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
    let said = said.unwrap_or_default();
    assert!(
        !said.contains(CANARY) && !said.contains("you said"),
        "{said}"
    );
    let cut = events(&owner, task, AuditKind::EgressDecided).await;
    let why = "the answer repeats the value of `forge`, so it is withheld";
    assert_eq!(cut[0].body["why"], why);
    is_nowhere(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_lives_on_and_what_is_not_there_is_not_lent() {
    if lacks("curl") {
        return;
    }
    let site = Website::start(forge);
    let mut setup = open_to(&[&site]);
    setup = setup.with(
        "[models.other]\nprovider = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n\
         api_key = \"secret:provider\"\n",
    );
    setup
        .secrets
        .push(("provider".to_owned(), CANARY.to_owned()));
    let world = world(setup).await;
    let owner = world.owner();
    for (name, words) in [
        ("provider", "is the server's own"),
        ("absent", "there is no secret `absent`"),
    ] {
        let ask = json!({"method": "GET", "url": url(&site, "/"), "secret": name});
        let request = script().calls("http_request", ask).says("{last}");
        let task = owner.asks(&request.to_string()).await;
        let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
        let said = said.unwrap_or_default();
        assert!(said.contains(words), "{name}: {said}");
    }
    let command = format!(
        "curl -sS -H 'Authorization: {{{{secret:provider}}}}' {}",
        url(&site, "/")
    );
    let request = script().shell(&command).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let said = owner.awaits(task, TaskStatus::Succeeded).await.result;
    assert!(said.unwrap_or_default().contains("is the server's own"));
    assert!(site.visits().is_empty());
    is_nowhere(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_a_secret_is_lent_without_a_restart() {
    let site = Website::start(forge);
    let world = world(with_secret(open_to(&[&site]))).await;
    let owner = world.owner();
    let put = wardroom_api::secret::PutSecret {
        value: "the-next-value-of-it".to_owned(),
    };
    owner
        .client
        .put_secret("forge", &put)
        .await
        .expect("the next version");
    let ask = json!({"method": "GET", "url": url(&site, "/"), "secret": "forge",
        "headers": {"x-api-key": "key {{secret}}"}});
    let request = script().calls("http_request", ask).says("{last}");
    let task = owner.asks(&request.to_string()).await;
    says_yes(&owner).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let visits = site.visits();
    assert_eq!(visits[0].header("x-api-key"), "key the-next-value-of-it");
    assert_eq!(visits[0].header("authorization"), "");
}

/// git's own server side, for whoever shows the token.
fn git_server(root: PathBuf) -> Website {
    Website::start(move |visit| {
        let pair = format!("Basic {}", base64(&format!("x-access-token:{CANARY}")));
        if visit.header("authorization") != pair {
            return Page::new(401).with("www-authenticate", "Basic realm=forge");
        }
        let (path, query) = visit.target.split_once('?').unwrap_or((&visit.target, ""));
        let mut child = Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REMOTE_USER", "x")
            .env("REQUEST_METHOD", &visit.method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", visit.header("content-type"))
            .env("HTTP_CONTENT_ENCODING", visit.header("content-encoding"))
            .env("HTTP_GIT_PROTOCOL", visit.header("git-protocol"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git answers");
        let mut input = child.stdin.take().expect("its input");
        input.write_all(&visit.body).expect("it reads");
        drop(input);
        let output = child.wait_with_output().expect("its answer").stdout;
        let end = output
            .windows(4)
            .position(|at| at == b"\r\n\r\n")
            .unwrap_or(0);
        let head = String::from_utf8_lossy(&output[..end]).into_owned();
        let lines: Vec<_> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .collect();
        let status = lines.iter().find(|(name, _)| *name == "Status");
        let status = status
            .and_then(|(_, text)| text[..3].parse().ok())
            .unwrap_or(200);
        let page = lines.iter().filter(|(name, _)| *name != "Status");
        let page = page.fold(Page::new(status), |page, (name, value)| {
            page.with(name, value)
        });
        page.body(&output[(end + 4).min(output.len())..])
    })
}

fn base64(text: &str) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sign = SIGNS[(word >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= chunk.len() {
                char::from(sign)
            } else {
                '='
            });
        }
    }
    out
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=n",
        "-c",
        "user.email=a@b.test",
        "-c",
        "init.defaultBranch=main",
    ];
    let status = Command::new("git")
        .current_dir(folder)
        .args(identity)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("git runs").success(), "{arguments:?}");
}

/// A bare repository with one commit, which would accept a push.
fn repository(root: &Path) {
    let seed = root.join("seed");
    std::fs::create_dir(&seed).expect("a folder");
    git(&seed, &["init", "-q"]);
    std::fs::write(seed.join("file"), "first\n").expect("a file");
    git(&seed, &["add", "file"]);
    git(&seed, &["commit", "-qm", "first"]);
    git(root, &["clone", "-q", "--bare", "seed", "a.git"]);
    git(&root.join("a.git"), &["config", "http.receivepack", "true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clones_with_a_token_that_it_never_sees_and_a_push_asks_every_time() {
    if lacks("git") {
        return;
    }
    let root = tempfile::tempdir().expect("a folder");
    repository(root.path());
    let site = git_server(root.path().to_owned());
    let place = site.place();
    let setup = laptop().with(&format!(
        "[sandbox]\nallow_domains = [{place:?}]\nallow_private = [{place:?}]\n\
         git_tokens = {{ {place:?} = \"secret:forge\" }}\n"
    ));
    let world = world(with_secret(setup)).await;
    let owner = world.owner();
    let remote = url(&site, "/a.git");
    let identity = "git config user.name n && git config user.email a@b.test";
    let push = "git commit -q --allow-empty -m second && git push -q origin HEAD:refs/heads/main";
    // A push that hides in a script finds no open way; the clone has asked before.
    let request = script()
        .shell(&format!(
            "git clone -q {remote} copy && cat copy/file && env | grep -c canary"
        ))
        .shell(&format!(
            "cd copy && {identity} && echo '{push}' > p.sh && sh p.sh; echo ended with $?"
        ))
        .shell(&format!("cd copy && {push} && echo pushed"))
        .says("{last}");
    let task = owner.asks(&request.to_string()).await;
    let clone = says_yes(&owner).await;
    assert!(
        clone.arguments["command"]
            .as_str()
            .is_some_and(|line| line.contains("git clone"))
    );
    let asked = owner.is_asked().await;
    // The clone was a read from outside, and that asks before a push is looked at for what it is.
    assert_eq!(asked.rule, "after-external", "{asked:?}");
    let main = || {
        let out = Command::new("git")
            .args(["rev-list", "--count", "main"])
            .current_dir(root.path().join("a.git"))
            .output()
            .expect("git counts");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    };
    assert_eq!(main(), "1", "nothing was pushed before the yes");
    says_yes(&owner).await;
    // The hooks of the copy are asked about at the end.
    assert!(ends_with_yes(&owner, task).await.contains("pushed"));
    // Both commits: the one of the script, which never left, came along.
    assert!(main() != "1");
    let clones = events(&owner, task, AuditKind::EgressDecided).await;
    assert!(
        clones
            .iter()
            .any(|event| event.body["secrets"] == json!(["forge"]))
    );
    is_nowhere(&world).await;
}
