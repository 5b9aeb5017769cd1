//! Notices to people who are not looking: rows of the outbox that connectors deliver.
//!
//! `notice:approvals` is the channel where a connector gathers what waits for a decision, and
//! `notice:user_…` is a person, wherever he is linked. Where nobody is linked nothing is written:
//! the portal and the terminal read the feed.

use crate::crew::Crew;
use crate::{Wrong, mint};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wardroom_domain::{Approval, ApprovalDecision, OutboxId, Task, User, UserId};
use wardroom_store::{Outbox, Write};

/// The channel where questions are gathered.
pub const APPROVALS: &str = "notice:approvals";

/// A person, wherever he is linked.
pub fn person(user: UserId) -> String {
    format!("notice:{user}")
}

async fn linked(crew: &Crew) -> Result<BTreeSet<UserId>, Wrong> {
    let identities = crew.store.identities(crew.org, None).await?;
    Ok(identities.into_iter().map(|row| row.user).collect())
}

fn row(crew: &Crew, destination: String, key: &str, body: &Value) -> Write {
    Write::Outbox(Outbox {
        id: mint!(crew.clock, OutboxId),
        dedup_key: format!("{key}:{destination}"),
        destination,
        body: body.clone(),
        at: crew.clock.now(),
    })
}

/// Tells the approval channel, those who may decide, and the requester that something waits.
pub(crate) async fn asked(
    crew: &Crew,
    task: &Task,
    approval: &Approval,
    deciders: &[User],
) -> Result<Vec<Write>, Wrong> {
    let linked = linked(crew).await?;
    if linked.is_empty() {
        return Ok(Vec::new());
    }
    let body = json!({"kind": "approval.asked", "approval": approval.id, "task": task.id,
        "title": task.title, "requester": approval.requester, "agent": approval.agent,
        "tool": approval.tool, "tier": approval.tier, "rationale": approval.rationale,
        "rule": approval.rule, "arguments": approval.arguments, "digest": approval.digest,
        "expires_at": approval.expires_at, "question": approval.question});
    let people: BTreeSet<UserId> = deciders
        .iter()
        .map(|user| user.id)
        .chain([approval.requester])
        .filter(|user| linked.contains(user))
        .collect();
    let key = format!("asked:{}", approval.id);
    let mut rows = vec![row(crew, APPROVALS.to_owned(), &key, &body)];
    rows.extend(
        people
            .into_iter()
            .map(|user| row(crew, person(user), &key, &body)),
    );
    Ok(rows)
}

/// Tells the approval channel and the requester how it ended.
pub(crate) async fn decided(
    crew: &Crew,
    approval: &Approval,
    decision: ApprovalDecision,
    by: Option<UserId>,
) -> Result<Vec<Write>, Wrong> {
    let linked = linked(crew).await?;
    if linked.is_empty() {
        return Ok(Vec::new());
    }
    let body = json!({"kind": "approval.decided", "approval": approval.id, "task": approval.task,
        "decision": decision, "by": by, "tool": approval.tool, "tier": approval.tier});
    let key = format!("decided:{}", approval.id);
    let mut rows = vec![row(crew, APPROVALS.to_owned(), &key, &body)];
    if linked.contains(&approval.requester) {
        rows.push(row(crew, person(approval.requester), &key, &body));
    }
    Ok(rows)
}

/// Tells a person something about his account, once per key.
pub(crate) async fn tell(
    crew: &Crew,
    user: UserId,
    key: &str,
    text: &str,
) -> Result<Option<Write>, Wrong> {
    let identities = crew.store.identities(crew.org, Some(user)).await?;
    let body = json!({"kind": "notice", "text": text});
    Ok((!identities.is_empty()).then(|| row(crew, person(user), key, &body)))
}
