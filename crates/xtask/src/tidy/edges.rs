//! Which of our crates may use which, as `docs/ARCHITECTURE.md` draws it.

use super::{Finding, Repository};
use crate::checkout::Edge;

/// Every crate with those that it may use. Reading order is the order of the layers.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &["domain"]),
    ("engine", &["domain"]),
    ("tools", &["domain"]),
    ("sandbox", &[]),
    ("store", &["domain", "policy"]),
    ("llm", &["domain", "policy"]),
    ("executors", &["domain", "policy", "tools", "sandbox"]),
    ("memory", &["domain", "policy", "store", "llm"]),
    ("connectors", &["domain"]),
    (
        "coordinator",
        &[
            "domain",
            "policy",
            "engine",
            "tools",
            "sandbox",
            "store",
            "llm",
            "executors",
            "memory",
        ],
    ),
    ("gateway", &["domain", "store", "connectors", "coordinator"]),
    ("api", &["domain"]),
    (
        "server",
        &[
            "domain",
            "policy",
            "engine",
            "tools",
            "sandbox",
            "store",
            "llm",
            "executors",
            "memory",
            "connectors",
            "coordinator",
            "gateway",
            "api",
        ],
    ),
    (
        "wardroom",
        &[
            "domain",
            "policy",
            "sandbox",
            "store",
            "executors",
            "api",
            "server",
        ],
    ),
    (
        "testkit",
        &[
            "domain",
            "policy",
            "engine",
            "tools",
            "sandbox",
            "store",
            "llm",
            "executors",
            "memory",
            "connectors",
            "coordinator",
            "gateway",
            "api",
            "server",
        ],
    ),
    (
        "simulator",
        &[
            "domain",
            "policy",
            "sandbox",
            "store",
            "llm",
            "executors",
            "connectors",
            "coordinator",
            "gateway",
        ],
    ),
    (
        "bench",
        &["domain", "policy", "store", "api", "llm", "testkit"],
    ),
    ("xtask", &[]),
];

/// Crates that do no input or output and know no clock.
pub const PURE: &[&str] = &["domain", "policy", "engine", "tools"];

/// Dependencies that mean input, output or a clock.
const IMPURE: &[&str] = &[
    "tokio", "sqlx", "hyper", "reqwest", "axum", "rustls", "rustix",
];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let metadata = &repository.metadata;
    let mut found = Vec::new();
    for package in metadata.ours() {
        let from = short(&package.name);
        let Some(allowed) = may_use(from) else {
            found.push(finding(
                from,
                "is not in the table of crates; give it a layer there",
            ));
            continue;
        };
        for (id, edge) in &package.uses {
            let name = metadata.name(id);
            let is_ours = metadata.packages.get(id).is_some_and(|used| used.is_ours);
            if is_ours && !is_allowed(allowed, short(name), *edge) {
                let says = format!(
                    "may not use `{}`; its layer does not reach there",
                    short(name)
                );
                found.push(finding(from, &says));
            }
            if PURE.contains(&from) && *edge != Edge::Dev && IMPURE.contains(&name) {
                let says = format!("does no input or output and knows no clock, so no `{name}`");
                found.push(finding(from, &says));
            }
        }
    }
    found
}

fn is_allowed(allowed: &[&str], used: &str, edge: Edge) -> bool {
    // A test may know what the thing under test must not: its brain speaks in `llm`'s words.
    allowed.contains(&used) || (edge == Edge::Dev && matches!(used, "testkit" | "llm"))
}

fn may_use(name: &str) -> Option<&'static [&'static str]> {
    MAY_USE
        .iter()
        .find(|(from, _)| *from == name)
        .map(|(_, allowed)| *allowed)
}

/// The crate's name without the prefix.
fn short(name: &str) -> &str {
    name.strip_prefix("wardroom-").unwrap_or(name)
}

fn finding(krate: &str, says: &str) -> Finding {
    Finding {
        path: format!("crates/{krate}/Cargo.toml"),
        line: 0,
        rule: "edges",
        says: format!("`{krate}` {says}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_uses_only_what_stands_above_it_in_the_table() {
        for (position, (name, allowed)) in MAY_USE.iter().enumerate() {
            let above: Vec<&str> = MAY_USE[..position].iter().map(|(name, _)| *name).collect();
            for used in *allowed {
                assert!(above.contains(used), "{name} uses {used}");
            }
        }
    }

    #[test]
    fn connectors_and_the_coordinator_never_meet() {
        assert!(!may_use("coordinator").unwrap().contains(&"connectors"));
        assert!(!may_use("connectors").unwrap().contains(&"coordinator"));
        assert!(is_allowed(&[], "testkit", Edge::Dev) && !is_allowed(&[], "testkit", Edge::Normal));
    }
}
