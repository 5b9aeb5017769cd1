//! A question to a person about one exact action: whom it can go to, what it shows, what an answer
//! is bound to.

use crate::crew::Crew;
use crate::decide::approvals_of;
use crate::run::Run;
use crate::{Wrong, mint, notice};
use std::time::Duration;
use wardroom_domain::{
    ActionKind, Approval, ApprovalDecision, ApprovalId, Effect, PolicySource, Principal, Question,
    RiskTier, Task, ToolCall, User, UserStatus,
};

/// What policy says of an action that asks.
pub(crate) struct Asked {
    pub(crate) tier: RiskTier,
    pub(crate) rule: String,
    pub(crate) source: PolicySource,
    pub(crate) rationale: String,
    pub(crate) kind: Option<ActionKind>,
}

/// The question whether an action may happen, with the notices about it; or why there is nobody who
/// could answer it. `whole` makes of the question about this effect the one that is asked.
pub(crate) async fn permission(
    run: &mut Run,
    effect: &Effect,
    shown: &ToolCall,
    asked: Asked,
    whole: impl FnOnce(Approval) -> Approval,
) -> Result<Result<Approval, String>, Wrong> {
    let tier = asked.tier;
    let policy = run.crew.policy();
    let needed = policy.approvers.decisions_needed(tier);
    let four_eyes = needed > 1;
    let mut approval = open(run, Question::Permission, effect, shown);
    approval.tier = tier;
    approval.four_eyes = four_eyes;
    approval.rationale = asked.rationale;
    approval.rule = asked.rule;
    approval.source = asked.source;
    approval.covers = asked.kind.filter(|_| !four_eyes);
    if let Some(seconds) = policy.approval_ttl_s {
        approval.expires_at = approval.created_at.after(Duration::from_secs(seconds));
    }
    // What is announced is what is asked, be it about this call alone or about more, to those who
    // may decide exactly that.
    let approval = whole(approval);
    let deciders = deciders(&run.crew, &run.task, &approval).await?;
    if deciders.len() < needed {
        return Ok(Err(nobody(tier, four_eyes)));
    }
    let notices = notice::asked(&run.crew, &run.task, &approval, &deciders).await?;
    run.writes.extend(notices);
    Ok(Ok(approval))
}

fn nobody(tier: RiskTier, four_eyes: bool) -> String {
    let whose = if four_eyes {
        "two people's"
    } else {
        "a person's"
    };
    format!(
        "refused: {tier} needs {whose} approval, and nobody here may give it; an admin can add somebody or change `self_approval`"
    )
}

/// Everybody who could say yes to it, by role and scope.
async fn deciders(crew: &Crew, task: &Task, approval: &Approval) -> Result<Vec<User>, Wrong> {
    let policy = crew.policy();
    let mut deciders = Vec::new();
    for user in crew.store.users(crew.org).await? {
        let is_own = user.id == task.requester;
        if user.status != UserStatus::Active || is_own && approval.four_eyes {
            continue;
        }
        let him = Principal {
            org: crew.org,
            user: user.id,
            name: user.name.clone(),
            role: user.role,
            via: "question".to_owned(),
        };
        let scopes = crew.store.scopes(crew.org, user.id).await?;
        let approvers = &policy.approvers;
        if approvers.may_decide(&him, &scopes, task, approval).is_ok() {
            deciders.push(user);
        }
    }
    Ok(deciders)
}

/// The yes to exactly this that was said and not used yet: the action had to wait after it.
pub(crate) async fn answered(run: &Run, effect: &Effect) -> Result<Option<Approval>, Wrong> {
    let rows = approvals_of(&run.crew, run.task.id).await?;
    let is_this = |approval: &Approval| {
        approval.question == Question::Permission
            && approval.digest == effect.digest
            && approval.decision == Some(ApprovalDecision::Approve)
    };
    let unspent = rows.into_iter().filter(|row| row.spent_at.is_none());
    Ok(unspent.map(|row| row.approval).find(is_this))
}

/// A question in words to the person who asked for the task.
pub(crate) fn words(run: &Run, effect: &Effect) -> Approval {
    let mut approval = open(run, Question::Answer, effect, &effect.call);
    approval.tier = RiskTier::L0Readonly;
    approval.rationale = "the task needs an answer to go on".to_owned();
    approval.rule = "ask-person".to_owned();
    approval
}

/// Whether an interrupted effect happened is asked of a person, with what is known of it.
pub(crate) fn doubt(run: &Run, effect: &Effect, why: &str) -> Approval {
    let mut approval = open(run, Question::InDoubt, effect, &effect.call);
    approval.rationale = format!("{why}; look whether it happened before you answer");
    approval.rule = "in-doubt".to_owned();
    approval
}

/// Every question begins like this: about one effect, bound to its digest, open for a time.
/// `shown` is the call as a person reads it.
fn open(run: &Run, question: Question, effect: &Effect, shown: &ToolCall) -> Approval {
    let now = run.crew.clock.now();
    Approval {
        id: mint!(run.crew.clock, ApprovalId),
        question,
        task: run.task.id,
        effect: effect.id,
        requester: run.task.requester,
        agent: run.task.agent.clone(),
        tool: shown.tool.clone(),
        arguments: shown.arguments.clone(),
        digest: effect.digest,
        tier: effect.tier,
        rationale: String::new(),
        rule: String::new(),
        source: PolicySource::SystemEnforced,
        labels: run.task.labels.clone(),
        created_at: now,
        expires_at: now.after(run.crew.settings.approval_ttl),
        decision: None,
        decided_by: None,
        decided_at: None,
        answer: None,
        covers: None,
        four_eyes: false,
        first_by: None,
    }
}
