//! Which crates of others may not come in, and which may bring a C compiler along.

use super::{Finding, Repository};
use crate::checkout::Edge;

/// Banned crates, with the reason.
const BANNED: &[(&str, &str)] = &[
    (
        "aws-lc-rs",
        "a second TLS provider makes the first TLS use panic; we install ring",
    ),
    (
        "aws-lc-sys",
        "a second TLS provider makes the first TLS use panic; we install ring",
    ),
    (
        "aws-lc-fips-sys",
        "a second TLS provider makes the first TLS use panic; we install ring",
    ),
    ("openssl", "needs a system library; we use rustls"),
    ("openssl-sys", "needs a system library; we use rustls"),
    ("native-tls", "needs a system library; we use rustls"),
    ("cmake", "a fresh machine has no cmake"),
    ("bindgen", "a fresh machine has no libclang"),
    ("protoc-bin-vendored", "carries foreign binaries"),
    (
        "eventsource-stream",
        "has seen no release since 2022; use sse-stream",
    ),
];

/// Who may run a C compiler.
const MAY_COMPILE_C: &[&str] = &["libsqlite3-sys", "ring", "psm", "stacker"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let metadata = &repository.metadata;
    let mut found = Vec::new();
    for package in metadata.packages.values() {
        if let Some((name, reason)) = BANNED.iter().find(|(name, _)| *name == package.name) {
            found.push(finding(format!("`{name}` is banned: {reason}")));
        }
        let runs_compiler = package
            .uses
            .iter()
            .any(|(id, edge)| *edge == Edge::Build && metadata.name(id) == "cc");
        if runs_compiler && !MAY_COMPILE_C.contains(&package.name.as_str()) {
            found.push(finding(format!(
                "`{}` compiles C; find another, or add it to the list with a reason",
                package.name
            )));
        }
    }
    found
}

fn finding(says: String) -> Finding {
    Finding {
        path: "Cargo.lock".to_owned(),
        line: 0,
        rule: "dependencies",
        says,
    }
}
