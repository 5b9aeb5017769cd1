//! Whether an action may happen, and who must be asked first. Deny by default, strictest wins.
//!
//! A request is judged by its effect: what stays in the task's own view is nobody's business yet,
//! what leaves it is judged by tier. The presets differ by table, not by code.

mod request;
mod preset;
mod approver;
mod table;
mod apply;

pub use apply::{ApplyShape, apply_verdict};
pub use approver::{Approvers, NotYours};
pub use preset::{Preset, Verb};
pub use request::{Decision, Reach, Request};
pub use table::table;

use crate::Permit;
use wardroom_domain::{ApprovalDecision, PolicySource, RiskTier, Timestamp, WorkspaceKind};

/// The rules of one org, as they stand.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The table in force.
    pub preset: Preset,
    /// Who may decide what.
    pub approvers: Approvers,
}

impl Policy {
    /// Decides on `subject`. The permit, if there is one, is the only way to carry it out.
    pub fn decide<T>(&self, subject: T, request: &Request<'_>, now: Timestamp) -> Decision<T> {
        let ruling = self.ruling(request);
        match ruling.verb {
            Verb::Allow => Decision::Allow(Permit::new(subject, ruling.rule)),
            Verb::Deny => Decision::Deny {
                rule: ruling.rule,
                source: ruling.source,
                rationale: ruling.rationale,
            },
            Verb::Ask => match spendable(request, now) {
                Ok(rule) => Decision::Allow(Permit::new(subject, rule)),
                Err(()) => Decision::Ask {
                    tier: ruling.tier,
                    rule: ruling.rule,
                    source: ruling.source,
                    rationale: ruling.rationale,
                },
            },
        }
    }

    /// The right to ask a model on behalf of an active person. What he may spend is counted where
    /// it is metered.
    pub fn speak<T>(&self, subject: T) -> Permit<T> {
        Permit::new(subject, "model.speak")
    }

    fn ruling(&self, request: &Request<'_>) -> Ruling {
        let rationale = request.verdict.rationale.clone();
        let tier = request.verdict.tier;
        let ruled = |verb, rule: &str, source| Ruling {
            verb,
            rule: rule.to_owned(),
            source,
            rationale: rationale.clone(),
            tier,
        };
        match &request.reach {
            Reach::View => ruled(Verb::Allow, "view.private", PolicySource::SystemEnforced),
            Reach::Internal => ruled(Verb::Allow, "internal", PolicySource::SystemEnforced),
            Reach::Unavailable(why) => Ruling {
                rationale: why.clone(),
                ..ruled(Verb::Deny, "unavailable", PolicySource::SystemEnforced)
            },
            Reach::Apply {
                kind: WorkspaceKind::Host,
            } => ruled(Verb::Ask, "apply.host-folder", PolicySource::SystemEnforced),
            Reach::Apply { .. } => {
                let verb = self.preset.private_apply(tier);
                ruled(verb, "apply.own-workspace", PolicySource::OrgDefault)
            }
            Reach::Outside => {
                let rule = format!("outside.{}", &tier.as_str()[..2].to_lowercase());
                ruled(self.preset.outside(tier), &rule, PolicySource::OrgDefault)
            }
        }
    }
}

struct Ruling {
    verb: Verb,
    rule: String,
    source: PolicySource,
    rationale: String,
    tier: RiskTier,
}

/// Whether a person has already said yes to exactly this, in time. Answers the rule to cite.
fn spendable(request: &Request<'_>, now: Timestamp) -> Result<String, ()> {
    let approval = request.approval.ok_or(())?;
    let is_this = approval.digest == request.digest;
    let is_yes = approval.decision == Some(ApprovalDecision::Approve);
    // A person who said yes in time has said yes: the wait for a free executor is not his fault.
    let was_in_time = approval
        .decided_at
        .is_some_and(|at| at <= approval.expires_at && at <= now);
    if is_this && is_yes && was_in_time {
        Ok(format!("approved.{}", approval.id))
    } else {
        Err(())
    }
}
