//! Places that exist on one machine only, and hosts that only a package manager should name.

use super::{Finding, Repository, Written};

/// Folders of somebody's machine, with the rule that forbids to name them.
const MACHINE: &[(&str, &str)] = &[
    ("machine", "/work"),
    ("machine", "/home/runner"),
    ("home", "/root/"),
];

/// Hosts of package registries. The product names some in its default allowlist, by exception.
const REGISTRIES: &[&str] = &[
    "crates.io",
    "pypi.org",
    "files.pythonhosted.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "proxy.golang.org",
    "rubygems.org",
    "repo.maven.apache.org",
    "registry-1.docker.io",
    "ghcr.io",
    "quay.io",
    "deb.debian.org",
];

/// Pages may link to a registry; everything else may not speak to one.
const PAGES: &[&str] = &[".md"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.files.iter().flat_map(of_file).collect()
}

fn of_file(file: &Written) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (rule, place) in MACHINE.iter().filter(|(_, place)| names(line, place)) {
            let says = format!("`{place}` exists on one machine only");
            found.push(file.finding(rule, index + 1, says));
        }
        if file.has_ending(PAGES) {
            continue;
        }
        for host in REGISTRIES.iter().filter(|host| line.contains(**host)) {
            let says = format!("`{host}` is the package manager's business");
            found.push(file.finding("registry", index + 1, says));
        }
    }
    found
}

/// Whether the line names the place itself: not a folder below another one, not a longer word.
fn names(line: &str, place: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    line.match_indices(place).any(|(at, _)| {
        let after = &line[at + place.len()..];
        let is_whole = place.ends_with('/') || !after.starts_with(is_word);
        is_whole && !line[..at].ends_with(|c: char| c.is_alphanumeric())
    })
}
