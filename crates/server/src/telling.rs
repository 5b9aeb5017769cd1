//! What policy says, in the words of the wire: for its door, and for the terminal without a server.

use wardroom_api::policy::{Decider, ExplainPolicy, Explained, ExplainedCall, PolicyVersion};
use wardroom_coordinator::rulebook::Version;
use wardroom_domain::{Origin, Principal};
use wardroom_policy::decide::{self, Policy, Supposed, Where};

/// What would become of a call that somebody made.
pub fn explained(policy: &Policy, requester: &Principal, asked: ExplainPolicy) -> ExplainedCall {
    let call = Supposed {
        requester,
        origin: asked.origin.unwrap_or(Origin::Chat),
        agent: asked.agent.as_deref().unwrap_or_default(),
        after_external: asked.after_external,
        tool: &asked.tool,
        arguments: &asked.arguments,
    };
    ExplainedCall {
        in_view: one(policy.explain(&call, Where::View)),
        on_host: one(policy.explain(&call, Where::Host)),
        role: requester.role,
        tool: asked.tool,
    }
}

/// A version of the policy.
pub fn version(version: Version) -> PolicyVersion {
    PolicyVersion {
        version: version.version,
        author: version.author,
        at: version.at,
        diff: version.diff,
        document: serde_json::json!(version.document),
    }
}

fn one(explained: decide::Explained) -> Explained {
    let decider = |decider: decide::Decider| Decider {
        role: decider.role,
        others: decider.others,
        own: decider.own,
    };
    Explained {
        decision: explained.decision.to_string(),
        tier: explained.tier,
        rule: explained.rule,
        source: explained.source,
        rationale: explained.rationale,
        deciders: explained.deciders.into_iter().map(decider).collect(),
    }
}
