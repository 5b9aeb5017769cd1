//! `docs/security/evidence.toml`: every security claim names where it is wired, the test that goes
//! through the door, and the sabotage that the test would notice.

use super::{Finding, Repository};
use toml::{Table, Value};

const FILE: &str = "docs/security/evidence.toml";
const KEYS: &[&str] = &["claim", "wired", "test", "sabotage"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let Some(file) = repository.files.iter().find(|file| file.path == FILE) else {
        return Vec::new();
    };
    let entries = match file.text.parse::<Table>() {
        Ok(table) => entries(&table),
        Err(cause) => return vec![file.finding("evidence", 0, cause.to_string())],
    };
    let complaints = entries
        .iter()
        .flat_map(|entry| complaints(entry, repository));
    complaints
        .map(|says| file.finding("evidence", 0, says))
        .collect()
}

/// Every table of every list, whatever the lists are called.
fn entries(table: &Table) -> Vec<Table> {
    let lists = table.values().filter_map(Value::as_array);
    lists
        .flatten()
        .filter_map(Value::as_table)
        .cloned()
        .collect()
}

fn complaints(entry: &Table, repository: &Repository) -> Vec<String> {
    let word = |key: &str| {
        entry
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
    };
    let claim = word("claim");
    let mut said: Vec<String> = KEYS
        .iter()
        .filter(|key| word(key).is_empty())
        .map(|key| format!("the claim \"{claim}\" names no `{key}`"))
        .collect();
    if !word("test").is_empty() && !has_test(word("test"), repository) {
        said.push(format!(
            "the claim \"{claim}\" rests on the test `{}`, which does not exist",
            word("test")
        ));
    }
    let place = word("wired").split("::").next().unwrap_or_default();
    if place.contains('/') && !repository.files.iter().any(|file| file.path == place) {
        said.push(format!(
            "the claim \"{claim}\" is wired in {place}, which does not exist"
        ));
    }
    said
}

/// A test is written `path/to/file.rs::name`, or as the function's name alone.
fn has_test(test: &str, repository: &Repository) -> bool {
    let (path, name) = match test.rsplit_once("::") {
        Some((path, name)) => (path.split("::").next().unwrap_or(path), name),
        None => ("", test),
    };
    let is_named = |file: &&super::Written| !path.contains('/') || file.path == path;
    repository.files.iter().filter(is_named).any(|file| {
        let code = file.rust.as_ref().map_or(&file.text, |rust| &rust.code);
        code.contains(&format!("fn {name}(")) || code.contains(&format!("def {name}("))
    })
}
