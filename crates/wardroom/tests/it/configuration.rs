//! A configuration that cannot be meant.

use super::{wardroom, wardroom_with};
use std::fs;

#[test]
fn a_bad_configuration_is_refused_with_line_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        (
            "[server]\nlistn = \"127.0.0.1:1\"\n",
            "line 2: there is no key `server.listn`; the nearest known key is `server.listen`",
        ),
        (
            "[models.a]\nprovider = \"openai\"\napi_key = \"sk-live\"\n",
            "line 3: `models.a.api_key` holds a secret in plain text",
        ),
        (
            "[store]\nurl = \"mysql://me:pw@host/db\"\n",
            "line 2: `store.url`: `…@host/db` cannot be used",
        ),
        ("profile = \"laptop\n", "line 1 is not TOML"),
    ];
    for (text, sentence) in cases {
        fs::write(dir.path().join("wardroom.toml"), text).unwrap();
        for verb in [&["config", "check"][..], &["up"], &["audit", "verify"]] {
            let run = wardroom(dir.path(), verb);
            assert_eq!(
                (run.code, run.out.as_str()),
                (1, ""),
                "{verb:?}: {}",
                run.err
            );
            assert!(run.err.contains(sentence), "{}", run.err);
            assert!(
                !run.err.contains("sk-live") && !run.err.contains("pw@"),
                "{}",
                run.err
            );
        }
    }
}

#[test]
fn the_environment_and_a_named_file_count() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("other.toml");
    fs::write(&file, "profile = \"agenticai\"\n").unwrap();
    let env = [("WARDROOM_SERVER__LISTEN", "127.0.0.1:9999")];
    let file = file.to_str().unwrap();
    let run = wardroom_with(
        dir.path(),
        &["--config", file, "config", "check", "--json"],
        "",
        &env,
    );
    assert_eq!(run.code, 0, "{}", run.err);
    let said = run.json();
    assert_eq!(said["preset"], "enterprise");
    assert_eq!(said["listen"], "127.0.0.1:9999");

    let missing = wardroom(
        dir.path(),
        &["--config", "/nowhere/w.toml", "config", "check"],
    );
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("/nowhere/w.toml cannot be read"),
        "{}",
        missing.err
    );
}
