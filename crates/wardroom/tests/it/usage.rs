//! Asked wrongly, or with nobody to ask.

use super::{wardroom, wardroom_with};

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&[], "requires a subcommand"),
        (&["tak"], "unrecognized subcommand 'tak'"),
        (&["task", "show", "42"], "is not an id of the form `task_…`"),
        (
            &["task", "run", "x", "--priority", "11"],
            "priority is 11; it goes from 1",
        ),
        (
            &["task", "list", "--status", "ASLEEP"],
            "QUEUED, RUNNING, WAITING_APPROVAL",
        ),
        (
            &["user", "add", "bob", "--role", "king"],
            "viewer, member, operator, admin, overlord",
        ),
        (&["up", "--listen", "8700"], "such as 127.0.0.1:8700"),
        (&["up", "--profile", "ship"], "laptop, agenticai"),
        (
            &["policy", "explain", "--tool", "shell", "--args", "ls"],
            "it is no JSON",
        ),
        (&["sandbox", "run"], "<CMD>"),
    ];
    for (arguments, sentence) in cases {
        let run = wardroom(dir.path(), arguments);
        assert_eq!(
            (run.code, run.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            run.err
        );
        assert!(run.err.contains(sentence), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn without_a_server_the_way_to_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["task", "list"][..],
        &["chat", "hello"],
        &["approval", "list"],
    ] {
        let run = wardroom(dir.path(), arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
        assert!(
            run.err.contains("no Wardroom server answers at"),
            "{}",
            run.err
        );
        assert!(run.err.contains("`wardroom up`"), "{}", run.err);
    }
    let bad = wardroom(dir.path(), &["--server", "127.0.0.1:8700", "task", "list"]);
    assert_eq!(bad.code, 1);
    assert!(bad.err.contains("is no address of a server"), "{}", bad.err);
    let no_home = wardroom_with(std::path::Path::new(""), &["task", "list"], "", &[]);
    assert_eq!(no_home.code, 2, "{}", no_home.err);
}

#[test]
fn every_shell_gets_its_completions() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = wardroom(dir.path(), &["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("approval") && run.out.contains("completions"));
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let served = wardroom(dir.path(), &["openapi"]);
    assert!(
        served.json()["openapi"]
            .as_str()
            .unwrap()
            .starts_with("3.1")
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == served.out,
        "run `cargo xtask openapi` and read the difference"
    );
}
