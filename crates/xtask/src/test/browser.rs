//! The portal in a real browser: `tests/browser`, run by Node's test runner.

use super::no_sums;
use super::session::{Session, Verdict};
use crate::command::Report;
use crate::failure::Outcome;
use std::path::Path;

const FOLDER: &str = "tests/browser";
const TESTS: &[&str] = &["chat", "pages", "roles", "journey", "speed"];

pub fn run(session: &mut Session) -> Outcome<Verdict> {
    if !session.has_browser {
        return Ok(Verdict::skipped());
    }
    let mut install = session.program(Path::new("npm"));
    install.args(["ci", "--no-audit", "--no-fund", "--prefix", FOLDER]);
    let installed = session.record(&mut install)?;
    if !installed.succeeded {
        return Ok(Verdict::of(&installed));
    }
    let mut all = Verdict::skipped();
    for name in TESTS {
        let mut verdict = file(session, name)?;
        if verdict.failed > 0 {
            verdict = file(session, name)?;
            if verdict.failed == 0 {
                session.flaky.push(format!("{FOLDER}/{name}.test.mjs"));
            }
        }
        all.passed += verdict.passed;
        all.failed += verdict.failed;
        all.tail = verdict.tail;
        if all.failed > 0 {
            break;
        }
    }
    Ok(all)
}

/// One file, with a server and a browser of its own.
fn file(session: &Session, name: &str) -> Outcome<Verdict> {
    let mut node = session.program(Path::new("node"));
    node.args(["--test", "--test-reporter", "tap"]);
    node.arg(format!("{FOLDER}/{name}.test.mjs"));
    let report = session.record(&mut node)?;
    match sums(&report) {
        Some((passed, failed)) => Ok(Verdict::counted(&report, passed, failed)),
        None if report.succeeded => Err(no_sums("node")),
        None => Ok(Verdict::of(&report)),
    }
}

/// Reads the lines `# pass 9` and `# fail 0`.
fn sums(report: &Report) -> Option<(usize, usize)> {
    let sum = |word: &str| {
        let lines = report.lines.iter().rev();
        lines
            .filter_map(|line| line.strip_prefix(word)?.trim().parse::<usize>().ok())
            .next()
    };
    let (passed, failed) = (sum("# pass ")?, sum("# fail ")?);
    (passed + failed > 0).then_some((passed, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_node_are_read() {
        let lines = ["# tests 3", "# pass 2", "# fail 1"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            sums(&Report {
                succeeded: false,
                lines
            }),
            Some((2, 1))
        );
        let lines = vec!["nothing".to_owned()];
        assert_eq!(
            sums(&Report {
                succeeded: true,
                lines
            }),
            None
        );
    }
}
