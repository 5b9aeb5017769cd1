//! Other people's clients against a running Wardroom: `tests/python`, run by pytest.

use super::session::{Session, Verdict};
use super::{no_sums, number_before};
use crate::command::Report;
use crate::failure::Outcome;

pub fn run(session: &mut Session) -> Outcome<Verdict> {
    let Some(python) = &session.python else {
        return Ok(Verdict::skipped());
    };
    let mut pytest = session.program(python);
    pytest.args([
        "-m",
        "pytest",
        "--quiet",
        "--color=no",
        "-p",
        "no:cacheprovider",
        "tests/python",
    ]);
    pytest.env("PYTHONDONTWRITEBYTECODE", "1");
    let report = session.record(&mut pytest)?;
    let Some((passed, failed)) = sums(&report) else {
        return if report.succeeded {
            Err(no_sums("pytest"))
        } else {
            Ok(Verdict::of(&report))
        };
    };
    Ok(Verdict::counted(&report, passed, failed))
}

/// Reads `2 failed, 5 passed, 1 skipped, 1 error in 63.21s (0:01:03)`, the last such line.
fn sums(report: &Report) -> Option<(usize, usize)> {
    let is_sum =
        |line: &str| line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(" in ");
    let line = report.lines.iter().rev().find(|line| is_sum(line))?;
    let failed = number_before(line, " failed").unwrap_or(0);
    let errors = number_before(line, " error").unwrap_or(0);
    let passed = number_before(line, " passed").unwrap_or(0);
    (passed + failed + errors > 0).then_some((passed, failed + errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_pytest_are_read() {
        let report = |line: &str| Report {
            succeeded: true,
            lines: vec![line.to_owned()],
        };
        assert_eq!(
            sums(&report("2 failed, 5 passed, 1 error in 63.21s (0:01:03)")),
            Some((5, 3))
        );
        assert_eq!(sums(&report("no tests ran in 0.01s")), None);
    }
}
