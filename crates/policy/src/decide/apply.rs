//! How risky it is to carry a set of changes to a workspace.

use crate::classify::Verdict;
use wardroom_domain::RiskTier;

/// What a change set does, as far as its risk goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyShape {
    /// One line for people: `2 files added, 1 folder removed (3.1 MiB)`.
    pub summary: String,
    /// Whether anything that stood there is removed or lost.
    pub destroys: bool,
    /// Paths that configure or run something by being there, and links that lead outside.
    pub dangerous: Vec<String>,
}

/// The verdict on an apply: by what it does, not by how much.
pub fn apply_verdict(shape: &ApplyShape) -> Verdict {
    let (tier, rule, rationale) = match shape.dangerous.first() {
        Some(path) => {
            let why = format!(
                "{}; it touches `{path}`, which can run or configure something",
                shape.summary
            );
            (RiskTier::L3Privileged, "apply.dangerous-path", why)
        }
        None if shape.destroys => {
            let why = format!(
                "{}; what is removed is lost but for the snapshot",
                shape.summary
            );
            (RiskTier::L2Destructive, "apply.removes", why)
        }
        None => (
            RiskTier::L1Mutating,
            "apply.adds-or-edits",
            shape.summary.clone(),
        ),
    };
    Verdict {
        tier,
        rule: rule.to_owned(),
        rationale,
        effects: Vec::new(),
    }
}
