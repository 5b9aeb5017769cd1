//! Remembered yeses: given with a decision, listed, taken back.

use crate::Wrong;
use crate::crew::Crew;
use crate::{control, mint};
use serde_json::json;
use wardroom_domain::{
    Approval, AuditKind, Capability, Chain, Grant, GrantId, Principal, RiskTier, Task,
};
use wardroom_store::{GiveGrant, RevokeGrant, Write};

/// The rows that make a yes last, if this one may.
pub(crate) fn given(
    crew: &Crew,
    by: &Principal,
    approval: &Approval,
    task: &Task,
) -> Result<Vec<Write>, Wrong> {
    let kind = approval.covers.clone();
    let kind = kind.filter(|_| approval.tier < RiskTier::L3Privileged && !approval.four_eyes);
    let Some(kind) = kind else {
        let text = "a yes to this counts once only; leave `remember` out, or say `once`";
        return Err(Wrong::Unfit(text.to_owned()));
    };
    let grant = Grant {
        id: mint!(crew.clock, GrantId),
        workspace: task.workspace,
        requester: Some(approval.requester),
        kind,
        tier: approval.tier,
        granted_by: by.user,
        granted_at: crew.clock.now(),
        expires_at: None,
        revoked_at: None,
    };
    let body = json!({"grant": grant.id, "given": true, "approval": approval.id, "kind": grant.kind,
        "workspace": grant.workspace, "requester": grant.requester, "via": by.via});
    let tier = Some(approval.tier);
    let audit = crew.audit(Chain::Org, AuditKind::GrantChanged, by.user, tier, body);
    let give = GiveGrant {
        grant,
        approval: approval.id,
    };
    Ok(vec![give.into(), audit])
}

/// The grants that somebody may see: for his own requests, or all for those who oversee others.
pub async fn list(crew: &Crew, by: &Principal) -> Result<Vec<Grant>, Wrong> {
    let mut grants = crew.store.grants(crew.org).await?;
    if !by.may(Capability::ManageGrants) {
        grants.retain(|grant| grant.requester == Some(by.user) || grant.granted_by == by.user);
    }
    Ok(grants)
}

/// Takes a grant back; the next action of its kind asks again.
pub async fn revoke(crew: &Crew, by: &Principal, id: GrantId) -> Result<(), Wrong> {
    control::may_act(by)?;
    let mine = list(crew, by).await?;
    let grant = mine.iter().find(|grant| grant.id == id);
    let grant = grant.ok_or(Wrong::missing("grant"))?;
    let at = crew.clock.now();
    let body = json!({"grant": id, "revoked": true, "kind": grant.kind, "via": by.via});
    let tier = Some(grant.tier);
    let audit = crew.audit(Chain::Org, AuditKind::GrantChanged, by.user, tier, body);
    let revoke = Write::RevokeGrant(RevokeGrant {
        id,
        by: by.user,
        at,
    });
    crew.commit(vec![revoke, audit]).await?;
    Ok(())
}
