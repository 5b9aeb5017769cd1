use super::*;
use serde_json::json;
use wardroom_domain::Timestamp;

fn workspace() -> WorkspaceId {
    WorkspaceId::mint(Timestamp::from_micros(1), 1)
}

fn call(tool: &str, arguments: serde_json::Value) -> ToolCall {
    ToolCall {
        id: "1".into(),
        tool: tool.into(),
        arguments,
    }
}

fn integrity_of(root: &Path, place: &str, known: &[FileLabel]) -> Integrity {
    let place = resolve(root, place).unwrap();
    of_files(root, &place, known.to_vec(), workspace()).integrity
}

#[test]
fn a_file_carries_what_was_recorded_of_it_and_else_counts_as_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert_eq!(
        integrity_of(root, ".", &[]),
        Integrity::Owner,
        "nothing stands there"
    );
    std::fs::create_dir_all(root.join("notes")).unwrap();
    std::fs::write(root.join("notes/mine.md"), "mine").unwrap();
    std::fs::write(root.join("page.html"), "theirs").unwrap();
    let typed = Labels::owner("user_a");
    let mine = label(root, &root.join("notes/mine.md"), &typed).unwrap();
    let theirs = label(root, &root.join("page.html"), &Labels::external()).unwrap();
    let known = [mine, theirs];
    assert_eq!(integrity_of(root, "notes", &known), Integrity::Owner);
    assert_eq!(
        integrity_of(root, "/workspace/notes/mine.md", &known),
        Integrity::Owner
    );
    assert_eq!(integrity_of(root, "page.html", &known), Integrity::External);
    assert_eq!(
        integrity_of(root, ".", &known),
        Integrity::External,
        "all of it"
    );
    assert_eq!(
        integrity_of(root, "notes", &known[1..]),
        Integrity::External,
        "unrecorded"
    );
    std::fs::write(root.join("notes/mine.md"), "changed by somebody").unwrap();
    assert_eq!(
        integrity_of(root, "notes", &known),
        Integrity::External,
        "another file now"
    );
    std::os::unix::fs::symlink("../page.html", root.join("notes/link")).unwrap();
    assert_eq!(
        resolve(root, "notes/link"),
        Some(root.to_owned()),
        "a link may lead anywhere"
    );
    assert_eq!(resolve(root, "notes/../../.."), Some(root.to_owned()));
}

#[test]
fn what_reads_nothing_brings_nothing() {
    let root = Path::new("/nowhere");
    let view = Some(RetryClass::View);
    let sees = |tool: &str, arguments| sight(&call(tool, arguments), view, root);
    assert_eq!(
        sees("file_write", json!({"path": "a", "content": "b"})),
        Sight::Nothing
    );
    assert_eq!(sees("file_read", json!({"path": "/tmp/x"})), Sight::Nothing);
    assert_eq!(
        sees("file_read", json!({"path": "a"})),
        Sight::Beneath(root.join("a"))
    );
    assert_eq!(
        sees("shell", json!({"command": "true"})),
        Sight::Beneath(root.to_owned())
    );
    assert_eq!(
        sees("some_new_tool", json!({})),
        Sight::Beneath(root.to_owned())
    );
}
