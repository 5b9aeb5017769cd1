//! A question ends: by somebody who may, once, about exactly what was asked.

use crate::crew::Crew;
use crate::signals::kind;
use crate::{Wrong, control, grant, notice};
use serde_json::json;
use std::sync::Arc;
use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, AuditKind, Capability, Chain, Digest, EffectId,
    Principal, Question, TaskId, Waymark, limits,
};
use wardroom_store::{
    ApprovalFilter, ApprovalRow, Decide, Endorse, Feed, Overseer, Page, Signal, Write,
};

/// Somebody's word on a question.
#[derive(Clone, Debug)]
pub struct Word {
    /// Yes or no.
    pub decision: ApprovalDecision,
    /// What he was shown; must match when given.
    pub digest: Option<Digest>,
    /// His words, where words were asked for.
    pub answer: Option<String>,
    /// Whether a yes is to last, for actions of this kind.
    pub lasts: bool,
}

/// Whose questions somebody sees: his own, and those of the tasks that he oversees.
pub fn overseer(by: &Principal) -> Overseer {
    Overseer {
        user: by.user,
        sees_others: by.may(Capability::SeeOthers),
    }
}

/// A question that the person may see; anything else is not there.
pub async fn seen(crew: &Crew, by: &Principal, id: ApprovalId) -> Result<Approval, Wrong> {
    let found = crew.store.approval(crew.org, id).await?;
    let approval = found.ok_or(Wrong::missing("approval"))?.approval;
    // One way to see a task, and so its questions; what is not seen is not there.
    match control::seen(crew, by, approval.task).await {
        Err(Wrong::NotFound { .. }) => Err(Wrong::missing("approval")),
        Err(other) => Err(other),
        Ok(_) => Ok(approval),
    }
}

