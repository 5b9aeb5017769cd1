//! `docs/security/evidence.toml`: every security claim names where it is wired, the test that goes
//! through the door, and the sabotage that the test would notice.

use super::{Finding, Repository};
use crate::evidence::{self, Change, Claim, FILE};

pub fn check(repository: &Repository) -> Vec<Finding> {
    let Some(file) = repository.files.iter().find(|file| file.path == FILE) else {
        return Vec::new();
    };
    let claims = match evidence::claims(&file.text) {
        Ok(claims) => claims,
        Err(cause) => return vec![file.finding("evidence", 0, cause.to_string())],
    };
    let complaints = claims
        .iter()
        .flat_map(|claim| complaints(claim, repository));
    complaints
        .map(|says| file.finding("evidence", 0, says))
        .collect()
}

fn complaints(claim: &Claim, repository: &Repository) -> Vec<String> {
    let keys = [
        ("claim", &claim.claim),
        ("wired", &claim.wired),
        ("test", &claim.test),
        ("sabotage", &claim.sabotage),
    ];
    let absent = keys.iter().filter(|(_, text)| text.is_empty());
    let mut said: Vec<String> = absent.map(|(key, _)| format!("names no `{key}`")).collect();
    if !claim.test.is_empty() && !has_test(&claim.test, repository) {
        said.push(format!(
            "rests on the test `{}`, which does not exist",
            claim.test
        ));
    }
    let place = claim.place();
    if place.contains('/') && !has_file(place, repository) {
        said.push(format!("is wired in {place}, which does not exist"));
    }
    let change = claim.change.as_ref();
    said.extend(change.and_then(|change| stale(change, repository)));
    let of_claim = |says| format!("the claim \"{}\" {says}", claim.claim);
    said.into_iter().map(of_claim).collect()
}

/// What is wrong with a sabotage that can no longer be carried out.
fn stale(change: &Change, repository: &Repository) -> Option<String> {
    let file = repository
        .files
        .iter()
        .find(|file| file.path == change.file);
    let fits = file.is_some_and(|file| change.apply(&file.text).is_some());
    (!fits).then(|| {
        format!(
            "would be broken in {} at a place that is not there exactly once: {:?}",
            change.file, change.find
        )
    })
}

fn has_file(path: &str, repository: &Repository) -> bool {
    repository.files.iter().any(|file| file.path == path)
}

/// A test is written `path/to/file.rs::name`, or as the function's name alone; one of the browser by
/// what it says of itself, `path/to/file.mjs::a word is shown`.
fn has_test(test: &str, repository: &Repository) -> bool {
    let (path, name) = match test.rsplit_once("::") {
        Some((path, name)) => (path.split("::").next().unwrap_or(path), name),
        None => ("", test),
    };
    let is_named = |file: &&super::Written| !path.contains('/') || file.path == path;
    repository.files.iter().filter(is_named).any(|file| {
        let code = file.rust.as_ref().map_or(&file.text, |rust| &rust.code);
        code.contains(&format!("fn {name}("))
            || code.contains(&format!("def {name}("))
            || code.contains(&format!("test(\"{name}\","))
    })
}
