//! The stages that look at the code without running it.

use super::session::{Session, Verdict};
use crate::checkout;
use crate::failure::Outcome;
use crate::tidy::{self, Repository};

pub fn format(session: &mut Session) -> Outcome<Verdict> {
    for manifest in manifests(session)? {
        let mut command = session.cargo(&["fmt", "--all", "--manifest-path", &manifest]);
        command.args(["--", "--check", "--color=never"]);
        let report = session.record(&mut command)?;
        if !report.succeeded {
            return Ok(Verdict::of(&report));
        }
    }
    Ok(Verdict::passed())
}

pub fn tidy(session: &mut Session) -> Outcome<Verdict> {
    let findings = tidy::findings(&Repository::open(&session.root)?)?;
    if findings.is_empty() {
        return Ok(Verdict::passed());
    }
    let tail = findings.iter().map(ToString::to_string).collect();
    Ok(Verdict {
        passed: 0,
        failed: 1,
        tail,
    })
}

/// Builds everything once, in the profile and with the features of all later stages.
pub fn build(session: &mut Session) -> Outcome<Verdict> {
    let mut command = session.cargo(&["build", "--workspace", "--all-targets", "--locked"]);
    Ok(Verdict::of(&session.record(&mut command)?))
}

/// A second pass over all our code, so it comes last.
pub fn clippy(session: &mut Session) -> Outcome<Verdict> {
    for manifest in manifests(session)? {
        let mut command = session.cargo(&["clippy", "--workspace", "--all-targets", "--locked"]);
        command.args(["--manifest-path", &manifest, "--", "--deny", "warnings"]);
        let report = session.record(&mut command)?;
        if !report.succeeded {
            return Ok(Verdict::of(&report));
        }
    }
    Ok(Verdict::passed())
}

/// The manifest of this workspace and those of programs that are built apart from it.
fn manifests(session: &Session) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for path in checkout::files(&session.root)? {
        if path.ends_with("Cargo.toml") {
            let text = checkout::read(&session.root, &path)?;
            if text.lines().any(|line| line == "[workspace]") {
                found.push(path);
            }
        }
    }
    // The workspace first: its path is the shortest.
    found.sort_by_key(String::len);
    Ok(found)
}
