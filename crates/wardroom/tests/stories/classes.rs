//! How a leading product was broken, class by class, as far as commands, files of a workspace and
//! the open door go: the same attempts, through our doors. Identities, roles and approvals are in
//! `others.rs`; `docs/security/classes.md` maps every class to its tests.

use crate::http::ask;
use crate::script::script;
use crate::{laptop, world};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use wardroom_api::approval::Verdict;
use wardroom_domain::{AuditKind, TaskStatus};

/// A verb of the real binary, started in a folder as somebody would who works there.
fn verb_in(folder: &Path, data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wardroom"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut pipe = child.stdin.take().expect("its input");
    pipe.write_all(input.as_bytes()).expect("it reads");
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

/// Commands that list checks over raw text let run, each beside the use that they were meant for.
#[rustfmt::skip]
const DISGUISED: &[(&str, &str, &str)] = &[
    ("28470: a substitution", "ls src", "ls $(rm -rf src)"),
    ("44115: a here-document expands", "cat <<'E'\n$(id>x)\nE", "cat <<E\n$(id>x)\nE"),
    ("28463: a glob in a program's place", "ls *", "./* a"),
    ("22169: an option that runs a program", "sort a.txt", "sort --compress-program=./x a.txt"),
    ("28363: the same option, abbreviated", "sort -u a.txt", "sort --compress-prog=./x a.txt"),
    ("53861: flags run together", "sort -u a.txt", "sort -uo/etc/cron.d/a a.txt"),
    ("53861: flags run together, in place", "sed -n p a.txt", "sed -ni p a.txt"),
    ("53855: positional parameters", "set -- a.txt; cat a.txt", "set -- rm -rf src; \"$@\""),
    ("41380: a wrapper is what it wraps", "env ls", "env rm -rf src"),
    ("53848: a transparent wrapper", "timeout 5 ls", "timeout 5 nice stdbuf -o0 rm -rf src"),
    ("53848: a shell inside a shell", "sh -c ls", "sh -c 'sh -c \"rm -rf src\"'"),
    ("53864: a variable that loads code", "node --version", "NODE_OPTIONS=--require=./x.js node -p 1"),
    ("53842: a variable that changes the path", "ls", "PATH=.:$PATH ls"),
    ("53842: a variable that is a program", "git log", "GIT_SSH_COMMAND='sh -c id' git log"),
    ("128470: a pipe", "cat a.txt | head", "cat a.txt | sh"),
    ("configuration that is a program", "git log", "git -c core.pager='sh -c \"rm a\"' log"),
    ("an action among tests", "find . -name a", "find . -name a -exec rm {} ;"),
    ("an archive's checkpoint", "tar -tf a.tar", "tar -tf a.tar --checkpoint-act=exec=sh"),
    ("a script in another language", "awk '{print $1}' a.txt", "awk 'BEGIN{system(\"rm a\")}'"),
    ("credentials by another spelling", "cat /etc/hostname", "cat /e?c/sh*w"),
    ("a list of names shows its lines", "file -f list.txt", "file -f /etc/shadow"),
];

#[test]
fn a_command_is_judged_by_what_it_runs_however_it_is_spelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines: String = DISGUISED
        .iter()
        .flat_map(|(_, plain, disguised)| [plain, disguised])
        .map(|command| format!("{}\n", json!({"command": command})))
        .collect();
    let judged = verb_in(
        folder.path(),
        &folder.path().join("data"),
        &["policy", "classify", "--json"],
        &lines,
    );
    let judged = String::from_utf8_lossy(&judged.stdout).into_owned();
    let decisions: Vec<Value> = judged
        .lines()
        .map(|line| serde_json::from_str(line).expect("a verdict"))
        .collect();
    assert_eq!(decisions.len(), 2 * DISGUISED.len(), "{judged}");
    for (pair, (class, _, _)) in decisions.chunks(2).zip(DISGUISED) {
        assert_eq!(pair[0]["decision"], "allow", "{class}: {}", pair[0]);
        assert_eq!(pair[1]["decision"], "ask", "{class}: {}", pair[1]);
    }
}

