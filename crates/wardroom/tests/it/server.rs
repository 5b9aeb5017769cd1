//! A server of our own, reached as a person's terminal and as a stranger's script reach it.

use super::{Run, wardroom, wardroom_with};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `wardroom up`.
pub(super) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts it; what it logs goes beside its data directory.
    pub(super) fn start(data: &Path) -> Self {
        let log = std::fs::File::create(data.with_extension("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_wardroom"))
            .args(["up", "--listen", "127.0.0.1:0", "--ready-json"])
            .env_clear()
            .env("WARDROOM_DATA", data)
            .env("PATH", "/usr/bin:/bin")
            .env("WARDROOM_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(
            line.starts_with("{\"ready\":true,\"url\":\"http://127.0.0.1:"),
            "{line}"
        );
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["pid"].as_u64(), Some(child.id().into()));
        Self {
            url: ready["url"].as_str().unwrap().to_owned(),
            child,
        }
    }

    /// Asks over the network, as this token's person.
    pub(super) fn remote(&self, token: &str, arguments: &[&str]) -> Run {
        let arguments = [&["--server", &self.url], arguments].concat();
        wardroom_with(
            Path::new("/nowhere"),
            &arguments,
            "",
            &[("WARDROOM_TOKEN", token)],
        )
    }

    /// Stops it gently, and answers how it ended.
    pub(super) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves no server behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_is_found_by_its_folder_or_its_address_and_stops_gently() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);

    let hello = wardroom(&data, &["chat", "hello", "--json"]);
    assert_eq!(hello.code, 0, "{}", hello.err);
    assert!(
        hello.json()["reply"]
            .as_str()
            .unwrap()
            .starts_with("Hello!")
    );

    let token = wardroom(&data, &["token", "create", "--user", "owner"]).out;
    let listed = server.remote(token.trim(), &["task", "list", "--json"]);
    assert_eq!(
        (listed.code, &listed.json()["tasks"]),
        (0, &serde_json::json!([]))
    );
    let stranger = server.remote("wr_guessed", &["task", "list"]);
    assert_eq!((stranger.code, stranger.out.as_str()), (1, ""));
    assert!(
        stranger.err.contains("wardroom token create"),
        "{}",
        stranger.err
    );
    let unknown = server.remote(
        token.trim(),
        &["task", "show", "task_01M7Z3M2Y4HNSS9GAPT1YT937C"],
    );
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("Check the id"), "{}", unknown.err);

    let second = wardroom(&data, &["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 1);
    assert!(
        second.err.contains("is in use by process"),
        "{}",
        second.err
    );

    assert!(server.child.try_wait().unwrap().is_none());
    assert_eq!(server.stop(), Some(0));
    let verified = wardroom(&data, &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn a_port_in_use_is_named_with_the_way_around_it() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = wardroom(dir.path(), &["up", "--listen", &address]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(
        run.err.contains(&address) && run.err.contains("--listen"),
        "{}",
        run.err
    );
}

#[test]
fn the_demo_applies_one_diff_and_verifies_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let unasked = wardroom(dir.path(), &["demo"]);
    assert_eq!(unasked.code, 1);
    assert!(unasked.err.contains("wardroom demo --yes"));
    let run = wardroom(dir.path(), &["demo", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("3 files removed") && run.err.contains("audit log is intact"));
    assert!(!run.err.contains("untrusted"), "marks are for models");
    assert!(run.out.contains("Undo: wardroom task undo task_"));
}
