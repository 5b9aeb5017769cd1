//! One request is put to the rules.

use super::explain::Explained;
use super::facts::Facts;
use super::policy::Policy;
use super::preset::Verb;
use super::request::{Decision, Reach, Request};
use super::rules::{Answer, Asked, Query, Rule, Standing, Verge};
use crate::Permit;
use url::Url;
use wardroom_domain::{PolicySource, RiskTier, Timestamp, WorkspaceKind};

/// What was decided, and by what.
#[derive(Clone, Debug)]
struct Ruling {
    verb: Answered,
    rule: String,
    source: PolicySource,
    rationale: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Allow,
    /// Whether a remembered yes would answer it too.
    Ask {
        is_waivable: bool,
    },
    Wait,
    Deny,
}

impl Policy {
    /// Decides on `subject`. The permit, if there is one, is the only way to carry it out.
    pub fn decide<T>(&self, subject: T, request: &Request<'_>, now: Timestamp) -> Decision<T> {
        let facts = Facts::of(self, request, now);
        let Ruling {
            verb,
            rule,
            source,
            rationale,
        } = self.ruling(request, &facts);
        match verb {
            Answered::Allow => Decision::Allow(Permit::new(subject, rule)),
            Answered::Ask { is_waivable } => Decision::Ask {
                tier: request.verdict.tier,
                rule,
                source,
                rationale,
                kind: is_waivable.then(|| facts.kind(request)),
            },
            Answered::Wait => Decision::Wait {
                rule,
                source,
                rationale,
            },
            Answered::Deny => Decision::Deny {
                rule,
                source,
                rationale,
            },
        }
    }

    /// The same decision, for people to read.
    pub(super) fn explained(&self, request: &Request<'_>, now: Timestamp) -> Explained {
        let ruling = self.ruling(request, &Facts::of(self, request, now));
        let decision = match ruling.verb {
            Answered::Allow => Verb::Allow,
            Answered::Ask { .. } | Answered::Wait => Verb::Ask,
            Answered::Deny => Verb::Deny,
        };
        let tier = request.verdict.tier;
        let deciders = match decision {
            Verb::Ask => self.deciders(tier),
            Verb::Allow | Verb::Deny => Vec::new(),
        };
        Explained {
            decision,
            tier,
            rule: ruling.rule,
            source: ruling.source,
            rationale: ruling.rationale,
            deciders,
        }
    }

    /// The right to ask a model on behalf of an active person. What he may spend is counted where
    /// it is metered.
    pub fn speak<T>(&self, subject: T) -> Permit<T> {
        Permit::new(subject, "model.speak")
    }

    fn ruling(&self, request: &Request<'_>, facts: &Facts) -> Ruling {
        if let Reach::Unavailable(why) = &request.reach {
            return system(Answered::Deny, "unavailable", why);
        }
        if let Some(kept) = &facts.kept_out {
            return Ruling {
                source: PolicySource::OrgDefault,
                ..system(Answered::Deny, &kept.rule, &kept.why)
            };
        }
        let ruling = self.by_rules(request, facts);
        if facts.paused && ruling.verb != Answered::Deny {
            let why =
                "The org has paused everything that changes something; an admin ends the pause.";
            return system(Answered::Wait, "emergency.pause", why);
        }
        ruling
    }

    fn by_rules(&self, request: &Request<'_>, facts: &Facts) -> Ruling {
        let query = self.query(request, facts);
        let Some(asked) = Asked::new(&query) else {
            let why = "The rules cannot be asked about this action.";
            return system(Answered::Deny, "rules.unfit", why);
        };
        let tier = request.verdict.tier;
        let rules = self.rules_for(request.requester.user, tier);
        let as_is = Standing {
            approved: false,
            granted: facts.granted.is_some(),
            bypassed: facts.bypasses && self.bypass.cover(tier),
        };
        let now = rules.ask(&asked, as_is);
        if now.is_allowed {
            return allowed(request, facts, &now);
        }
        let approved = Standing {
            approved: true,
            ..as_is
        };
        let then = rules.ask(&asked, approved);
        match (then.is_allowed, facts.approved) {
            (true, Some(approval)) => system(Answered::Allow, &format!("approved.{approval}"), ""),
            (true, None) => {
                let granted = Standing {
                    granted: true,
                    ..Standing::default()
                };
                let is_covered = self.grants_cover(tier) && rules.ask(&asked, granted).is_allowed;
                let verb = Answered::Ask {
                    is_waivable: is_covered,
                };
                answered(verb, (request, facts), &query, &now)
            }
            (false, _) => answered(Answered::Deny, (request, facts), &query, &then),
        }
    }