/// What a workspace brings along to be obeyed by whoever works in it.
fn hostile(mark: &Path) -> Vec<(String, String)> {
    let run = format!("touch {}", mark.display());
    let program = format!("#!/bin/sh\n{run}\n");
    let file = |name: &str, text: String| (name.to_owned(), text);
    vec![
        file("notes.md", "one\n".to_owned()),
        file(
            ".env",
            "WARDROOM_DATA=./theirs\nWARDROOM_CONFIG=./wardroom.toml\nLD_PRELOAD=./x.so\n"
                .to_owned(),
        ),
        file(
            "wardroom.toml",
            "[policy]\npreset = \"open\"\nallow_bypass = true\n".to_owned(),
        ),
        file(
            ".git/config",
            format!(
                "[core]\n\tfsmonitor = {run}\n\tpager = {run}\n[diff]\n\texternal = {run}\n\
                 [filter \"x\"]\n\tclean = {run}\n"
            ),
        ),
        file(".git/HEAD", "ref: refs/heads/main\n".to_owned()),
        file(".gitattributes", "* filter=x diff=x\n".to_owned()),
        file("git", program.clone()),
        file("sh", program.clone()),
        file("ls", program),
        file(
            "package.json",
            format!("{{\"scripts\":{{\"preinstall\":\"{run}\"}}}}"),
        ),
        file(
            ".cargo/config.toml",
            "[build]\nrustc-wrapper = \"./sh\"\n".to_owned(),
        ),
        file(
            "sitecustomize.py",
            format!("import os\nos.system({run:?})\n"),
        ),
    ]
}

/// CVE-2026-41396, 53819, 53842, 53846, 53858, 53865, 24763: what lies in a workspace set variables,
/// stood for programs, or was read as configuration.
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_a_workspace_configures_and_runs_nothing_of_the_host() {
    use std::os::unix::fs::PermissionsExt;
    let world = world(laptop()).await;
    let owner = world.owner();
    let mark = world.folder().join("it-ran");
    let files = hostile(&mark);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let folder = world.project(&files);
    for program in ["git", "sh", "ls"] {
        fs::set_permissions(folder.join(program), fs::Permissions::from_mode(0o755))
            .expect("its mode");
    }
    let workspace = owner.opens(&folder).await;
    for verb in [
        &["policy", "table"][..],
        &["task", "list"],
        &["doctor"],
        &["config", "check"],
    ] {
        let before = verb_in(world.folder(), &world.data(), verb, "");
        let inside = verb_in(&folder, &world.data(), verb, "");
        assert_eq!(inside.status.code(), before.status.code(), "{verb:?}");
    }
    let table = verb_in(&folder, &world.data(), &["policy", "table"], "");
    let elsewhere = verb_in(world.folder(), &world.data(), &["policy", "table"], "");
    assert_eq!(table.stdout, elsewhere.stdout, "its policy is nobody's");
    let work = script().shell("echo two >> notes.md").says("Written.");
    let task = owner.asks_in(&work.to_string(), workspace).await;
    let question = owner.is_asked().await;
    assert_eq!((question.task, question.tool.as_str()), (task, "apply"));
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a decision");
    owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(
        fs::read_to_string(folder.join("notes.md")).expect("it"),
        "one\ntwo\n"
    );
    let undone = world.verb(&["task", "undo", &task.to_string()]);
    assert!(undone.is_ok(), "{undone:?}");
    assert!(!mark.exists(), "something of the workspace ran on the host");
    assert!(!folder.join("theirs").exists(), "its .env moved our data");
}

/// CVE-2026-28478, 29612, 41405, 62210, 35673, 41372, 53859: work for nobody before a token is
/// looked at, doors left open for debugging, and names that only end otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_costs_little_and_finds_no_other_door() {
    let world = world(laptop()).await;
    let huge = vec![b'x'; 40 << 20];
    for door in [
        "/v1/messages",
        "/v1/sessions",
        "/hooks/telegram/main",
        "/v1/files",
    ] {
        let answer = ask(&world, &format!("POST {door}"))
            .json(huge.clone())
            .send();
        assert!(
            matches!(answer.status, 401 | 403 | 404 | 413),
            "{door}: {} {}",
            answer.status,
            answer.body
        );
    }
    for door in [
        "/debug",
        "/debug/pprof",
        "/v1/debug",
        "/v1/tools/invoke",
        "/tools/invoke",
        "/cdp",
        "/json/version",
        "/actuator",
        "/v1/config",
        "/config.apply",
        "/v1/../data",
        "/%2e%2e/data/master.key",
        "/.env",
    ] {
        let answer = ask(&world, &format!("GET {door}")).send();
        assert!(
            matches!(answer.status, 400 | 401 | 404),
            "{door}: {}",
            answer.status
        );
    }
    let owner = world.owner();
    assert_eq!(
        owner.says("hello", None).await.tasks.len(),
        0,
        "it still answers"
    );
    let mut visits = script();
    let forms = [
        "http://localhost./",
        "http://169.254.169.254./latest/",
        "http://127.0.0.1.:80/",
    ];
    for form in forms {
        visits = visits.calls("http_fetch", json!({"url": form}));
    }
    let task = owner.asks(&visits.says("done").to_string()).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let refused = wardroom_api::audit::AuditFilter {
        kind: Some(AuditKind::EffectRefused),
        task: Some(task),
        ..Default::default()
    };
    let refused = owner.client.audit_events(&refused).await.expect("the log");
    assert_eq!(refused.events.len(), forms.len(), "{:?}", refused.events);
}
