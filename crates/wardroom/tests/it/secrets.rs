//! A key that a person stores and nobody reads back: from stdin into the vault, from there to the
//! model, and nowhere else.

use super::server::Server;
use super::{wardroom, wardroom_with};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use wardroom_llm::Role;
use wardroom_testkit::models::{Asked, Dialect, ModelStandIn, Options, Said};

const CANARY: &str = "canary-1f0c9a52-of-openai";
const NEXT: &str = "canary-77be01d4-of-openai";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let inside = entries.flat_map(|entry| {
        let kind = entry.file_type().unwrap();
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => files(&entry.path()),
            (_, true) => vec![entry.path()],
            // Sockets and links hold nothing.
            _ => vec![],
        }
    });
    inside.collect()
}

/// The files under a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|at| at == text.as_bytes())
    };
    files(folder).into_iter().filter(holds).collect()
}

/// A model that wants this key. It has tasks print one that looks the same.
async fn model(key: &'static str) -> ModelStandIn {
    let (head, tail) = key.split_at(10);
    let answers = move |asked: &Asked| {
        let messages = &asked.request.messages;
        let is_task = messages
            .iter()
            .any(|message| format!("{message:?}").contains("print the key"));
        match is_task && messages.iter().all(|message| message.role != Role::Tool) {
            true => Said::call(
                "shell",
                json!({"command": format!("printf %s%s {head} {tail}")}),
            ),
            false => Said::text("Hello."),
        }
    };
    let options = Options::new(Dialect::OpenAi, key);
    ModelStandIn::start(options, answers).await.unwrap()
}

