//! The rules as a whole, and the check that each of them holds its own examples.

use thiserror::Error;

use super::rule::Rule;
use super::verdict::Ground;
use super::{calls, classify_command, general, programs, sql, table};

/// A rule that does not do what its examples say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rule `{rule}`: `{command}` was decided by `{decided_by}`; change the rule or its example")]
pub struct RuleFault {
    /// The rule whose example failed.
    pub rule: &'static str,
    /// The example.
    pub command: &'static str,
    /// The rule that decided instead, or that should have stayed out.
    pub decided_by: String,
}

/// Every rule, in the order of the tables.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let own = general::RULES.iter().chain(calls::RULES).chain(sql::RULES);
    let coded = own.chain(programs::RULES.iter().flat_map(|rules| rules.iter()));
    coded.copied().chain(table::all())
}

/// Runs the examples of every rule on a bare host folder; an empty answer means that all hold.
pub fn self_check() -> Vec<RuleFault> {
    let ground = Ground::HostFolder {
        allowed_domains: vec!["docs.example.com".to_owned()],
    };
    rules().flat_map(|rule| faults_of(rule, &ground)).collect()
}

fn faults_of(rule: &'static Rule, ground: &Ground) -> Vec<RuleFault> {
    let wanted = rule.matches.iter().map(|command| (*command, true));
    let unwanted = rule.spares.iter().map(|command| (*command, false));
    wanted
        .chain(unwanted)
        .filter_map(|(command, must_decide)| {
            let decided_by = classify_command(command, ground).rule;
            ((decided_by == rule.id) != must_decide).then_some(RuleFault {
                rule: rule.id,
                command,
                decided_by,
            })
        })
        .collect()
}
