//! Whether a policy can be lived with, before it comes into force.

use super::table::{cell, decided};
use super::{Decision, Place, Policy, Verb};
use wardroom_domain::{Origin, RiskTier, Role};

/// Why a policy is refused although every rule of it can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockedOut {
    /// The rules forbid admins what they let others do.
    #[error(
        "it would lock every admin out: the rule `{rule}` forbids admins and overlords whatever they ask for, while a {other} is let through"
    )]
    ByRules {
        /// A rule that does it.
        rule: String,
        /// Somebody who is let through.
        other: Role,
    },
    /// Nobody who is here may decide.
    #[error(
        "it would lock every admin out: {tier} would be decided by {needed} or above, and nobody active here is one"
    )]
    NobodyDecides {
        /// The tier.
        tier: RiskTier,
        /// The role that it would take.
        needed: Role,
    },
}

const TOOLS: [&str; 4] = ["shell", "file_read", "http_fetch", "apply"];

/// Refuses a policy that would lock every admin out, and says what else its author should know.
/// `people` are the roles of those who are active.
pub fn check(policy: &Policy, people: &[Role]) -> Result<Vec<String>, LockedOut> {
    let mut warnings = Vec::new();
    let let_through: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| is_let_through(policy, *role))
        .collect();
    let admins = [Role::Admin, Role::Overlord];
    match let_through.first() {
        None => warnings.push(
            "this policy forbids everything to everybody; admins can still change it".to_owned(),
        ),
        Some(&other) if !admins.iter().any(|admin| let_through.contains(admin)) => {
            let rule = forbidding(policy, Role::Admin);
            return Err(LockedOut::ByRules { rule, other });
        }
        Some(_) => {}
    }
    for tier in RiskTier::ALL.into_iter().skip(1) {
        let needed = policy.approvers.needed(tier);
        if !people.is_empty() && !people.iter().any(|role| role.is_at_least(needed)) {
            return Err(LockedOut::NobodyDecides { tier, needed });
        }
        let deciders = people
            .iter()
            .filter(|role| role.is_at_least(needed))
            .count();
        if people.len() > 1 && deciders < policy.approvers.decisions_needed(tier) {
            warnings.push(format!(
                "{tier} takes two people to decide, and only one here may"
            ));
        }
    }
    Ok(warnings)
}

fn cells() -> impl Iterator<Item = (Place, &'static str, RiskTier)> {
    let places = [Place::View, Place::ApplyPrivate, Place::Outside];
    places.into_iter().flat_map(|place| {
        let tools = TOOLS.into_iter();
        tools.flat_map(move |tool| RiskTier::ALL.map(|tier| (place, tool, tier)))
    })
}

fn is_let_through(policy: &Policy, role: Role) -> bool {
    cells().any(|(place, tool, tier)| {
        cell(policy, place, (role, Origin::Chat), (tool, tier)) != Verb::Deny
    })
}

fn forbidding(policy: &Policy, role: Role) -> String {
    match decided(
        policy,
        Place::View,
        (role, Origin::Chat),
        ("shell", RiskTier::L0Readonly),
    ) {
        Decision::Deny { rule, .. } => rule,
        _ => String::new(),
    }
}
