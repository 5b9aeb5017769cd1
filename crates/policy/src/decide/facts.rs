//! What the rules look at, computed once per request.

use super::disclosure::{ANYONE, is_in_mandate, is_too_narrow, is_typed};
use super::kind::action_kind;
use super::policy::Policy;
use super::request::{Reach, Request};
use crate::typed::{Stray, Typed, is_alone};
use wardroom_domain::{
    ActionKind, ApprovalDecision, ApprovalId, BypassMode, GrantId, Integrity, PermissionLevel,
    RiskTier, ScopeKind, Timestamp,
};

/// Statements about a request. Each is true or false whatever the rules say.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The requester's bypass is on, and no emergency has switched it off.
    pub bypasses: bool,
    /// Something from outside was read on the way here.
    pub tainted: bool,
    /// The mandate covers it, tool and destination.
    pub mandated: bool,
    /// The requester typed all that it is aimed at, and it has not been done yet.
    pub wished: bool,
    /// What it is aimed at that he did not type, for the question.
    pub stray: Option<Stray>,
    /// The secret that it would use.
    pub secret: Option<String>,
    /// It would tell somebody what he may not learn, and its owner did not type the address.
    pub discloses: bool,
    /// The org has paused it.
    pub paused: bool,
    /// A remembered yes covers it, and the org lets it.
    pub granted: Option<GrantId>,
    /// A person said yes to exactly this, in time.
    pub approved: Option<ApprovalId>,
    /// Why a layer around it keeps it out, with the rule to cite.
    pub kept_out: Option<KeptOut>,
}

/// A layer that does not let an action through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptOut {
    pub rule: String,
    pub why: String,
}

impl Facts {
    pub fn of(policy: &Policy, request: &Request<'_>, now: Timestamp) -> Self {
        let around = &request.circumstances;
        let to = request.destination.as_ref();
        let leaves = request.reach == Reach::Outside;
        let mandated = leaves
            && around
                .mandate
                .is_some_and(|mandate| is_in_mandate(mandate, request.tool, request.arguments, to));
        let typed = around
            .typed
            .zip(to)
            .is_some_and(|(typed, to)| is_typed(typed, request.arguments, to));
        let readers = to.map_or(&[ANYONE][..], |to| to.readers);
        let wish = wish(request);
        Self {
            bypasses: around.bypass == BypassMode::On && !around.emergency.bypass_disabled,
            tainted: request.labels.integrity == Integrity::External,
            mandated,
            wished: leaves && wish.is_ok(),
            stray: wish.err().flatten(),
            secret: request.arguments["secret"].as_str().map(str::to_owned),
            discloses: leaves
                && !mandated
                && !typed
                && !is_led_by_org(request)
                && is_too_narrow(request.labels, readers),
            paused: around.emergency.pause_mutations && changes(request),
            granted: granted(policy, request, now),
            approved: spendable(request, now),
            kept_out: kept_out(policy, request),
        }
    }

    /// What a remembered yes to the request would cover.
    pub fn kind(&self, request: &Request<'_>) -> ActionKind {
        action_kind(request.tool, request.arguments, &request.verdict)
    }
}

/// Whether it only looks at an address that the org's own data names whole, and says nothing else.
fn is_led_by_org(request: &Request<'_>) -> bool {
    let (named, to) = (request.circumstances.named_by_org, &request.destination);
    let is_look = request.verdict.tier == RiskTier::L0Readonly;
    let says_it_alone =
        |named: &Typed, address: &str| named.holds_address(address) && is_alone(request.arguments);
    let led = named.zip(to.as_ref());
    is_look
        && led.is_some_and(|(named, to)| !to.address.is_empty() && says_it_alone(named, to.address))
}

/// Whether the requester himself wished for exactly this: he typed all that it is aimed at, nothing
/// weighs more than a change that can be made good, and it has not been done already.
fn wish(request: &Request<'_>) -> Result<(), Option<Stray>> {
    let typed = request.circumstances.typed.ok_or(None)?;
    typed.covers(request.arguments)?;
    let aims = typed.aims(request.arguments);
    let is_done = request
        .circumstances
        .done
        .iter()
        .any(|call| call.tool == request.tool && typed.aims(&call.arguments) == aims);
    let is_plain = request.verdict.tier <= RiskTier::L1Mutating;
    if is_plain && !is_done {
        Ok(())
    } else {
        Err(None)
    }
}