/// Whether somebody may decide a question, as things stand now: for lists and buttons.
pub async fn may_decide(crew: &Crew, by: &Principal, approval: &Approval) -> Result<bool, Wrong> {
    match require_his(crew, by, approval).await {
        Ok(()) => Ok(true),
        Err(Wrong::Forbidden(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Refuses him whose it is not to decide, by role, scope and whose request it is.
async fn require_his(crew: &Crew, by: &Principal, approval: &Approval) -> Result<(), Wrong> {
    let policy = crew.policy_now().await?;
    let row = crew.store.task(crew.org, approval.task).await?;
    let task = row.ok_or(Wrong::missing("task"))?.task;
    let scopes = crew.store.scopes(crew.org, by.user).await?;
    let approvers = &policy.approvers;
    approvers
        .may_decide(by, &scopes, &task, approval)
        .map_err(|why| Wrong::Forbidden(why.to_string()))
}

/// Decides a question. One winner; late, repeated, foreign and guessed ones are refused and
/// written down.
pub async fn decide(
    crew: &Arc<Crew>,
    by: &Principal,
    id: ApprovalId,
    word: Word,
) -> Result<Approval, Wrong> {
    let result = attempt(crew, by, id, &word).await;
    if let Err(wrong) = &result {
        let body = json!({"approval": id, "decision": word.decision, "why": wrong.to_string(), "via": by.via});
        let audit = crew.audit(Chain::Org, AuditKind::ApprovalRefused, by.user, None, body);
        crew.commit(vec![audit]).await?;
    }
    result
}

async fn attempt(
    crew: &Arc<Crew>,
    by: &Principal,
    id: ApprovalId,
    word: &Word,
) -> Result<Approval, Wrong> {
    let approval = seen(crew, by, id).await?;
    refuse_if_ended(crew, &approval).await?;
    require_his(crew, by, &approval).await?;
    if approval.four_eyes
        && by.user == approval.requester
        && word.decision == ApprovalDecision::Approve
    {
        let text = "this takes the yes of two people besides the one who asked for it";
        return Err(Wrong::Forbidden(text.to_owned()));
    }
    if approval.question == Question::Answer
        && word.decision == ApprovalDecision::Approve
        && word.answer.as_deref().is_none_or(str::is_empty)
    {
        return Err(Wrong::Unfit(
            "this asks for words: send them as `answer`".to_owned(),
        ));
    }
    if word.lasts && word.decision != ApprovalDecision::Approve {
        let text = "only a yes can last; leave `remember` out";
        return Err(Wrong::Unfit(text.to_owned()));
    }
    let is_first = approval.four_eyes && approval.first_by.is_none();
    if is_first && word.decision == ApprovalDecision::Approve {
        endorse(crew, &approval, word, by).await?;
    } else {
        let also = match word.lasts {
            true => lasting(crew, by, &approval).await?,
            false => Vec::new(),
        };
        write(crew, &approval, word, Some(by), also).await?;
    }
    seen(crew, by, id).await
}

/// The first of two yeses: written down, and the question waits for the second.
async fn endorse(
    crew: &Crew,
    approval: &Approval,
    word: &Word,
    by: &Principal,
) -> Result<(), Wrong> {
    let endorse = Endorse {
        id: approval.id,
        by: by.user,
        at: crew.clock.now(),
        digest: word.digest,
    };
    let body = json!({"approval": approval.id, "first_of_two": true, "digest": approval.digest,
        "via": by.via});
    let chain = Chain::Task(approval.task);
    let kind = AuditKind::ApprovalDecided;
    let audit = crew.audit(chain, kind, by.user, Some(approval.tier), body);
    crew.commit(vec![endorse.into(), audit]).await?;
    Ok(())
}

async fn lasting(crew: &Crew, by: &Principal, approval: &Approval) -> Result<Vec<Write>, Wrong> {
    let row = crew.store.task(crew.org, approval.task).await?;
    let task = row.ok_or(Wrong::missing("task"))?.task;
    grant::given(crew, by, approval, &task)
}

/// A question whose task has ended is nobody's to decide any more.
async fn refuse_if_ended(crew: &Arc<Crew>, approval: &Approval) -> Result<(), Wrong> {
    let task = crew.store.task(crew.org, approval.task).await?;
    let status = task.map(|row| row.task.status);
    match (approval.decision, status) {
        (None, Some(status)) if status.is_terminal() => Err(Wrong::TooLate(format!(
            "{} has ended ({status}), so nothing waits for this",
            approval.task
        ))),
        _ => Ok(()),
    }
}

/// A task has ended: what it still asks needs no answer.
pub(crate) async fn withdraw(crew: &Arc<Crew>, task: TaskId) -> Result<(), Wrong> {
    for row in approvals_of(crew, task).await? {
        if row.approval.decision.is_none() {
            expire(crew, &row.approval).await?;
        }
    }
    Ok(())
}

/// Nobody answered in time, or nobody waits for an answer.
pub(crate) async fn expire(crew: &Arc<Crew>, approval: &Approval) -> Result<(), Wrong> {
    let word = Word {
        decision: ApprovalDecision::Expire,
        digest: None,
        answer: None,
        lasts: false,
    };
    match write(crew, approval, &word, None, Vec::new()).await {
        Err(Wrong::Commit(wardroom_store::CommitError::Refused(late))) => {
            tracing::debug!(approval = %approval.id, %late, "was decided in the last moment");
            Ok(())
        }
        other => other,
    }
}

async fn write(
    crew: &Arc<Crew>,
    approval: &Approval,
    word: &Word,
    by: Option<&Principal>,
    also: Vec<Write>,
) -> Result<(), Wrong> {
    let at = crew.clock.now();
    let actor = by.map_or("clock".to_owned(), |by| by.user.to_string());
    let decided = Approval {
        decision: Some(word.decision),
        decided_by: by.map(|by| by.user),
        decided_at: Some(at),
        answer: word.answer.clone(),
        ..approval.clone()
    };
    let body = json!({"approval": approval.id, "decision": word.decision, "digest": approval.digest, "via": by.map(|by| &by.via),
        "answer": word.answer.as_ref().map(Digest::of)});
    let mut writes = vec![
        Write::Decide(Decide {
            id: approval.id,
            decision: word.decision,
            by: by.map(|by| by.user),
            at,
            digest: word.digest,
            answer: word.answer.clone(),
        }),
        Write::Signal(Signal {
            task: approval.task,
            dedup_key: format!("{}:{}", kind::DECIDED, approval.id),
            kind: kind::DECIDED.to_owned(),
            body: json!({"approval": approval.id}),
            at,
        }),
        crew.audit(
            Chain::Task(approval.task),
            AuditKind::ApprovalDecided,
            actor,
            Some(approval.tier),
            body,
        ),
    ];
    writes.extend(also);
    let decider = by.map(|by| by.user);
    writes.extend(notice::decided(crew, approval, word.decision, decider).await?);
    let conversation = crew
        .store
        .task(crew.org, approval.task)
        .await?
        .and_then(|row| row.task.conversation);
    let streams = [
        Some(approval.task.to_string()),
        conversation.map(|id| id.to_string()),
    ];
    for stream in streams.into_iter().flatten() {
        let data = json!({"task": approval.task, "approval": decided});
        writes.push(Write::Feed(Feed {
            stream,
            event: "approval".into(),
            at,
            data,
        }));
    }
    crew.commit(writes).await?;
    Waymark::ApprovalDecide.reached().await;
    Ok(())
}

/// Says whether an interrupted effect happened: `happened`, `did_not` or `stop`.
pub async fn resolve(
    crew: &Arc<Crew>,
    by: &Principal,
    task: TaskId,
    effect: EffectId,
    answer: &str,
) -> Result<Approval, Wrong> {
    control::seen(crew, by, task).await?;
    let open = approvals_of(crew, task).await?;
    let approval = open
        .into_iter()
        .map(|row| row.approval)
        .find(|approval| {
            approval.effect == effect
                && approval.question == Question::InDoubt
                && approval.decision.is_none()
        })
        .ok_or(Wrong::missing("effect in doubt"))?;
    let decision = match answer {
        "happened" => ApprovalDecision::Approve,
        "did_not" | "stop" => ApprovalDecision::Deny,
        other => {
            return Err(Wrong::Unfit(format!(
                "`{other}` is no answer; say happened, did_not or stop"
            )));
        }
    };
    let word = Word {
        decision,
        digest: None,
        answer: Some(answer.to_owned()),
        lasts: false,
    };
    decide(crew, by, approval.id, word).await
}

/// Every question that a task has asked, newest first.
pub(crate) async fn approvals_of(crew: &Crew, task: TaskId) -> Result<Vec<ApprovalRow>, Wrong> {
    let filter = ApprovalFilter {
        task: Some(task),
        ..ApprovalFilter::default()
    };
    let page = Page {
        limit: Some(limits::PAGE_ROWS_MAX),
        cursor: None,
    };
    Ok(crew.store.approvals(crew.org, &filter, &page).await?.items)
}
