//! `cargo xtask test`: everything that must hold, on a machine that knows nothing of us.
//!
//! The stages run in order and the first that fails ends the run. What a stage prints goes to a log
//! below `target/test`; the terminal sees the end of it when the stage fails.

mod needs;
mod servers;
mod checks;
mod rust;
mod runner;
mod python;
mod browser;
mod portal;

mod skips;
mod session;

pub mod scorecard;
pub mod soak;

use crate::failure::{Failure, Outcome};
use session::{Session, Verdict};
use skips::Skips;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Stage = fn(&mut Session) -> Outcome<Verdict>;

const STAGES: &[(&str, Stage)] = &[
    ("needs", needs::install),
    ("format", checks::format),
    ("tidy", checks::tidy),
    ("portal", portal::run),
    ("build", checks::build),
    ("rust tests", rust::run),
    ("python clients", python::run),
    ("browser", browser::run),
    ("clippy", checks::clippy),
];

/// A stage that has run.
struct Row {
    name: &'static str,
    took: Duration,
    verdict: Verdict,
}

pub fn run() -> Outcome<ExitCode> {
    let mut session = Session::open()?;
    let mut rows = Vec::new();
    for (name, stage) in STAGES {
        eprintln!("==> {name}");
        let started = Instant::now();
        session.stage = name;
        let verdict = stage(&mut session).unwrap_or_else(|failure| Verdict::broken(&failure));
        let has_failed = verdict.failed > 0;
        rows.push(Row {
            name,
            took: started.elapsed(),
            verdict,
        });
        if has_failed {
            break;
        }
    }
    session.close();
    let skips = Skips::read(&session)?;
    let failed = conclude(&session, &rows, &skips);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints what happened, the closing line last, and answers how much failed.
fn conclude(session: &Session, rows: &[Row], skips: &Skips) -> usize {
    if let Some(row) = rows.iter().find(|row| row.verdict.failed > 0) {
        show_failure(row, &session.log_path(row.name));
    }
    show_stages(rows);
    print!("{skips}");
    if !session.flaky.is_empty() {
        println!("\npassed at the second attempt only (see docs/decisions/0013)");
    }
    for name in &session.flaky {
        println!("  {name}");
    }
    let passed: usize = rows.iter().map(|row| row.verdict.passed).sum();
    let failed: usize = rows.iter().map(|row| row.verdict.failed).sum();
    let failed = failed + skips.unlisted().count();
    let skipped = skips.len();
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    failed
}

fn show_failure(row: &Row, log: &Path) {
    println!("\n---- {} failed", row.name);
    for line in &row.verdict.tail {
        println!("{line}");
    }
    if log.exists() {
        println!("---- all of it is in {}", log.display());
    }
}

fn show_stages(rows: &[Row]) {
    println!(
        "\n{:<16} {:>8} {:>7} {:>7}",
        "stage", "time", "passed", "failed"
    );
    for row in rows {
        let Verdict { passed, failed, .. } = row.verdict;
        let seconds = row.took.as_secs_f64();
        println!("{:<16} {seconds:>6.1} s {passed:>7} {failed:>7}", row.name);
    }
    for (name, _) in &STAGES[rows.len()..] {
        println!("{name:<16} {:>8}", "not run");
    }
}

/// The number that stands right before a word, as test runners print their sums.
fn number_before(text: &str, word: &str) -> Option<usize> {
    let (before, _) = text.split_once(word)?;
    let digits = before
        .trim_end()
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

/// A runner whose sums we cannot read may have run nothing at all.
fn no_sums(runner: &str) -> Failure {
    Failure::new(format!(
        "{runner} ended without saying how many tests ran; see its log"
    ))
}
