//! One question about several calls of one turn: what a model wants to do at once is shown at once,
//! each call exactly, and decided once. After a no each of them asks for itself; a yes does not
//! outlive the turn.

use crate::Wrong;
use crate::authorize::{self, Case};
use crate::decide::approvals_of;
use crate::run::Run;
use crate::weigh::weigh;
use serde_json::{Value, json};
use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, Digest, Effect, RiskTier, TaskId, ToolCall,
};
use wardroom_engine::{Fact, LineState};
use wardroom_policy::decide::{Decision, Reach, SERVER_CHANGED};

/// The name under which several calls are asked about.
pub(crate) const TOGETHER: &str = "together";
/// A question is shown whole or not asked: more than this does not fit on every screen.
const SHOWN_CHARS_MAX: usize = 2000;

/// A call of the turn that asks, as a person is shown it.
pub(crate) struct Member {
    tool: String,
    arguments: Value,
    digest: Digest,
    pub(crate) tier: RiskTier,
    why: String,
}

impl Member {
    /// None where the call is to be looked at alone: it may need more than a yes, or uses a secret
    /// that its own question has to name.
    pub(crate) fn of(run: &Run, case: &Case, effect: &Effect, why: &str) -> Option<Self> {
        let tier = case.verdict.tier;
        let approvers = &run.crew.policy().approvers;
        let is_plain = case.reach == Reach::Outside
            && tier < RiskTier::L3Privileged
            && approvers.decisions_needed(tier) == 1
            && case.verdict.rule != SERVER_CHANGED
            && !authorize::uses_secret(run, &case.call);
        is_plain.then(|| Self {
            tool: case.call.tool.clone(),
            arguments: case.shown.clone(),
            digest: effect.digest,
            tier,
            why: why.to_owned(),
        })
    }

    fn shown(&self) -> Value {
        json!({"tool": self.tool, "arguments": self.arguments, "tier": self.tier,
            "why": self.why, "digest": self.digest})
    }
}

/// The calls of this turn that would ask beside the one that is looked at.
pub(crate) async fn others(run: &mut Run) -> Result<Vec<Member>, Wrong> {
    let waiting: Vec<ToolCall> = run
        .life
        .lines
        .iter()
        .filter(|line| line.state == LineState::Open && !line.is_ours)
        .skip(1)
        .map(|line| line.call.clone())
        .collect();
    let mut others = Vec::new();
    for call in waiting {
        let Some(case) = authorize::outward_case(run, call).await else {
            continue;
        };
        let weighed = weigh(run, &case, None).await?;
        if let Decision::Ask { rationale, .. } = &weighed.decision {
            others.extend(Member::of(run, &case, &weighed.effect, rationale));
        }
    }
    Ok(others)
}

/// The question about all of them, in place of the one about the first; none if they are too many
/// to be shown whole.
pub(crate) fn about(approval: &Approval, members: &[Member]) -> Option<Approval> {
    let calls: Vec<Value> = members.iter().map(Member::shown).collect();
    let arguments = json!({ "calls": calls });
    let shown = serde_json::to_string_pretty(&arguments).unwrap_or_default();
    if members.len() < 2 || shown.chars().count() > SHOWN_CHARS_MAX {
        return None;
    }
    let digests: Vec<Digest> = members.iter().map(|member| member.digest).collect();
    Some(Approval {
        tool: TOGETHER.to_owned(),
        arguments,
        digest: digest_of(approval.task, &digests),
        rationale: format!(
            "{} calls of one turn, to be allowed exactly as they stand here; after a no each asks for itself. First of them: {}",
            members.len(),
            approval.rationale
        ),
        rule: TOGETHER.to_owned(),
        covers: None,
        ..approval.clone()
    })
}

/// What a person said about a call as one of several, in this turn.
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// Yes, as bound to this very call.
    Yes(Box<Approval>),
    /// No to all of them together.
    AskAlone,
    /// Nobody answered in time.
    Expired,
}

pub(crate) async fn said(run: &Run, effect: &Effect) -> Result<Said, Wrong> {
    let asked = asked_this_turn(run);
    if asked.is_empty() {
        return Ok(Said::Nothing);
    }
    for row in approvals_of(&run.crew, run.task.id).await? {
        let approval = row.approval;
        let shown = members_of(&approval, effect.digest);
        if !asked.contains(&approval.id) || shown == 0 {
            continue;
        }
        match approval.decision {
            Some(ApprovalDecision::Approve) if used(run, &approval, effect) < shown => {
                let digest = effect.digest;
                let yes = Approval { digest, ..approval };
                return Ok(Said::Yes(Box::new(yes)));
            }
            Some(ApprovalDecision::Deny) => return Ok(Said::AskAlone),
            Some(ApprovalDecision::Expire) => return Ok(Said::Expired),
            _ => {}
        }
    }
    Ok(Said::Nothing)
}

/// Whether this effect's permit came of an approval that other effects came of, too.
pub(crate) fn is_spent(run: &Run, approval: ApprovalId) -> bool {
    run.transcript
        .facts()
        .iter()
        .any(|fact| matches!(fact, Fact::Intended { approval: Some(id), .. } if *id == approval))
}

/// The questions that were asked since the model last spoke.
fn asked_this_turn(run: &Run) -> Vec<ApprovalId> {
    let mut asked = Vec::new();
    for fact in run.facts() {
        match fact {
            Fact::Replied { .. } => asked.clear(),
            Fact::Asked { approval, .. } if approval.tool == TOGETHER => asked.push(approval.id),
            _ => {}
        }
    }
    asked
}

/// How often a call stands in a question about several; never, if that question is not whole.
fn members_of(approval: &Approval, digest: Digest) -> usize {
    let calls = approval.arguments["calls"].as_array();
    let digests: Vec<Digest> = calls
        .into_iter()
        .flatten()
        .filter_map(|call| Digest::parse(call["digest"].as_str()?))
        .collect();
    if approval.tool != TOGETHER || digest_of(approval.task, &digests) != approval.digest {
        return 0;
    }
    digests.iter().filter(|one| **one == digest).count()
}

/// How often this call has been carried out on that yes, itself left aside.
fn used(run: &Run, approval: &Approval, effect: &Effect) -> usize {
    let same = run.facts().filter(|fact| {
        matches!(fact, Fact::Intended { effect: done, approval: Some(id), .. }
            if *id == approval.id && done.digest == effect.digest && done.id != effect.id)
    });
    same.count()
}

fn digest_of(task: TaskId, digests: &[Digest]) -> Digest {
    Digest::of(&(TOGETHER, task, digests))
}
