//! git over HTTPS from a real sandbox: clone and fetch with a token, no push.

use crate::harness::*;
use crate::server::{Certificates, Seen, Server};
use crate::swaps::{a_minute, swap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http_body_util::Full;
use hyper::body::Bytes;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use wardroom_sandbox::egress::*;

const PLACEHOLDER: &str = "wr-placeholder-0123456789abcdef";
const SECRET: &str = "hunter2-the-real-value";

/// Where the repositories of the server lie; a handler is a plain function.
static ROOT: OnceLock<PathBuf> = OnceLock::new();

/// git's own server side, for whoever shows the token.
fn forge(request: &Seen) -> Response<Full<Bytes>> {
    let token = format!("Basic {}", STANDARD.encode(format!("x-token:{SECRET}")));
    let shown = request.headers.get("authorization");
    if shown.is_none_or(|shown| shown != token.as_str()) {
        let asks = Response::builder()
            .status(401)
            .header("www-authenticate", "Basic realm=forge");
        return asks.body(Full::default()).unwrap();
    }
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", ROOT.get().unwrap())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "x-token")
        .env("REQUEST_METHOD", request.method.as_str())
        .env("PATH_INFO", request.uri.path())
        .env("QUERY_STRING", request.uri.query().unwrap_or(""))
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("HTTP_GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&request.body)
        .unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(&value[..3]),
            _ => response.header(name, value),
        };
    }
    response
        .body(Full::from(output[end + 4..].to_vec()))
        .unwrap()
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=n",
        "-c",
        "user.email=a@b",
        "-c",
        "init.defaultBranch=main",
    ];
    let status = Command::new("git")
        .current_dir(folder)
        .args(identity)
        .args(arguments)
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "{arguments:?}");
}

/// A bare repository with one commit, which would accept a push.
fn repository() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let seed = root.path().join("seed");
    std::fs::create_dir(&seed).unwrap();
    git(&seed, &["init", "-q"]);
    std::fs::write(seed.join("file"), "first\n").unwrap();
    git(&seed, &["add", "file"]);
    git(&seed, &["commit", "-qm", "first"]);
    git(root.path(), &["clone", "-q", "--bare", "seed", "a.git"]);
    git(
        &root.path().join("a.git"),
        &["config", "http.receivepack", "true"],
    );
    root
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_clones_and_fetches_with_a_token_and_does_not_push() {
    if !is_there("git") {
        return skipped("git is not installed here");
    }
    let root = repository();
    ROOT.set(root.path().into()).unwrap();
    let certificates = Certificates::new();
    let mut setup = Setup::new(&[]);
    let server = Server::start(setup.ip, 0, Some(certificates.server("open.test")), forge).await;
    let remote = format!("open.test:{}", server.port());
    setup.allow = vec![remote.clone()];
    setup.options.extra_roots = vec![certificates.root.clone()];
    let world = setup.start().await;
    world
        .proxy
        .lend(PLACEHOLDER, swap(&remote, a_minute(), Purpose::Git))
        .unwrap();
    std::fs::write(world.shelf.path().join("ca.pem"), world.proxy.ca_pem()).unwrap();
    let environment = "export https_proxy=http://127.0.0.1:3128 GIT_SSL_CAINFO=/opt/shelf/ca.pem GIT_TERMINAL_PROMPT=0; \
        git() { command git -c user.name=n -c user.email=a@b \"$@\"; }; ";
    let url = format!("https://x-token:{PLACEHOLDER}@{remote}/a.git");
    let inside = |script: &str| format!("{environment} {script}");

    let cloned = world
        .said(&inside(&format!(
            "git clone -q {url} work 2>&1; cat work/file"
        )))
        .await;
    assert_eq!(cloned, "first", "{:?}", world.decisions().await);
    let seed = root.path().join("seed");
    std::fs::write(seed.join("file"), "second\n").unwrap();
    git(&seed, &["commit", "-qam", "second"]);
    git(&seed, &["push", "-q", "../a.git", "HEAD:main"]);
    assert_eq!(
        world
            .said(&inside("cd work && git pull -q 2>&1; cat file"))
            .await,
        "second"
    );
    let decisions = world.decisions().await;
    assert!(
        decisions
            .iter()
            .any(|decision| decision.secrets == ["forge-token"]),
        "{decisions:?}"
    );

    let push =
        "cd work && echo mine >file && git commit -qam mine && git push -q 2>&1 && echo pushed";
    let refused = world.said(&inside(push)).await;
    assert!(
        refused.contains("403") && !refused.contains("pushed"),
        "{refused}"
    );
    assert!(
        world
            .decisions()
            .await
            .iter()
            .any(|decision| word(decision) == "git_push")
    );
    world.proxy.set_scope(Scope {
        git_push: GitPush::Permitted,
        ..Scope::default()
    });
    assert_eq!(
        world
            .said(&inside("cd work && git push -q 2>&1 && echo pushed"))
            .await,
        "pushed"
    );
    world.proxy.withdraw(PLACEHOLDER);
    let told = format!("{:?}", world.decisions().await);
    assert!(!told.contains(SECRET), "{told}");
    // Nothing of the secret is inside: not in the clone, not in the environment.
    assert_eq!(
        world
            .said(&format!("grep -r {SECRET} /workspace /home /tmp | wc -l"))
            .await,
        "0"
    );
}
