//! Whether an action may happen, and who must be asked first. Deny by default, strictest wins.
//!
//! A request is judged by its effect: what stays in the task's own view is nobody's business yet,
//! what leaves it is judged by tier. The presets differ by table, not by code.

mod request;
mod circumstances;
mod facts;
mod disclosure;
mod kind;
mod preset;
mod approver;
mod table;
mod apply;

pub use apply::{ApplyShape, apply_verdict};
pub use approver::{Approvers, NotYours};
pub use circumstances::{Allowlist, Circumstances, Layer};
pub use disclosure::{ANYONE, Destination};
pub use kind::action_kind;
pub use preset::{Preset, Verb};
pub use request::{Decision, Reach, Request};
pub use table::table;

use crate::Permit;
use facts::Facts;
use wardroom_domain::{PolicySource, RiskTier, Timestamp, WorkspaceKind};

/// The rules of one org, as they stand.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The table in force.
    pub preset: Preset,
    /// Who may decide what.
    pub approvers: Approvers,
    /// What a person's bypass covers.
    pub bypass: BypassRules,
}

/// What the org lets a person's bypass do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BypassRules {
    /// Whether people may switch it on at all.
    pub is_allowed: bool,
    /// The tiers that it covers; `L3_PRIVILEGED` never counts.
    pub covers: Vec<RiskTier>,
}

impl Default for BypassRules {
    fn default() -> Self {
        Self {
            is_allowed: false,
            covers: vec![RiskTier::L1Mutating],
        }
    }
}

impl BypassRules {
    fn cover(&self, tier: RiskTier) -> bool {
        self.is_allowed && tier < RiskTier::L3Privileged && self.covers.contains(&tier)
    }
}

impl Policy {
    /// The rules of a preset, with everything else as strict as it comes.
    pub fn new(preset: Preset, approvers: Approvers) -> Self {
        Self {
            preset,
            approvers,
            bypass: BypassRules::default(),
        }
    }

    /// Decides on `subject`. The permit, if there is one, is the only way to carry it out.
    pub fn decide<T>(&self, subject: T, request: &Request<'_>, now: Timestamp) -> Decision<T> {
        let facts = Facts::of(request, now);
        let Ruling {
            verb,
            rule,
            source,
            rationale,
            is_waivable,
        } = self.ruling(request, &facts);
        match verb {
            Answer::Allow => Decision::Allow(Permit::new(subject, rule)),
            Answer::Ask => Decision::Ask {
                tier: request.verdict.tier,
                rule,
                source,
                rationale,
                kind: is_waivable.then_some(facts.kind),
            },
            Answer::Wait => Decision::Wait {
                rule,
                source,
                rationale,
            },
            Answer::Deny => Decision::Deny {
                rule,
                source,
                rationale,
            },
        }
    }

    /// The right to ask a model on behalf of an active person. What he may spend is counted where
    /// it is metered.
    pub fn speak<T>(&self, subject: T) -> Permit<T> {
        Permit::new(subject, "model.speak")
    }

    fn ruling(&self, request: &Request<'_>, facts: &Facts) -> Ruling {
        if let Reach::Unavailable(why) = &request.reach {
            return Ruling::system(Answer::Deny, "unavailable", why);
        }
        if let Some(kept) = &facts.kept_out {
            return Ruling {
                source: PolicySource::OrgDefault,
                ..Ruling::system(Answer::Deny, &kept.rule, &kept.why)
            };
        }
        if facts.paused {
            let why =
                "the org has paused everything that changes something; an admin ends the pause";
            return Ruling::system(Answer::Wait, "emergency.pause", why);
        }
        let asked = match self.by_table(request) {
            base if base.verb == Answer::Allow => match must_ask(request, facts) {
                Some(asked) => asked,
                None => return base,
            },
            base if base.verb == Answer::Ask => must_ask(request, facts).unwrap_or(base),
            base => return base,
        };
        self.waived(request, facts, &asked).unwrap_or(asked)
    }