/// Whether the action changes anything beyond the task's own view and our own rows.
fn changes(request: &Request<'_>) -> bool {
    let is_out = matches!(request.reach, Reach::Apply { .. } | Reach::Outside);
    is_out && request.verdict.tier > RiskTier::L0Readonly
}

fn granted(policy: &Policy, request: &Request<'_>, now: Timestamp) -> Option<GrantId> {
    let around = &request.circumstances;
    let workspace = around.workspace?;
    if around.grants.is_empty() || !policy.grants_cover(request.verdict.tier) {
        return None;
    }
    let kind = action_kind(request.tool, request.arguments, &request.verdict);
    let covers = |grant: &&wardroom_domain::Grant| {
        grant.stands(now)
            && grant.workspace == workspace
            && grant
                .requester
                .is_none_or(|user| user == request.requester.user)
            && grant.kind.digest == kind.digest
            && request.verdict.tier <= grant.tier
    };
    around.grants.iter().find(covers).map(|grant| grant.id)
}

fn kept_out(policy: &Policy, request: &Request<'_>) -> Option<KeptOut> {
    let around = &request.circumstances;
    let tool = request.tool;
    let role = request.requester.role;
    let own = policy.allowlists(role, around.agent, around.context, around.skill);
    let mut lists = own.iter().chain(around.allowlists);
    let closed = lists.find(|list| !list.lets_tool(tool));
    if let Some(list) = closed {
        let (layer, name) = (list.layer, &list.name);
        return Some(KeptOut {
            rule: format!("allowlist.{layer}"),
            why: format!("the {layer} `{name}` does not allow the tool `{tool}`"),
        });
    }
    if let Some(kind) = out_of_scope(request) {
        return Some(KeptOut {
            rule: format!("scope.{kind}"),
            why: format!(
                "the role of {} does not hold for this {kind}",
                request.requester.name
            ),
        });
    }
    let level = policy.level_of(around.agent, around.agent_level, around.raised)?;
    let tier = request.verdict.tier;
    // Level 0 has no network, not even to read from.
    if level == PermissionLevel::Restricted && request.reach == Reach::Outside {
        return Some(KeptOut {
            rule: "agent-level".to_owned(),
            why: format!("an agent of level {level} reaches nothing outside of its workspace"),
        });
    }
    let reaches = matches!(request.reach, Reach::Apply { .. } | Reach::Outside);
    (reaches && tier > level.ceiling()).then(|| KeptOut {
        rule: "agent-level".to_owned(),
        why: format!("an agent of level {level} does nothing of tier {tier}"),
    })
}

fn out_of_scope(request: &Request<'_>) -> Option<ScopeKind> {
    let around = &request.circumstances;
    let scopes = around.scopes.filter(|scopes| !scopes.0.is_empty())?;
    let workspace = around
        .workspace
        .map(|id| (ScopeKind::Workspace, id.to_string()));
    let context = around
        .context
        .map(|id| (ScopeKind::Context, id.to_string()));
    let mut here: Vec<_> = workspace.into_iter().chain(context).collect();
    here.push((ScopeKind::Tool, request.tool.to_owned()));
    scopes.miss(&here)
}

/// The approval that says yes to exactly this, if there is one.
fn spendable(request: &Request<'_>, now: Timestamp) -> Option<ApprovalId> {
    let approval = request.approval?;
    let is_this = approval.digest == request.digest;
    let is_yes = approval.decision == Some(ApprovalDecision::Approve);
    // A person who said yes in time has said yes: the wait for a free executor is not his fault.
    let was_in_time = approval
        .decided_at
        .is_some_and(|at| at <= approval.expires_at && at <= now);
    (is_this && is_yes && was_in_time).then_some(approval.id)
}
