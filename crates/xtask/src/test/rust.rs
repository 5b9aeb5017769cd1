//! The Rust tests.

use super::runner::{self, Sums};
use super::session::{Session, Verdict};
use super::{no_sums, skips};
use crate::checkout;
use crate::command::Report;
use crate::failure::Outcome;

pub fn run(session: &mut Session) -> Outcome<Verdict> {
    let (report, sums) = runner::all(session)?;
    let flaky = sums.iter().flat_map(|sums| sums.flaky.iter().cloned());
    session.flaky.extend(flaky);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_another_test_is_no_skip() {
        let file = "#[test]\n#[ignore = \"started by whole\"]\nasync fn part() {}\n\
                    #[ignore = \"too slow\"]\nfn slow() {}\n";
        assert_eq!(parts_of(file), ["part"]);
    }
}
