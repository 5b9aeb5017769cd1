//! The policy in versions, without a server.

use super::{wardroom, wardroom_with};
use std::path::Path;

fn set(data: &Path, document: &str) -> super::Run {
    wardroom_with(data, &["policy", "set", "-"], document, &[])
}

#[test]
fn a_policy_is_set_listed_explained_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert_eq!(
        wardroom(&data, &["user", "add", "owner", "--role", "overlord"]).code,
        0
    );
    let first = set(
        &data,
        "preset = \"enterprise\"\noutside_unasked = \"L1_MUTATING\"\n",
    );
    assert_eq!(
        (first.code, first.out.as_str()),
        (0, "version 1 is in force\n"),
        "{}",
        first.err
    );
    let second = set(
        &data,
        "[origins.webhook]\ndeny = [\"shell\"]\n[approvers]\nL1_MUTATING = \"admin\"\n",
    );
    assert_eq!(second.code, 0, "{}", second.err);

    let explain = |more: &[&str]| {
        let mut args = vec!["policy", "explain", "--json", "--tool", "shell", "--args"];
        args.push("{\"command\": \"git commit -m x\"}");
        args.extend(more);
        let run = wardroom(&data, &args);
        assert_eq!(run.code, 0, "{}", run.err);
        run.json()["on_host"].clone()
    };
    assert_eq!(
        explain(&[])["decision"],
        "allow",
        "what the first version said stays"
    );
    let hooked = explain(&["--origin", "webhook"]);
    assert_eq!(
        (&hooked["decision"], &hooked["rule"]),
        (&"deny".into(), &"origins.webhook.deny".into())
    );
    assert_eq!(explain(&["--after-external"])["rule"], "after-external");

    let history = wardroom(&data, &["policy", "history"]).out;
    assert!(history.starts_with("version 2, "), "{history}");
    assert!(history.contains("+deny = [\"shell\"]"), "{history}");
    let back = wardroom(&data, &["policy", "rollback", "1"]);
    assert_eq!(back.out, "version 3 is in force\n", "{}", back.err);
    assert_eq!(explain(&["--origin", "webhook"])["decision"], "allow");
    let none = wardroom(&data, &["policy", "rollback", "9"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("no policy version"), "{}", none.err);

    let events = wardroom(&data, &["audit", "list", "--json"]).out;
    assert_eq!(events.matches("policy.changed").count(), 3, "{events}");
    assert_eq!(wardroom(&data, &["audit", "verify"]).code, 0);
}

#[test]
fn what_cannot_come_into_force_is_refused_with_its_place_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert_eq!(
        wardroom(&data, &["user", "add", "owner", "--role", "overlord"]).code,
        0
    );
    assert_eq!(set(&data, "preset = \"consumer\"\n").code, 0);
    for (document, sentence) in [
        (
            "preset = \"consumr\"\n",
            "line 1: unknown variant `consumr`; did you mean `consumer`?",
        ),
        (
            "[roles.boss]\ntools = []\n",
            "line 1: unknown variant `boss`",
        ),
        (
            "rules = '''\n@id(\"x\")\nforbid (principal, action, resource)\nwhen { context.teir > 1 };\n'''\n",
            "line 4, rule `x`: attribute `teir` not found; did you mean `tier`?",
        ),
        (
            "rules = '''\n@id(\"x\")\nforbid (principal in Role::\"admin\", action, resource);\n'''\n",
            "lock every admin out",
        ),
        (
            "[approvers]\nL2_DESTRUCTIVE = \"member\"\n",
            "a member does not decide L2_DESTRUCTIVE",
        ),
    ] {
        let run = set(&data, document);
        assert_eq!(run.code, 1, "{document}");
        assert!(run.err.contains(sentence), "{document}: {}", run.err);
        assert!(run.err.contains("stays"), "{document}: {}", run.err);
    }
    let all = set(
        &data,
        "rules = '''\n@id(\"stop\")\nforbid (principal, action, resource);\n'''\n",
    );
    assert_eq!(all.code, 0, "{}", all.err);
    assert!(all.err.contains("forbids everything"), "{}", all.err);
    let table = wardroom(&data, &["policy", "table"]).out;
    assert!(
        table.contains("preset consumer") && !table.contains(" allow "),
        "{table}"
    );
    assert_eq!(wardroom(&data, &["policy", "rollback", "1"]).code, 0);
}

#[test]
fn rules_alone_and_a_persons_own_name_the_lines_of_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert_eq!(
        wardroom(&data, &["user", "add", "ann", "--role", "admin"]).code,
        0
    );
    let file = dir.path().join("mine.cedar");
    let path = file.to_str().unwrap().to_owned();
    std::fs::write(
        &file,
        "// mine\n@id(\"x\")\nforbid (principal, action, resource == Tool::\"shel\");\n",
    )
    .unwrap();
    for more in [&[][..], &["--user", "ann"]] {
        let run = wardroom(&data, &[&["policy", "set", &path], more].concat());
        assert!(
            run.err.contains("line 3") && run.err.contains("`shell`"),
            "{}",
            run.err
        );
    }
    std::fs::write(
        &file,
        "@id(\"x\")\nforbid (principal, action, resource == Tool::\"shell\");\n",
    )
    .unwrap();
    assert_eq!(
        wardroom(&data, &["policy", "set", &path, "--user", "ann"]).code,
        0
    );
    let explain = |who: &[&str]| {
        let args = [
            "policy",
            "explain",
            "--json",
            "--tool",
            "shell",
            "--args",
            "{\"command\": \"ls\"}",
        ];
        wardroom(&data, &[&args, who].concat()).json()["on_host"].clone()
    };
    assert_eq!(explain(&[])["decision"], "allow");
    let hers = explain(&["--as", "ann"]);
    assert_eq!(
        (&hers["decision"], &hers["source"]),
        (&"deny".into(), &"USER_OVERRIDE".into())
    );
}
