//! A runner that lies: in a real sandbox, on the other end of a real stream. Each lie ends the lie's
//! own sandbox and nothing else.
//!
//! The liar is a script, because an honest runner offers no way to make it lie; perl is part of
//! every Debian.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wardroom_domain::{Digest, Effect, EffectId, RetryClass, RiskTier, TaskId, ToolCall, limits};
use wardroom_executors::protocol::Done;
use wardroom_executors::{
    Equipment, Errand, Executor, Hands, NoHands, Passage, RunnerFault, Workbench,
};
use wardroom_policy::Permit;
use wardroom_policy::decide::{Approvers, Policy, Preset};
use wardroom_sandbox::{Demands, DestroyReason, Limits, NativeProvider, WorkspaceMount};

/// What every liar knows of the protocol, and its lie.
const PROTOCOL: &str = r#"#!/usr/bin/perl
use strict; binmode STDIN; binmode STDOUT; $| = 1;
sub frame { print pack('N', length $_[0]), $_[0]; }
sub hello { frame('{"frame":"hello","tools":[]}'); }
sub call {
    read(STDIN, my $head, 4) == 4 or exit;
    read(STDIN, my $body, unpack('N', $head));
    my ($id) = $body =~ /"action":"([^"]*)"/; my ($fence) = $body =~ /"fence":(\d+)/;
    return ($id, $fence);
}
sub done { my ($id, $fence, $text) = @_;
    frame(qq({"frame":"done","action":"$id","fence":$fence,"is_error":false,"text":"$text","detail":null})); }
"#;

const HONEST: &str = "hello(); while (1) { my ($id, $fence) = call(); done($id, $fence, 'done'); }";

struct Liar {
    _keep: tempfile::TempDir,
    hands: Hands,
}

