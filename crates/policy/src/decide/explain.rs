//! What would become of a tool call, and why: the same decision without the right to act on it.

use super::{Circumstances, Destination, Policy, Reach, Request, Verb};
use crate::classify::Ground;
use crate::classify::{Verdict, classify_call};
use serde::Serialize;
use serde_json::Value;
use wardroom_domain::{
    Digest, Integrity, Labels, Origin, PolicySource, Principal, RiskTier, Role, Timestamp,
    WorkspaceKind,
};

/// What policy would answer, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What would happen.
    pub decision: Verb,
    /// How risky it is.
    pub tier: RiskTier,
    /// The rule that says so.
    pub rule: String,
    /// Its layer.
    pub source: PolicySource,
    /// One sentence why.
    pub rationale: String,
    /// Who may say yes, for each role: whether to another's request and to his own.
    pub deciders: Vec<Decider>,
}

/// What a role may decide of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decider {
    /// The role.
    pub role: Role,
    /// Whether it decides another's request.
    pub others: bool,
    /// Whether it decides its own.
    pub own: bool,
}

/// A tool call as somebody would make it.
#[derive(Clone, Debug)]
pub struct Supposed<'a> {
    /// For whom.
    pub requester: &'a Principal,
    /// Through which door.
    pub origin: Origin,
    /// The agent that would make it.
    pub agent: &'a str,
    /// Whether something from outside was read before.
    pub after_external: bool,
    /// The tool.
    pub tool: &'a str,
    /// Its arguments.
    pub arguments: &'a Value,
}

/// Where a supposed call takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In a task's view without egress.
    View,
    /// On the bare host, with nothing in between.
    Host,
}

impl Policy {
    /// What would become of a call. A call in a view that nobody can notice from outside stays
    /// there; everything else counts as leaving the box.
    pub fn explain(&self, call: &Supposed<'_>, place: Where) -> Explained {
        let allowed_domains = Vec::new();
        let ground = match place {
            Where::View => Ground::View { allowed_domains },
            Where::Host => Ground::HostFolder { allowed_domains },
        };
        let verdict = classify_call(call.tool, call.arguments, &ground);
        self.explain_verdict(call, place, verdict)
    }

    /// The same for a call that has been judged already.
    pub fn explain_verdict(
        &self,
        call: &Supposed<'_>,
        place: Where,
        verdict: Verdict,
    ) -> Explained {
        let is_contained = place == Where::View && verdict.tier == RiskTier::L0Readonly;
        let reach = match call.tool {
            "apply" => Reach::Apply {
                kind: WorkspaceKind::Private,
            },
            "publish" | "deliver" | "ask_person" | "request_permission_level" => Reach::Internal,
            _ if is_contained => Reach::View,
            _ => Reach::Outside,
        };
        let labels = Labels {
            integrity: match call.after_external {
                true => Integrity::External,
                false => Integrity::Owner,
            },
            audience: Default::default(),
        };
        let address = call.arguments["url"].as_str().unwrap_or_default();
        let request = Request {
            requester: call.requester,
            origin: call.origin,
            tool: call.tool,
            arguments: call.arguments,
            reach,
            destination: Some(Destination::web(address)),
            verdict,
            labels: &labels,
            digest: Digest::of(&call.tool),
            approval: None,
            circumstances: Circumstances {
                agent: call.agent,
                ..Circumstances::default()
            },
        };
        self.explained(&request, Timestamp::default())
    }

    /// Who may decide what, for every role.
    pub(super) fn deciders(&self, tier: RiskTier) -> Vec<Decider> {
        let may = |role, is_own| self.approvers.may_permit(role, is_own, tier).is_ok();
        let decider = |&role: &Role| Decider {
            role,
            others: may(role, false),
            own: may(role, true),
        };
        Role::ALL.iter().map(decider).collect()
    }
}
