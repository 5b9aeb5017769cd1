//! What works without a server.

use super::{wardroom, wardroom_with};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn people_and_tokens_are_looked_after_and_the_record_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let added = wardroom(&data, &["user", "add", "bob", "--role", "member"]);
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(added.out.starts_with("user_"));
    let again = wardroom(&data, &["user", "add", "bob", "--role", "member"]);
    assert_eq!(again.code, 1);
    assert!(
        again.err.contains("the name `bob` is taken"),
        "{}",
        again.err
    );
    let nobody = wardroom(&data, &["token", "create", "--user", "eve"]);
    assert!(
        nobody.err.contains("there is nobody named `eve`"),
        "{}",
        nobody.err
    );

    let token = wardroom(&data, &["token", "create", "--user", "bob", "--name", "ci"]);
    assert_eq!(
        token.out.trim().lines().count(),
        1,
        "only the token stands on stdout"
    );
    let listed = wardroom(&data, &["token", "list", "--json"]);
    assert!(
        !listed.out.contains(token.out.trim()),
        "a secret is shown once"
    );
    let id = listed.json()["tokens"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(wardroom(&data, &["token", "revoke", &id]).code, 0);

    assert_eq!(
        wardroom(&data, &["user", "set-role", "bob", "operator"]).code,
        0
    );
    assert_eq!(
        wardroom_with(
            &data,
            &["user", "password", "bob"],
            "a long password\n",
            &[]
        )
        .code,
        0
    );
    assert_eq!(
        wardroom_with(&data, &["user", "password", "bob"], "short\n", &[]).code,
        1
    );
    assert_eq!(wardroom(&data, &["user", "suspend", "bob"]).code, 0);
    assert_eq!(wardroom(&data, &["user", "remove", "bob"]).code, 0);
    let users = wardroom(&data, &["user", "list", "--json"]).json();
    assert_eq!(users["users"][0]["status"], "removed");

    let verified = wardroom(&data, &["audit", "verify", "--json"]);
    assert_eq!(
        (verified.code, verified.json()["events"].as_u64()),
        (0, Some(7))
    );
    let events = wardroom(
        &data,
        &["audit", "list", "--kind", "token.changed", "--json"],
    )
    .json();
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
    assert!(!events.to_string().contains(token.out.trim()));
    assert_eq!(
        fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn an_export_is_checked_by_its_key_and_a_forged_line_is_named() {
    let dir = tempfile::tempdir().unwrap();
    wardroom(dir.path(), &["user", "add", "bob", "--role", "member"]);
    let export = dir.path().join("audit.jsonl");
    let export = export.to_str().unwrap();
    assert_eq!(
        wardroom(dir.path(), &["audit", "export", "--to", export]).code,
        0
    );
    assert_eq!(
        wardroom(dir.path(), &["audit", "verify", "--file", export]).code,
        0
    );
    let forged = fs::read_to_string(export)
        .unwrap()
        .replace("\"member\"", "\"admin\"");
    fs::write(export, forged).unwrap();
    let run = wardroom(dir.path(), &["audit", "verify", "--file", export]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("record 1 of chain org"), "{}", run.out);
}

#[test]
fn lines_are_judged_in_their_order_and_a_bad_one_keeps_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "{\"id\":1,\"command\":\"ls\"}\n\nnot json\n{\"id\":3,\"command\":\"rm -rf ~\"}\n";
    let run = wardroom_with(dir.path(), &["policy", "classify", "--json"], lines, &[]);
    assert_eq!(run.code, 1);
    let rows: Vec<serde_json::Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&rows[0]["id"], &rows[0]["decision"]),
        (&1.into(), &"allow".into())
    );
    assert!(
        rows[1]["error"]
            .as_str()
            .unwrap()
            .starts_with("line 3: it is no JSON")
    );
    assert_eq!(
        (&rows[2]["id"], &rows[2]["decision"]),
        (&3.into(), &"ask".into())
    );
    let text = "{\"text\":\"ok\\u001b[2J\"}\n";
    let run = wardroom_with(dir.path(), &["sanitize", "--json"], text, &[]);
    let row: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    assert_eq!((run.code, &row["clean"]), (0, &"ok".into()));
    assert!(row["score"].is_f64() && row["categories"].is_array());
}

#[test]
fn a_command_in_the_sandbox_speaks_through_and_fails_through() {
    let dir = tempfile::tempdir().unwrap();
    let run = wardroom(
        dir.path(),
        &["sandbox", "run", "--", "sh", "-c", "pwd; echo err >&2"],
    );
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "/workspace\n"),
        "{}",
        run.err
    );
    assert!(run.err.starts_with("err\n"));
    let run = wardroom(dir.path(), &["sandbox", "run", "--", "sh", "-c", "exit 3"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("ended with status 3"), "{}", run.err);
    let doctor = wardroom(dir.path(), &["doctor", "sandbox", "--json"]);
    assert_eq!(
        (doctor.code, &doctor.json()["ok"]),
        (0, &true.into()),
        "{}",
        doctor.out
    );
}
