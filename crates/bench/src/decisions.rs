//! How long policy takes over one ordinary action: the command line is parsed and classified, the
//! rules are asked, nothing is carried out.

use crate::failure::Outcome;
use crate::table::{Row, Table, Target, Times};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};
use wardroom_domain::{OrgId, Origin, Principal, Role, Timestamp, UserId};
use wardroom_policy::decide::{Approvers, Policy, Preset, Supposed, Where};

/// What developers type all day, most of it reading.
const LINES: [&str; 12] = [
    "ls -la src",
    "git status --short",
    "git log --oneline -20 -- crates/policy",
    "grep -rn \"fn main\" crates --include=*.rs | head -40",
    "cat Cargo.toml | sed -n '1,80p'",
    "find . -name '*.rs' -newer Cargo.lock | wc -l",
    "cargo test --workspace 2>&1 | tail -30",
    "kubectl get pods -n web -o wide",
    "docker ps --format '{{.Names}}'",
    "journalctl -u nginx --since today | grep -i error | sort | uniq -c",
    "jq '.items[] | .name' data.json > names.txt",
    "rm -rf build && mkdir -p build",
];

const ROUNDS: usize = 2_000;
const TARGET: Duration = Duration::from_micros(50);

pub fn measure(table: &mut Table) -> Outcome<()> {
    let at = Timestamp::default();
    let requester = Principal {
        org: OrgId::mint(at, 0),
        user: UserId::mint(at, 0),
        name: "ann".to_owned(),
        role: Role::Member,
        via: "bench".to_owned(),
    };
    let policy = Policy::new(Preset::Enterprise, Approvers::default());
    let calls: Vec<Value> = LINES.iter().map(|line| json!({"command": line})).collect();
    for (what, place) in [
        ("a decision on a command in a view", Where::View),
        ("a decision on a command on the host", Where::Host),
    ] {
        let mut times = Times::default();
        for arguments in (0..ROUNDS).flat_map(|_| &calls) {
            let call = Supposed {
                requester: &requester,
                origin: Origin::Chat,
                agent: "executor",
                after_external: false,
                tool: "shell",
                arguments,
            };
            let begun = Instant::now();
            black_box(policy.explain(black_box(&call), place));
            times.push(begun.elapsed());
        }
        let (median, tail) = (times.median(), times.percentile(99));
        let figure = format!("p50 {} µs, p99 {} µs", median.as_micros(), tail.as_micros());
        let target = Target::of("p50 < 50 µs", median < TARGET);
        table.push(Row::new(what, figure, target));
    }
    Ok(())
}
