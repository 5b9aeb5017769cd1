//! Input, output, terminals and caps (rows 10 to 13, 54).

use crate::harness::*;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wardroom_sandbox::*;

#[tokio::test]
async fn row_10_endless_output_is_cut_and_killed() {
    let sandbox = ordinary().await;
    let begun = Instant::now();
    let output = run(&sandbox, ExecSpec::new(["yes"])).await;
    assert_eq!(output.report.outcome, Outcome::OutputCapped);
    assert_eq!(output.stdout.len() as u64, MIB);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        said(&sandbox, "ps ax 2>/dev/null | grep -c '[y]es'").await,
        "0"
    );
}

#[tokio::test]
async fn output_of_exactly_the_cap_is_not_cut() {
    let sandbox = ordinary().await;
    let output = sh(&sandbox, "head -c 1048576 /dev/zero").await;
    assert_eq!(
        (output.stdout.len() as u64, output.report.outcome),
        (MIB, Outcome::Exited(0))
    );
}

#[tokio::test]
async fn output_beyond_a_dropping_cap_is_read_and_counted() {
    let stdout_cap = OutputCap::DropBeyond(1000);
    let spec = ExecSpec {
        stdout_cap,
        ..ExecSpec::new(["head", "-c", "300000", "/dev/zero"])
    };
    let output = run(&ordinary().await, spec).await;
    assert_eq!(output.stdout.len(), 1000);
    assert_eq!(output.report.outcome, Outcome::Exited(0));
}

#[tokio::test]
async fn row_11_a_deadline_is_kept() {
    let timeout = Some(Duration::from_millis(300));
    let spec = ExecSpec {
        timeout,
        ..ExecSpec::new(["sleep", "100"])
    };
    let begun = Instant::now();
    let report = run(&ordinary().await, spec).await.report;
    assert_eq!(report.outcome, Outcome::TimedOut);
    assert!(report.wall >= Duration::from_millis(300), "{report:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn row_12_stubborn_processes_are_gone_at_the_deadline() {
    let sandbox = ordinary().await;
    let timeout = Some(Duration::from_millis(500));
    let report = run(
        &sandbox,
        ExecSpec {
            timeout,
            ..attack("stubborn")
        },
    )
    .await
    .report;
    assert_eq!(report.outcome, Outcome::TimedOut);
    assert_eq!(
        said(&sandbox, "echo /proc/[0-9]*").await.split(' ').count(),
        2
    );
}

#[tokio::test]
async fn a_deadline_spares_the_other_commands() {
    let sandbox = ordinary().await;
    let mut other = start(&sandbox, ExecSpec::service(["cat"])).await;
    let timeout = Some(Duration::from_millis(400));
    let report = run(
        &sandbox,
        ExecSpec {
            timeout,
            ..attack("stubborn")
        },
    )
    .await
    .report;
    assert_eq!(report.outcome, Outcome::TimedOut);
    let mut stdin = other.stdin.take().unwrap();
    stdin.write_all(b"still here").await.unwrap();
    drop(stdin);
    let output = other.collect().await.unwrap();
    assert_eq!(
        (output.stdout, output.report.outcome),
        (b"still here".to_vec(), Outcome::Exited(0))
    );
    // The shell and PID 1: none of the stubborn ones.
    assert_eq!(
        said(&sandbox, "echo /proc/[0-9]*").await.split(' ').count(),
        2
    );
}

#[tokio::test]
async fn row_13_a_daemon_that_holds_the_output_delays_nobody() {
    let sandbox = ordinary().await;
    let begun = Instant::now();
    let output = sh(&sandbox, "echo said; setsid sleep 100 & exit 3").await;
    assert_eq!(
        (output.stdout, output.report.outcome),
        (b"said\n".to_vec(), Outcome::Exited(3))
    );
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(said(&sandbox, "pgrep -c sleep").await, "0");
}

#[tokio::test]
async fn a_kept_server_outlives_its_command_and_not_the_sandbox() {
    let sandbox = ordinary().await;
    let leftovers = Leftovers::Keep;
    let spec = ExecSpec {
        leftovers,
        ..ExecSpec::new(["sh", "-c", "echo up; sleep 100 &"])
    };
    let begun = Instant::now();
    assert_eq!(run(&sandbox, spec).await.stdout, b"up\n");
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    // Later commands take what they leave behind with them, and not the server.
    let count = "sleep 0.2; setsid sleep 99 & sleep 0.1; pgrep -fc '^sleep (100|99)'";
    assert_eq!(said(&sandbox, count).await, "2");
    assert_eq!(said(&sandbox, "pgrep -fc '^sleep (100|99)'").await, "1");
    let teardown = sandbox.destroy(DestroyReason::Finished).await.unwrap();
    assert!(teardown.took < Duration::from_secs(1), "{teardown:?}");
}

#[tokio::test]
async fn a_partner_is_talked_to_for_long() {
    let sandbox = ordinary().await;
    let mut partner = start(&sandbox, ExecSpec::service(["cat"])).await;
    let (mut stdin, mut stdout) = (
        partner.stdin.take().unwrap(),
        partner.stdout.take().unwrap(),
    );
    for round in 0..200_u32 {
        let message = vec![round as u8; 1 + (round as usize * 997) % 50_000];
        stdin.write_all(&message).await.unwrap();
        let mut answer = vec![0; message.len()];
        stdout.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, message);
    }
    drop(stdin);
    assert_eq!(partner.wait().await.outcome, Outcome::Exited(0));
}