fn configure(data: &Path, model: &ModelStandIn) {
    let lines = format!(
        "[models.default]\nprovider = \"openai\"\nmodel = \"m\"\nbase_url = \"{}\"\n\
         api_key = \"secret:openai\"\nretries_max = 0\n",
        model.base_url()
    );
    fs::create_dir_all(data).unwrap();
    fs::write(data.join("wardroom.toml"), lines).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_from_stdin_to_the_model_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = model(CANARY).await;
    configure(&data, &first);
    let unset = wardroom(&data, &["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(unset.code, 1);
    assert!(
        unset.err.contains("run `wardroom secret set openai`"),
        "{}",
        unset.err
    );

    let set = |value: &str| wardroom_with(&data, &["secret", "set", "openai"], value, &[]);
    assert!(set("\n").err.contains("is empty"));
    let stored = set(&format!("{CANARY}\n"));
    assert_eq!(
        (stored.code, stored.out.as_str()),
        (0, ""),
        "{}",
        stored.err
    );
    let key = fs::metadata(data.join("keys/master.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    let server = Server::start(&data);
    let hello = wardroom(&data, &["chat", "hello", "--json"]);
    assert_eq!(hello.code, 0, "{}", hello.err);
    assert_eq!(hello.json()["reply"], "Hello.");
    let task = wardroom(&data, &["task", "run", "print the key", "--wait"]);
    assert_eq!(task.code, 0, "{}", task.err);
    let asked = first
        .recorded()
        .into_iter()
        .map(|asked| asked.body.to_string());
    let asked = asked.collect::<String>();
    assert!(asked.contains("[redacted: openai]") && !asked.contains(CANARY));
    // Through the running server, too, and for its overlord alone.
    assert_eq!(set(NEXT).code, 0);
    let listed = wardroom(&data, &["secret", "list", "--json"]).json();
    assert_eq!(listed["secrets"][0]["version"], 2);
    assert!(!listed.to_string().contains("canary"));
    wardroom(&data, &["user", "add", "bob", "--role", "admin"]);
    let token = wardroom(&data, &["token", "create", "--user", "bob"]).out;
    for arguments in [&["secret", "list"][..], &["secret", "remove", "openai"]] {
        let refused = server.remote(token.trim(), arguments);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("role overlord"), "{}", refused.err);
    }
    assert_eq!(server.stop(), Some(0));

    // The running server used the next version at once, and the next start does.
    let second = model(NEXT).await;
    configure(&data, &second);
    let server = Server::start(&data);
    assert_eq!(wardroom(&data, &["chat", "hello", "--json"]).code, 0);
    assert_eq!(server.stop(), Some(0));

    let kind = ["audit", "list", "--kind", "secret.touched", "--json"];
    let events = wardroom(&data, &kind).json();
    let events = events["events"].as_array().unwrap();
    let purposes: Vec<_> = events
        .iter()
        .map(|event| (&event["body"]["purpose"], &event["body"]["version"]))
        .map(|(purpose, version)| format!("{} {version}", purpose.as_str().unwrap()))
        .collect();
    assert_eq!(
        purposes,
        [
            "used for model default 2",
            "used for model default 2",
            "set 2",
            "used for model default 1",
            "set 1"
        ]
    );
    let export = dir.path().join("audit.jsonl");
    wardroom(
        &data,
        &["audit", "export", "--to", export.to_str().unwrap()],
    );
    for canary in [CANARY, NEXT] {
        let found = holding(dir.path(), canary);
        assert!(found.is_empty(), "{found:?}");
    }
    // The control: what is no secret is found, in the data, the log and the export.
    assert!(!holding(&data, "[redacted: openai]").is_empty());
    assert!(!holding(dir.path(), "secret.touched").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_changes_while_the_server_runs_and_a_cut_off_change_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let model = model(CANARY).await;
    configure(&data, &model);
    let set = |name: &str, value: &str| wardroom_with(&data, &["secret", "set", name], value, &[]);
    assert_eq!(set("openai", CANARY).code, 0);
    let file = data.join("keys/master.key");
    let first = fs::read_to_string(&file).unwrap();
    let server = Server::start(&data);
    let rotated = wardroom(&data, &["secret", "rotate-key"]);
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    assert!(
        rotated.err.contains("1 secrets are sealed"),
        "{}",
        rotated.err
    );
    let second = fs::read_to_string(&file).unwrap();
    assert_ne!(first, second);
    assert_eq!(
        set("other", "another value").code,
        0,
        "sealed under the new key"
    );
    assert_eq!(server.stop(), Some(0));
    // The old key opens nothing any more, the new one what the next start needs.
    let wrong = wardroom_with(
        &data,
        &["up", "--listen", "127.0.0.1:0"],
        "",
        &[("WARDROOM_MASTER_KEY", &first)],
    );
    assert!(
        wrong.err.contains("sealed with another master key"),
        "{}",
        wrong.err
    );
    // Offline, and cut off between the store and the file.
    assert_eq!(wardroom(&data, &["secret", "rotate-key"]).code, 0);
    fs::rename(&file, data.join("keys/master.key.next")).unwrap();
    fs::write(&file, &second).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::start(&data);
    assert_eq!(wardroom(&data, &["chat", "hello", "--json"]).code, 0);
    assert_eq!(server.stop(), Some(0));
    assert!(!data.join("keys/master.key.next").exists());
    let given = [("WARDROOM_MASTER_KEY", second.as_str())];
    let refused = wardroom_with(&data, &["secret", "rotate-key"], "", &given);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("is changed there"), "{}", refused.err);
}

#[test]
fn a_lost_or_wrong_master_key_is_told_and_a_removed_secret_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let set = |name: &str, env: &[(&str, &str)]| {
        wardroom_with(&data, &["secret", "set", name], "value", env)
    };
    assert_eq!(set("a", &[]).code, 0);
    fs::rename(data.join("keys/master.key"), dir.path().join("kept")).unwrap();
    let lost = set("b", &[]);
    assert_eq!(lost.code, 1);
    assert!(lost.err.contains("put it back"), "{}", lost.err);

    let text = fs::read_to_string(dir.path().join("kept")).unwrap();
    assert_eq!(set("b", &[("WARDROOM_MASTER_KEY", &text)]).code, 0);
    fs::create_dir(dir.path().join("credentials")).unwrap();
    let credential = dir.path().join("credentials/wardroom-master-key");
    fs::write(credential, format!("{text}\n")).unwrap();
    let folder = dir.path().join("credentials");
    let credentials = [("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())];
    assert_eq!(set("c", &credentials).code, 0);
    let unfit = set("d", &[("WARDROOM_MASTER_KEY", "hello")]);
    assert!(
        unfit.err.contains("WARDROOM_MASTER_KEY does not hold"),
        "{}",
        unfit.err
    );

    let lines = "[models.default]\nprovider = \"openai\"\nmodel = \"m\"\napi_key = \"secret:a\"\n";
    fs::write(data.join("wardroom.toml"), lines).unwrap();
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let up = ["up", "--listen", "127.0.0.1:0"];
    let wrong = wardroom_with(&data, &up, "", &[("WARDROOM_MASTER_KEY", other)]);
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.err.contains("sealed with another master key"),
        "{}",
        wrong.err
    );
    assert_eq!(wardroom(&data, &["secret", "remove", "a"]).code, 0);
    assert_eq!(wardroom(&data, &["secret", "remove", "a"]).code, 1);
    assert_eq!(wardroom(&data, &["secret", "set", "a b"]).code, 2);
}