    fn query<'a>(&self, request: &'a Request<'a>, facts: &Facts) -> Query<'a> {
        let tier = request.verdict.tier;
        let role = request.requester.role;
        let (verge, folder) = match &request.reach {
            Reach::View | Reach::Unavailable(_) => (Verge::View, WorkspaceKind::Private),
            Reach::Internal => (Verge::Internal, WorkspaceKind::Private),
            Reach::Apply { kind } => (Verge::Apply, *kind),
            Reach::Outside => (Verge::Outside, WorkspaceKind::Private),
        };
        let around = &request.circumstances;
        let to = request.destination.as_ref();
        let address = to.map_or("", |to| to.address);
        let method = match request.tool {
            "http_fetch" | "html_to_markdown" => "GET",
            _ => request.arguments["method"].as_str().unwrap_or_default(),
        };
        Query {
            verge,
            user: request.requester.user.to_string(),
            role,
            tool: request.tool,
            tier: tier as i64,
            rule: &request.verdict.rule,
            origin: request.origin,
            agent: around.agent,
            workspace: around
                .workspace
                .map(|id| id.to_string())
                .unwrap_or_default(),
            context: around.context.map(|id| id.to_string()).unwrap_or_default(),
            external: facts.tainted,
            mandated: facts.mandated,
            wished: facts.wished,
            vouched: around.is_vouched && self.approvers.may_permit(role, true, tier).is_ok(),
            secret: facts.secret.is_some(),
            discloses: facts.discloses,
            folder,
            host: host(address),
            method: method.to_ascii_uppercase(),
            recipient: to.and_then(|to| to.recipient).unwrap_or_default(),
        }
    }

    /// Whether a remembered yes counts for this tier at all.
    pub(super) fn grants_cover(&self, tier: RiskTier) -> bool {
        tier < RiskTier::L3Privileged && self.grants_cover.contains(&tier)
    }
}

fn allowed(request: &Request<'_>, facts: &Facts, answer: &Answer<'_>) -> Ruling {
    let (id, source) = match answer.rule {
        Some(rule) => (rule.id.as_str(), rule.source),
        None => ("permitted", PolicySource::OrgDefault),
    };
    let rule = match (id, facts.granted) {
        ("granted", Some(grant)) => format!("granted.{grant}"),
        _ => id.to_owned(),
    };
    Ruling {
        source,
        ..system(Answered::Allow, &rule, &request.verdict.rationale)
    }
}

/// An answer that is not a plain yes, with the rule that forbids; or with its cell of the table
/// where nothing but the lack of a rule stands in the way.
fn answered(
    verb: Answered,
    (request, facts): (&Request<'_>, &Facts),
    query: &Query<'_>,
    answer: &Answer<'_>,
) -> Ruling {
    let rationale = &request.verdict.rationale;
    if let Some(rule) = answer.rule {
        let why = match (why(rule, facts), answer.broken) {
            (_, true) => format!("{rationale} The rule cannot be applied to it."),
            (Some(why), _) => format!("{}. {why}", rationale.trim_end_matches('.')),
            (None, _) => rationale.clone(),
        };
        return Ruling {
            source: rule.source,
            ..system(verb, &rule.id, &why)
        };
    }
    let why = match verb {
        Answered::Deny => format!("{rationale} No rule permits it."),
        _ => rationale.clone(),
    };
    let cell = format!("{}.l{}", query.verge.as_str(), query.tier);
    Ruling {
        source: PolicySource::OrgDefault,
        ..system(verb, &cell, &why)
    }
}

/// What a rule says for itself, in the words of the case where it has more to say.
fn why(rule: &Rule, facts: &Facts) -> Option<String> {
    match (rule.id.as_str(), &facts.stray, &facts.secret) {
        ("after-external", Some(stray), _) => {
            Some(format!("The task has read text from outside, and {stray}."))
        }
        ("secret-after-external", _, Some(secret)) => Some(format!(
            "It would use the secret `{secret}`, and the task has read text from outside."
        )),
        ("rights.asked", _, _) if facts.tainted => Some(
            "The task has read text from outside, and that may be what asks for it.".to_owned(),
        ),
        _ => rule.why.clone(),
    }
}

fn system(verb: Answered, rule: &str, rationale: &str) -> Ruling {
    Ruling {
        verb,
        rule: rule.to_owned(),
        source: PolicySource::SystemEnforced,
        rationale: rationale.to_owned(),
    }
}

fn host(address: &str) -> String {
    if address.is_empty() {
        return String::new();
    }
    let url = Url::parse(address).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