    /// What the table says, whatever was read, granted or switched.
    fn by_table(&self, request: &Request<'_>) -> Ruling {
        let tier = request.verdict.tier;
        let rationale = &request.verdict.rationale;
        let by_org = |verb: Verb, rule: &str| Ruling {
            source: PolicySource::OrgDefault,
            is_waivable: tier < RiskTier::L3Privileged,
            ..Ruling::system(verb.into(), rule, rationale)
        };
        match &request.reach {
            Reach::View => Ruling::system(Answer::Allow, "view.private", rationale),
            Reach::Internal => Ruling::system(Answer::Allow, "internal", rationale),
            Reach::Unavailable(why) => Ruling::system(Answer::Deny, "unavailable", why),
            Reach::Apply {
                kind: WorkspaceKind::Host,
            } => Ruling::system(Answer::Ask, "apply.host-folder", rationale),
            Reach::Apply { .. } => by_org(self.preset.private_apply(tier), "apply.own-workspace"),
            Reach::Outside => {
                let rule = format!("outside.{}", &tier.as_str()[..2].to_lowercase());
                by_org(self.preset.outside(tier), &rule)
            }
        }
    }

    /// Whether the requester's own words are the yes: he typed all of it, he may decide such things
    /// for himself, and the org vouches for what the tool does.
    fn takes_at_his_word(&self, request: &Request<'_>, facts: &Facts) -> bool {
        let tier = request.verdict.tier;
        let role = request.requester.role;
        facts.wished
            && request.circumstances.is_vouched
            && self.preset.at_his_word(tier) == Verb::Allow
            && self.approvers.may_permit(role, true, tier).is_ok()
    }

    /// What lets a question go unasked: a person's yes to it, the mandate, his own words, a
    /// remembered yes, or his bypass.
    fn waived(&self, request: &Request<'_>, facts: &Facts, asked: &Ruling) -> Option<Ruling> {
        let rule = if let Some(approval) = facts.approved {
            format!("approved.{approval}")
        } else if facts.secret.is_some() && facts.tainted {
            return None;
        } else if facts.mandated && request.verdict.tier <= RiskTier::L2Destructive {
            "mandate".to_owned()
        } else if !asked.is_waivable {
            return None;
        } else if self.takes_at_his_word(request, facts) {
            "wished".to_owned()
        } else if let Some(grant) = facts.granted {
            format!("granted.{grant}")
        } else if facts.bypasses && self.bypass.cover(request.verdict.tier) {
            "bypass".to_owned()
        } else {
            return None;
        };
        Some(Ruling {
            verb: Answer::Allow,
            rule,
            ..asked.clone()
        })
    }
}

/// What asks whatever the table, a grant or a bypass says.
fn must_ask(request: &Request<'_>, facts: &Facts) -> Option<Ruling> {
    let rationale = &request.verdict.rationale;
    let is_foreseen = facts.mandated || facts.wished;
    if let Some(secret) = facts.secret.as_ref().filter(|_| facts.tainted) {
        let why = format!(
            "{rationale} It would use the secret `{secret}`, and the task has read text from outside."
        );
        return Some(Ruling::system(Answer::Ask, "secret-after-external", &why));
    }
    let changes = request.verdict.tier > RiskTier::L0Readonly;
    if facts.tainted && facts.external && changes && !is_foreseen {
        let why = match &facts.stray {
            Some(stray) => format!("{rationale} The task has read text from outside, and {stray}."),
            None => format!(
                "{rationale} The task has read text from outside, and this is not in its mandate."
            ),
        };
        return Some(Ruling::system(Answer::Ask, "after-external", &why));
    }
    facts.discloses.then(|| {
        let why = format!(
            "{rationale} It would tell others what is not meant for them, at an address that nobody here typed."
        );
        Ruling::system(Answer::Ask, "discloses", &why)
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Allow,
    Ask,
    Wait,
    Deny,
}

impl From<Verb> for Answer {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Allow => Self::Allow,
            Verb::Ask => Self::Ask,
            Verb::Deny => Self::Deny,
        }
    }
}

#[derive(Clone, Debug)]
struct Ruling {
    verb: Answer,
    rule: String,
    source: PolicySource,
    rationale: String,
    /// Whether a remembered yes or a bypass may answer.
    is_waivable: bool,
}

impl Ruling {
    fn system(verb: Answer, rule: &str, rationale: &str) -> Self {
        Self {
            verb,
            rule: rule.to_owned(),
            source: PolicySource::SystemEnforced,
            rationale: rationale.to_owned(),
            is_waivable: false,
        }
    }
}
