//! `tidy.toml`: what rules must not complain about, each with a reason.

use super::{Finding, Repository};
use crate::failure::{Failure, Outcome};
use toml::{Table, Value};

const FILE: &str = "tidy.toml";

struct Exception {
    rule: String,
    /// A file, or a folder if it ends in a slash.
    path: String,
    reason: String,
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let is_below = self.path.ends_with('/') && finding.path.starts_with(&self.path);
        finding.rule == self.rule && (is_below || finding.path == self.path)
    }
}

/// Takes the excused findings out, and adds one for each exception without reason or use.
pub fn excuse(repository: &Repository, found: Vec<Finding>) -> Outcome<Vec<Finding>> {
    let exceptions = match repository.files.iter().find(|file| file.path == FILE) {
        Some(file) => parse(&file.text)?,
        None => Vec::new(),
    };
    let idle = exceptions
        .iter()
        .filter_map(|exception| complaint(exception, &found));
    let mut left: Vec<Finding> = idle.collect();
    let is_excused =
        |finding: &Finding| exceptions.iter().any(|exception| exception.covers(finding));
    left.extend(found.into_iter().filter(|finding| !is_excused(finding)));
    Ok(left)
}

fn complaint(exception: &Exception, found: &[Finding]) -> Option<Finding> {
    let problem = if exception.reason.is_empty() {
        "has no reason; give one"
    } else if !found.iter().any(|finding| exception.covers(finding)) {
        "excuses nothing any more; delete it"
    } else {
        return None;
    };
    Some(Finding {
        path: FILE.to_owned(),
        line: 0,
        rule: "exception",
        says: format!(
            "the exception from `{}` for {} {problem}",
            exception.rule, exception.path
        ),
    })
}

fn parse(text: &str) -> Outcome<Vec<Exception>> {
    let table: Table = text.parse().map_err(Failure::to(format!("read {FILE}")))?;
    let list = table
        .get("exception")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let word = |entry: &Value, key: &str| {
        entry
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Ok(list
        .iter()
        .map(|entry| Exception {
            rule: word(entry, "rule"),
            path: word(entry, "path"),
            reason: word(entry, "reason"),
        })
        .collect())
}
