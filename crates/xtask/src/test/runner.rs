//! Rust tests are run by cargo-nextest where it is installed, by cargo alone otherwise. What either
//! prints is read here and nowhere else.

use super::session::Session;
use super::{no_sums, number_before};
use crate::command::{self, Report};
use crate::failure::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What a test came to, and how long it took where the runner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub passed: bool,
    pub took: Option<String>,
}

/// By the names of the tests.
pub type Results = BTreeMap<String, Ran>;

/// How many passed and failed, the names of those that are marked as ignored, and of those that
/// passed at the second attempt only.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub passed: usize,
    pub failed: usize,
    pub ignored: Vec<String>,
    pub flaky: BTreeSet<String>,
}

/// Some tests of one test binary.
pub struct Choice<'a> {
    pub package: &'a str,
    pub binary: &'a str,
    pub names: Vec<&'a str>,
    /// Whether the names are whole; they are parts of names otherwise.
    pub is_exact: bool,
}

fn has_nextest(session: &Session) -> bool {
    command::succeeds(session.cargo(&["nextest", "--version"]))
}

/// Runs every test of the workspace.
pub fn all(session: &Session) -> Outcome<(Report, Option<Sums>)> {
    if !has_nextest(session) {
        let mut cargo = session.cargo(&["test", "--workspace", "--locked"]);
        cargo.args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
        let report = session.record(&mut cargo)?;
        let sums = cargo_sums(&report.lines);
        return Ok((report, sums));
    }
    let mut nextest = session.cargo(&["nextest", "run", "--workspace", "--locked"]);
    nextest.args(["--no-fail-fast", "--failure-output", "final"]);
    nextest.args(["--status-level", "slow", "--final-status-level", "skip"]);
    if session.postgres.is_none() {
        nextest.args(["--filterset", "not binary(postgres)"]);
    }
    nextest.args(["--retries", "1"]);
    let report = session.record(&mut nextest)?;
    let sums = nextest_sums(&report.lines);
    Ok((report, sums))
}

/// Runs some tests, whatever becomes of them, and answers what came of each that ran.
pub fn some(session: &Session, choice: &Choice<'_>) -> Outcome<(Report, Results)> {
    let is_nextest = has_nextest(session);
    let mut command = match is_nextest {
        true => by_nextest(session, choice),
        false => by_cargo(session, choice),
    };
    let report = session.record(&mut command)?;
    let results = match is_nextest {
        true => nextest_results(&report.lines),
        false => cargo_results(&report.lines),
    };
    if results.is_empty() && report.succeeded {
        return Err(no_sums("the runner"));
    }
    Ok((report, results))
}

fn by_nextest(session: &Session, choice: &Choice<'_>) -> Command {
    let sign = if choice.is_exact { "=" } else { "" };
    let names = choice
        .names
        .iter()
        .map(|name| format!("test({sign}{name})"));
    let names: Vec<_> = names.collect();
    let mut nextest = session.cargo(&["nextest", "run", "--locked", "--no-fail-fast"]);
    nextest.args(["--status-level", "pass", "--final-status-level", "none"]);
    nextest.args(["--package", choice.package, "--test", choice.binary]);
    nextest.args(["--filterset", &names.join(" | ")]);
    nextest
}

fn by_cargo(session: &Session, choice: &Choice<'_>) -> Command {
    let mut cargo = session.cargo(&["test", "--locked", "--no-fail-fast"]);
    cargo.args(["--package", choice.package, "--test", choice.binary, "--"]);
    if choice.is_exact {
        cargo.arg("--exact");
    }
    cargo.args(&choice.names);
    cargo
}

/// Reads `PASS [   5.868s] (1/1) wardroom::stories crash::…`, with or without the count.
fn nextest_results(lines: &[String]) -> Results {
    let mut results = Results::new();
    for line in lines {
        let (word, rest) = line.trim_start().split_once(" [").unwrap_or_default();
        let Some((took, rest)) = rest.split_once(']') else {
            continue;
        };
        let is_end = word == "PASS" || word == "TIMEOUT" || word == "ABORT";
        if is_end || word.starts_with("FAIL") || word.starts_with("SIG") {
            let name = rest.rsplit(' ').next().unwrap_or_default();
            let ran = Ran {
                passed: word == "PASS",
                took: Some(took.trim().to_owned()),
            };
            results.insert(name.to_owned(), ran);
        }
    }
    results
}

/// Reads `test crash::… ... ok`, which says nothing of time.
fn cargo_results(lines: &[String]) -> Results {
    let read = |line: &String| {
        let (name, end) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        let passed = match end.trim() {
            "ok" => true,
            "FAILED" => false,
            _ => return None,
        };
        let ran = Ran { passed, took: None };
        Some((name.to_owned(), ran))
    };
    lines.iter().filter_map(read).collect()
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
        flaky: flaky(lines),
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
                ignored,
                flaky: BTreeSet::new()
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
                ignored,
                flaky: BTreeSet::new()
            })
        );
    }

    #[test]
    fn what_came_of_each_test_is_read_of_both_runners() {
        let nextest = nextest_results(&lines(
            "        PASS [   5.868s] (1/3) a::b c::d\n        FAIL [   0.1s] a::b c::e\n\
             \x20    SIGABRT [   0.2s] (3/3) a::b c::f\n     Summary [   0.1s] 2 tests run",
        ));
        assert_eq!(nextest["c::d"].took.as_deref(), Some("5.868s"));
        assert!(nextest["c::d"].passed && !nextest["c::e"].passed && !nextest["c::f"].passed);
        assert_eq!(nextest.len(), 3);

        let cargo = cargo_results(&lines(
            "running 3 tests\ntest c::d ... ok\ntest c::e ... FAILED\n\
             test c::f ... ignored, started by c::d\ntest result: FAILED. 1 passed; 1 failed",
        ));
        assert!(cargo["c::d"].passed && !cargo["c::e"].passed);
        assert_eq!(cargo.len(), 2);
    }
}
