//! How much a sandbox costs, as ratios to a plain fork and exec in the same run.
//!
//! `cargo run --release -p wardroom-sandbox --example latency [ROUNDS]`
//!
//! The variants take turns in batches, so that whatever else the machine does falls on all
//! of them alike. Absolute figures belong to one machine; the ratios travel.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wardroom_sandbox::*;

const BATCH: usize = 20;
const SCRIPT: [&str; 3] = ["sh", "-c", "echo hi"];
const PARALLEL: usize = 16;

type Failure = Box<dyn std::error::Error>;

struct Variant {
    name: &'static str,
    limit: Option<f64>,
    times: Vec<Duration>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args()
        .nth(1)
        .map_or(Ok(10), |count| count.parse())?;
    let variant = |name, limit| Variant {
        name,
        limit,
        times: Vec::new(),
    };
    let mut plain = variant("plain fork and exec", None);
    let mut warm = variant("warm: a command in a sandbox", Some(1.5));
    let mut cold = variant("cold: create, run, destroy", Some(5.5));
    let mut bwrap = variant("bwrap, namespaces only", None);
    let has_bwrap = Command::new("bwrap").arg("--version").output().is_ok();
    let sandbox = create("latency-warm").await?;
    for round in 0..rounds {
        for _ in 0..BATCH {
            plain.times.push(timed(async { run_plain() }).await?);
        }
        for _ in 0..BATCH {
            warm.times.push(timed(run_in(&sandbox)).await?);
        }
        for _ in 0..BATCH {
            cold.times
                .push(timed(run_cold(format!("latency-cold-{round}"))).await?);
        }
        for _ in 0..if has_bwrap { BATCH } else { 0 } {
            bwrap.times.push(timed(async { run_bwrap() }).await?);
        }
    }
    println!(
        "{:<32}{:>9}{:>9}{:>9}{:>10}{:>8}",
        "", "min ms", "p50 ms", "p99 ms", "x plain", "limit"
    );
    let base = percentile(&mut plain.times, 50);
    for variant in [&mut plain, &mut warm, &mut cold, &mut bwrap] {
        print_row(variant, base);
    }
    let (one, many) = (throughput(false).await?, throughput(true).await?);
    println!(
        "{PARALLEL} at once: plain {one:.0}/s, cold {many:.0}/s, ratio {:.2} (limit 0.15)",
        many / one
    );
    print_memory();
    sandbox.destroy(DestroyReason::Finished).await?;
    print_beside_bwrap(&mut cold, &mut bwrap);
    print_kill().await?;
    print_large(base).await
}

/// The same work with bubblewrap, which filters and limits nothing.
fn print_beside_bwrap(cold: &mut Variant, bwrap: &mut Variant) {
    if bwrap.times.is_empty() {
        println!("cold beside bwrap: bwrap is not installed here (limit 1.2)");
        return;
    }
    let ratio = percentile(&mut cold.times, 50) / percentile(&mut bwrap.times, 50);
    println!("cold beside bwrap: {ratio:.2} (limit 1.2)");
}

/// From the kill of a tree that ignores signals and has left its session until nothing is left.
async fn print_kill() -> Result<(), Failure> {
    const TREE: &str = "trap '' HUP INT TERM; for i in 1 2 3 4 5; do \
                        setsid sh -c 'trap \"\" TERM; sleep 600 & wait' & done; wait";
    let mut times = Vec::new();
    for round in 0..BATCH {
        let sandbox = create(&format!("latency-kill-{round}")).await?;
        let handle = sandbox.exec(ExecSpec::new(["sh", "-c", TREE])).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        times.push(sandbox.destroy(DestroyReason::Emergency).await?.took);
        drop(handle);
    }
    let [p50, p99] = [50, 99].map(|percent| percentile(&mut times, percent));
    println!("kill of a whole tree: p50 {p50:.1} ms, p99 {p99:.1} ms (limit 50)");
    Ok(())
}

/// A server that holds a gigabyte must not make slower sandboxes.
async fn print_large(base: f64) -> Result<(), Failure> {
    let ballast = vec![1_u8; 1 << 30];
    let mut times = Vec::new();
    for round in 0..BATCH * 2 {
        times.push(timed(run_cold(format!("latency-large-{round}"))).await?);
    }
    let p50 = percentile(&mut times, 50);
    println!(
        "cold beneath a server of {} MiB: p50 {p50:.2} ms, {:.2} x plain (limit as cold)",
        std::hint::black_box(&ballast).len() >> 20,
        p50 / base
    );
    Ok(())
}