#[tokio::test]
async fn a_slow_reader_makes_the_command_wait() {
    let sandbox = ordinary().await;
    let script =
        "i=0; while [ $i -lt 100 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i >/tmp/at; done";
    let mut handle = start(
        &sandbox,
        ExecSpec {
            stdout_cap: OutputCap::Unlimited,
            ..ExecSpec::new(["sh", "-c", script])
        },
    )
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let reached: u32 = said_keeping(&sandbox, "cat /tmp/at")
        .await
        .parse()
        .unwrap_or(0);
    assert!(reached <= 3, "it ran ahead to {reached}");
    let mut all = Vec::new();
    handle
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut all)
        .await
        .unwrap();
    assert_eq!(all.len(), 100 * 65536);
}

async fn said_keeping(sandbox: &std::sync::Arc<dyn Sandbox>, script: &str) -> String {
    let spec = ExecSpec {
        leftovers: Leftovers::Keep,
        ..ExecSpec::new(["sh", "-c", script])
    };
    String::from_utf8_lossy(&run(sandbox, spec).await.stdout)
        .trim()
        .to_owned()
}

#[tokio::test]
async fn row_54_output_is_kept_byte_for_byte() {
    let output = sh(
        &ordinary().await,
        r"printf '\033[31mred\377\376\000\r\n'; printf '\200' >&2",
    )
    .await;
    assert_eq!(output.stdout, b"\x1b[31mred\xff\xfe\x00\r\n");
    assert_eq!(output.stderr, b"\x80");
}

#[tokio::test]
async fn arguments_and_environment_arrive_byte_for_byte() {
    use std::os::unix::ffi::OsStringExt;
    let odd = std::ffi::OsString::from_vec(b"a\nb\xff'\"$x".to_vec());
    let mut spec = ExecSpec::new(["printf".into(), "%s|%s".into(), odd.clone(), "".into()]);
    spec.env.push(("ODD".into(), odd));
    assert_eq!(run(&ordinary().await, spec).await.stdout, b"a\nb\xff'\"$x|");
}

#[tokio::test]
async fn a_long_command_travels_whole() {
    let word = "x".repeat(100_000);
    let script = "printf %s $#; printf %s \"$1\" | wc -c";
    let spec = ExecSpec::new(["sh", "-c", script, "sh", &word, &word, &word]);
    let output = run(&ordinary().await, spec).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3100000");
}

#[tokio::test]
async fn a_terminal_is_there_when_asked_for() {
    let sandbox = ordinary().await;
    let terminal = Some(TerminalSize {
        rows: 33,
        columns: 101,
    });
    let script = "tty; stty size; read line; echo \"got $line\"; stty size; ls -l /proc/self/fd/0 >/dev/null";
    let mut handle = start(
        &sandbox,
        ExecSpec {
            terminal,
            ..ExecSpec::new(["sh", "-c", script])
        },
    )
    .await;
    let mut stdout = handle.stdout.take().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("33 101") {
        assert!(
            stdout.read_buf(&mut seen).await.unwrap() > 0,
            "{}",
            String::from_utf8_lossy(&seen)
        );
    }
    handle
        .control
        .resize(TerminalSize {
            rows: 5,
            columns: 6,
        })
        .unwrap();
    handle
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"word\n")
        .await
        .unwrap();
    stdout.read_to_end(&mut seen).await.unwrap();
    let text = String::from_utf8_lossy(&seen).into_owned();
    assert!(
        text.contains("/dev/pts/0") && text.contains("got word") && text.contains("5 6"),
        "{text}"
    );
    assert_eq!(handle.wait().await.outcome, Outcome::Exited(0));
}

#[tokio::test]
async fn a_command_that_is_not_there_says_so() {
    let sandbox = ordinary().await;
    let refused = |result: Result<ExecHandle, SandboxError>| result.err().unwrap().to_string();
    let missing = refused(sandbox.exec(ExecSpec::new(["no-such-program"])).await);
    assert!(
        missing.contains("`no-such-program` could not be started"),
        "{missing}"
    );
    assert!(missing.contains("No such file"), "{missing}");
    let folder = refused(
        sandbox
            .exec(ExecSpec {
                cwd: "nowhere".into(),
                ..ExecSpec::new(["true"])
            })
            .await,
    );
    assert!(folder.contains("No such file"), "{folder}");
    assert!(
        refused(sandbox.exec(ExecSpec::new(["/etc/passwd"])).await).contains("Permission denied")
    );
    assert!(refused(sandbox.exec(ExecSpec::new([""])).await).contains("the command is empty"));
    assert!(refused(sandbox.exec(ExecSpec::new(["echo", "a\0b"])).await).contains("NUL"));
    assert_eq!(said(&sandbox, "echo fine").await, "fine");
}

#[tokio::test]
async fn signals_reach_the_command() {
    let sandbox = ordinary().await;
    let handle = start(&sandbox, ExecSpec::new(["sleep", "100"])).await;
    handle.control.signal(libc::SIGTERM);
    assert_eq!(
        handle.wait().await.outcome,
        Outcome::Signaled(libc::SIGTERM)
    );
    let handle = start(&sandbox, ExecSpec::new(["sleep", "100"])).await;
    handle.kill();
    assert_eq!(handle.wait().await.outcome, Outcome::Cancelled);
}
