//! The Rust tests: by cargo-nextest where it is installed, by cargo alone otherwise.

use super::session::{Session, Verdict};
use super::{no_sums, number_before, skips};
use crate::checkout;
use crate::command::{self, Report};
use crate::failure::Outcome;
use std::collections::BTreeSet;

pub fn run(session: &mut Session) -> Outcome<Verdict> {
    let (report, sums) = if command::succeeds(session.cargo(&["nextest", "--version"])) {
        let mut nextest = session.cargo(&["nextest", "run", "--workspace", "--locked"]);
        nextest.args(["--no-fail-fast", "--failure-output", "final"]);
        nextest.args(["--status-level", "slow", "--final-status-level", "skip"]);
        if session.postgres.is_none() {
            nextest.args(["--filterset", "not binary(postgres)"]);
        }
        nextest.args(["--retries", "1"]);
        let report = session.record(&mut nextest)?;
        session.flaky.extend(flaky(&report.lines));
        let sums = nextest_sums(&report.lines);
        (report, sums)
    } else {
        let mut cargo = session.cargo(&["test", "--workspace", "--locked"]);
        cargo.args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
        let report = session.record(&mut cargo)?;
        let sums = cargo_sums(&report.lines);
        (report, sums)
    };
    verdict(session, &report, sums)
}

fn verdict(session: &Session, report: &Report, sums: Option<Sums>) -> Outcome<Verdict> {
    let Some(sums) = sums else {
        return if report.succeeded {
            Err(no_sums("the runner"))
        } else {
            Ok(Verdict::of(report))
        };
    };
    let parts = parts(session)?;
    let is_part = |name: &&String| {
        parts
            .iter()
            .any(|part| name.rsplit("::").next() == Some(part))
    };
    for name in sums.ignored.iter().filter(|name| !is_part(name)) {
        skips::note(session, name, "marked as ignored in the code")?;
    }
    Ok(Verdict::counted(report, sums.passed, sums.failed))
}

/// Names of functions that are ignored because another test starts them as a process of its own:
/// they do run, and are no skips. They say so: `#[ignore = "started by …"]`.
fn parts(session: &Session) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for path in checkout::files(&session.root)? {
        if path.ends_with(".rs") {
            found.extend(parts_of(&checkout::read(&session.root, &path)?));
        }
    }
    Ok(found)
}

fn parts_of(file: &str) -> Vec<String> {
    let marked = file.split("#[ignore = \"started by ").skip(1);
    let name = |rest: &str| Some(rest.split_once("fn ")?.1.split_once('(')?.0.to_owned());
    marked.filter_map(name).collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    passed: usize,
    failed: usize,
    ignored: Vec<String>,
}

/// Reads `Summary [ 0.1s] 5 tests run: 4 passed (1 slow), 1 failed, 2 skipped`.
fn nextest_sums(lines: &[String]) -> Option<Sums> {
    let summary = lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix("Summary ["))?;
    let (_, sums) = summary.split_once(']')?;
    let run = number_before(sums, " test")?;
    let passed = number_before(sums, " passed").unwrap_or(0);
    let skipped = lines
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("SKIP ["));
    let names = skipped.filter_map(|line| line.rsplit(' ').next());
    Some(Sums {
        passed,
        failed: run - passed,
        ignored: names.map(str::to_owned).collect(),
    })
}

/// Reads `FLAKY 2/2 [ 1.012s] (1/5) wardroom::stories govern::bypass`, once for each test.
fn flaky(lines: &[String]) -> BTreeSet<String> {
    let marked = lines
        .iter()
        .filter(|line| line.trim_start().starts_with("FLAKY "));
    marked
        .filter_map(|line| line.rsplit(' ').next().map(str::to_owned))
        .collect()
}

/// Adds up `test result: ok. 3 passed; 0 failed; 1 ignored; …` of every test binary.
fn cargo_sums(lines: &[String]) -> Option<Sums> {
    let mut sums = Sums::default();
    let mut has_result = false;
    for line in lines {
        if let Some(result) = line.strip_prefix("test result:") {
            has_result = true;
            sums.passed += number_before(result, " passed")?;
            sums.failed += number_before(result, " failed")?;
        } else if let Some((name, end)) = line.split_once(" ... ")
            && end.starts_with("ignored")
        {
            sums.ignored
                .push(name.trim_start_matches("test ").to_owned());
        }
    }
    has_result.then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_part_of_another_test_is_no_skip() {
        let file = "#[test]\n#[ignore = \"started by whole\"]\nasync fn part() {}\n\
                    #[ignore = \"too slow\"]\nfn slow() {}\n";
        assert_eq!(parts_of(file), ["part"]);
    }

    #[test]
    fn a_test_that_passed_at_the_second_attempt_is_named_once() {
        let line = "   FLAKY 2/2 [   1.012s] (1/5) wardroom::stories govern::bypass";
        assert_eq!(
            flaky(&lines(&format!(
                "{line}\n     Summary [ 0.1s] 5 tests run\n{line}"
            ))),
            BTreeSet::from(["govern::bypass".to_owned()])
        );
    }

    #[test]
    fn the_sums_of_both_runners_are_read() {
        let nextest = lines(
            "     Summary [   0.020s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 1 skipped\n\
             \x20       SKIP [         ] wardroom-store::it postgres::claim",
        );
        let ignored = vec!["postgres::claim".to_owned()];
        assert_eq!(
            nextest_sums(&nextest),
            Some(Sums {
                passed: 3,
                failed: 2,
                ignored
            })
        );
        assert_eq!(nextest_sums(&lines("error: no tests to run")), None);

        let cargo = lines(
            "test a ... ok\ntest b ... ignored, too slow\n\
             test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
             test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        let ignored = vec!["b".to_owned()];
        assert_eq!(
            cargo_sums(&cargo),
            Some(Sums {
                passed: 3,
                failed: 1,
                ignored
            })
        );
    }
}