async fn create(id: &str) -> Result<Arc<dyn Sandbox>, SandboxError> {
    let workspace = WorkspaceMount::Scratch {
        bytes: 1 << 20,
        inodes: 100,
    };
    let spec = SandboxSpec::new(SandboxId::parse(id)?, workspace);
    Ok(NativeProvider::new().create(spec).await?.sandbox)
}

async fn timed(act: impl Future<Output = Result<(), Failure>>) -> Result<Duration, Failure> {
    let begun = Instant::now();
    act.await?;
    Ok(begun.elapsed())
}

fn run_plain() -> Result<(), Failure> {
    expect_hi(
        &Command::new(SCRIPT[0])
            .args(&SCRIPT[1..])
            .stdin(Stdio::null())
            .output()?
            .stdout,
    )
}

fn run_bwrap() -> Result<(), Failure> {
    let mut bwrap = Command::new("bwrap");
    bwrap.args([
        "--unshare-all",
        "--cap-drop",
        "ALL",
        "--new-session",
        "--die-with-parent",
    ]);
    bwrap.args(["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]);
    bwrap.args([
        "--symlink",
        "usr/lib",
        "/lib",
        "--symlink",
        "usr/lib64",
        "/lib64",
    ]);
    bwrap.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    expect_hi(&bwrap.args(SCRIPT).stdin(Stdio::null()).output()?.stdout)
}

async fn run_in(sandbox: &Arc<dyn Sandbox>) -> Result<(), Failure> {
    expect_hi(
        &sandbox
            .exec(ExecSpec::new(SCRIPT))
            .await?
            .collect()
            .await?
            .stdout,
    )
}

async fn run_cold(id: String) -> Result<(), Failure> {
    let sandbox = create(&id).await?;
    run_in(&sandbox).await?;
    sandbox.destroy(DestroyReason::Finished).await?;
    Ok(())
}

fn expect_hi(output: &[u8]) -> Result<(), Failure> {
    if output == b"hi\n" {
        Ok(())
    } else {
        Err("the command did not say hi".into())
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    let at = (times.len().saturating_sub(1)) * percent / 100;
    times
        .get(at)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

fn print_row(variant: &mut Variant, base: f64) {
    if variant.times.is_empty() {
        println!("{:<32} not installed here", variant.name);
        return;
    }
    let [min, p50, p99] = [0, 50, 99].map(|percent| percentile(&mut variant.times, percent));
    let limit = variant
        .limit
        .map_or(String::new(), |limit| format!("{limit:.1}"));
    println!(
        "{:<32}{min:>9.2}{p50:>9.2}{p99:>9.2}{:>10.2}{limit:>8}",
        variant.name,
        p50 / base
    );
}

/// Runs per second, several at a time.
async fn throughput(sandboxed: bool) -> Result<f64, Failure> {
    const EACH: usize = 10;
    let begun = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..PARALLEL {
        workers.spawn(async move {
            for _ in 0..EACH {
                let done = if sandboxed {
                    run_cold(format!("latency-many-{worker}")).await
                } else {
                    tokio::task::spawn_blocking(|| run_plain().map_err(|error| error.to_string()))
                        .await
                        .map_err(|error| error.to_string())
                        .and_then(|done| done)
                        .map_err(Failure::from)
                };
                done.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    Ok((PARALLEL * EACH) as f64 / begun.elapsed().as_secs_f64())
}

/// What an idle sandbox adds: the memory that its helper and its PID 1 have for themselves.
/// The pages of their program are there once, however many sandboxes run.
fn print_memory() {
    let own_kib = |entry: std::fs::DirEntry| -> Option<u64> {
        let program = std::fs::read_link(entry.path().join("exe")).ok()?;
        if !program.to_string_lossy().contains("memfd:wardroom-guest") {
            return None;
        }
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        let anonymous = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))?;
        anonymous.trim().strip_suffix(" kB")?.parse().ok()
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let own: Vec<u64> = entries.filter_map(own_kib).collect();
    println!("own memory of helpers and PIDs 1: {own:?} KiB (limit 1024 for a pair)");
}
