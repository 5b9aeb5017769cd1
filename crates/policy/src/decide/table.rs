//! The policy as a table that people can read: who, what, where.

use super::{Approvers, Preset, Verb};
use wardroom_domain::{RiskTier, Role};

/// What is done in which place, one row each, with what happens at every tier.
pub fn table(preset: Preset, approvers: &Approvers) -> String {
    let mut lines = vec![
        format!("preset {preset}"),
        row("what", &RiskTier::ALL.map(|tier| tier.as_str().to_owned())),
        verbs("in the task's own view", |_| Verb::Allow),
        verbs("apply to a folder of the host", |_| Verb::Ask),
        verbs("apply to the product's own workspace", |tier| {
            preset.private_apply(tier)
        }),
        verbs("leaves the box", |tier| preset.outside(tier)),
        String::new(),
        row(
            "who decides",
            &RiskTier::ALL.map(|tier| tier.as_str().to_owned()),
        ),
    ];
    for &role in Role::ALL {
        for (whose, is_own) in [("another's request", false), ("the own request", true)] {
            let cells = RiskTier::ALL.map(|tier| {
                approvers
                    .may_permit(role, is_own, tier)
                    .map_or("no", |()| "yes")
            });
            lines.push(row(&format!("{role}: {whose}"), &cells.map(str::to_owned)));
        }
    }
    lines.join("\n") + "\n"
}

fn verbs(what: &str, verb: impl Fn(RiskTier) -> Verb) -> String {
    row(what, &RiskTier::ALL.map(|tier| verb(tier).to_string()))
}

fn row(head: &str, cells: &[String]) -> String {
    let mut line = format!("{head:<38}");
    for cell in cells {
        line.push_str(&format!("{cell:<15}"));
    }
    line.trim_end().to_owned()
}