fn liar(lie: &str) -> Liar {
    let keep = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(keep.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
    let script = keep.path().join("runner");
    std::fs::write(&script, format!("{PROTOCOL}{lie}\n")).expect("a script");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("its mode");
    Liar {
        hands: hands(&script),
        _keep: keep,
    }
}

fn hands(runner: &Path) -> Hands {
    Hands::new(
        Arc::new(NativeProvider::new()),
        PathBuf::from(runner),
        Limits::default(),
        Demands::default(),
    )
}

async fn try_open(liar: &Liar, name: &str) -> Result<Executor, NoHands> {
    let bench = Workbench {
        id: name.to_owned(),
        mount: WorkspaceMount::Scratch {
            bytes: 1 << 20,
            inodes: 100,
        },
        volume: None,
        protected: Vec::new(),
        shown: Vec::new(),
        level: None,
    };
    liar.hands.open(bench, None).await
}

async fn open(liar: &Liar, name: &str) -> Executor {
    try_open(liar, name).await.expect("a sandbox")
}

/// A permitted call. How a permit is come by is policy's affair, and tested there.
fn errand(number: u32, tool: &str) -> Permit<Errand> {
    let task = TaskId::derived(&Digest::of(&"a task"));
    let call = ToolCall {
        id: number.to_string(),
        tool: tool.to_owned(),
        arguments: serde_json::json!({"command": "true"}),
    };
    let effect = Effect {
        id: EffectId::derived(&Digest::of(&number)),
        task,
        call,
        tier: RiskTier::L1Mutating,
        class: RetryClass::View,
        digest: Digest::of(&number),
    };
    let policy = Policy::new(Preset::Consumer, Approvers::default());
    policy.speak(Errand {
        effect,
        fence: 7,
        timeout: Duration::ZERO,
        foreign: None,
        passage: Passage::Shut,
    })
}

async fn carry(executor: &mut Executor, number: u32) -> Result<Done, RunnerFault> {
    executor
        .carry(errand(number, "shell"), Equipment::default(), &mut |_| {})
        .await
}

/// Tells a lie while an honest neighbour works beside it.
async fn is_caught(name: &str, lie: &str) -> String {
    let honest = liar(HONEST);
    let mut neighbour = open(&honest, &format!("{name}-neighbour")).await;
    let liar = liar(&format!("hello(); {lie}"));
    let mut executor = open(&liar, name).await;
    let fault = match carry(&mut executor, 1).await {
        Err(fault) => fault,
        Ok(_) => carry(&mut executor, 2).await.expect_err("a lie"),
    };
    executor.close(DestroyReason::Cancelled).await;
    let done = carry(&mut neighbour, 3).await.expect("an honest answer");
    assert_eq!((done.text.as_str(), done.fence), ("done", 7));
    neighbour.close(DestroyReason::Finished).await;
    fault.to_string()
}

#[tokio::test]
async fn an_honest_runner_is_believed() {
    let honest = liar(HONEST);
    let mut executor = open(&honest, "honest").await;
    for number in 0..3 {
        assert_eq!(
            carry(&mut executor, number).await.expect("done").text,
            "done"
        );
    }
    executor.close(DestroyReason::Finished).await;
}

#[tokio::test]
async fn an_answer_to_another_call_is_a_lie() {
    let lie = "my ($id, $fence) = call(); done('eff_00000000000000000000000000', $fence, 'x');";
    assert!(
        is_caught("wrong-id", lie)
            .await
            .contains("an answer to another call")
    );
}

#[tokio::test]
async fn an_answer_under_an_old_fence_is_a_lie() {
    let lie = "my ($id, $fence) = call(); done($id, $fence - 1, 'x');";
    assert!(
        is_caught("old-fence", lie)
            .await
            .contains("under another fence")
    );
}

#[tokio::test]
async fn an_answer_given_twice_does_not_answer_the_next_call() {
    let lie = "my ($id, $fence) = call(); done($id, $fence, 'x'); done($id, $fence, 'x'); call(); sleep 60;";
    assert!(
        is_caught("twice", lie)
            .await
            .contains("an answer to another call")
    );
}

#[tokio::test]
async fn output_of_another_call_is_a_lie() {
    let lie = r#"call(); frame('{"frame":"output","action":"eff_x","data":"eA=="}'); sleep 60;"#;
    assert!(
        is_caught("other-output", lie)
            .await
            .contains("output of another call")
    );
}

#[tokio::test]
async fn a_gigabyte_is_cut_off_and_never_kept() {
    let before = resident_kib();
    let flood = "call(); my $x = 'x' x 65536; for (1..16384) { print $x; } sleep 60;";
    assert!(is_caught("gigabyte", flood).await.contains("the most is"));
    let framed = r#"my ($id) = call(); my $x = 'eHh4' x 65536;
        for (1..8192) { frame(qq({"frame":"output","action":"$id","data":"$x"})); } sleep 60;"#;
    assert!(
        is_caught("framed-gigabyte", framed)
            .await
            .contains("a flood of output")
    );
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 200 * 1024, "{grown} KiB more than before");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn what_is_no_message_is_a_lie() {
    for (name, lie) in [
        ("garbage", "call(); frame('not json'); sleep 60;"),
        (
            "other-shape",
            r#"call(); frame('{"frame":"done"}'); sleep 60;"#,
        ),
        ("greeting", "call(); hello(); sleep 60;"),
        (
            "not-base64",
            r#"my ($id) = call(); frame(qq({"frame":"output","action":"$id","data":"%%"})); sleep 60;"#,
        ),
    ] {
        let fault = is_caught(name, lie).await;
        assert!(
            fault.starts_with("the runner broke its protocol"),
            "{name}: {fault}"
        );
    }
}

#[tokio::test]
async fn one_that_hangs_is_given_up() {
    assert!(
        is_caught("hang", "call(); sleep 600;")
            .await
            .contains("did not come back within")
    );
}

#[tokio::test]
async fn one_that_ends_is_gone() {
    assert!(
        is_caught("ends", "call(); exit 0;")
            .await
            .contains("the sandbox ended under the action")
    );
}

#[tokio::test]
async fn one_that_does_not_greet_gets_no_work() {
    let rude = liar("frame('{\"frame\":\"output\",\"action\":\"a\",\"data\":\"\"}'); sleep 60;");
    let refused = try_open(&rude, "rude").await.err().expect("no executor");
    assert!(
        refused.to_string().contains("the runner did not come up"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_answer_is_cut_to_what_a_model_may_read() {
    let long = "hello(); my ($id, $fence) = call(); done($id, $fence, 'x' x 4000000); sleep 60;";
    let liar = liar(long);
    let mut executor = open(&liar, "long").await;
    let done = carry(&mut executor, 1).await.expect("an answer");
    assert_eq!(done.text.len(), limits::TOOL_OUTPUT_BYTES_MAX);
    executor.close(DestroyReason::Finished).await;
}

#[tokio::test]
async fn a_tool_that_no_runner_knows_is_not_even_asked_for() {
    let honest = liar(HONEST);
    let mut executor = open(&honest, "unknown").await;
    let asked = executor
        .carry(errand(1, "mount"), Equipment::default(), &mut |_| {})
        .await;
    let refused = asked.expect_err("a refusal").to_string();
    assert_eq!(refused, "no runner carries out `mount`");
    assert_eq!(carry(&mut executor, 2).await.expect("done").text, "done");
    executor.close(DestroyReason::Finished).await;
}
