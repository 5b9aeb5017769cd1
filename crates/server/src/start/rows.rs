//! The rows that a server needs to be one: an org, its owner, his link, and that it came and went.

use super::{Ready, StartError};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use wardroom_coordinator::{Clock, Crew, mint};
use wardroom_domain::{
    AuditDraft, AuditKind, Chain, Digest, OrgId, Role, User, UserId, UserStatus,
};
use wardroom_store::{NewLink, Store, Write};

/// How long a sign-in link is good.
const LINK_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// The org and its owner, who are there from the first start on.
pub(super) async fn first(store: &Store, clock: &Clock) -> Result<(OrgId, UserId), StartError> {
    let org = store
        .ensure_org(mint!(clock, OrgId), "default", clock.now())
        .await?;
    if let Some(owner) = store.user_named(org, "owner").await? {
        return Ok((org, owner.id));
    }
    let owner = User {
        id: mint!(clock, UserId),
        name: "owner".to_owned(),
        role: Role::Overlord,
        status: UserStatus::Active,
        created_at: clock.now(),
    };
    let id = owner.id;
    let body = json!({"user": id, "name": owner.name, "role": owner.role});
    let audit = AuditDraft {
        chain: Chain::Org,
        at: clock.now(),
        kind: AuditKind::UserChanged,
        actor: "system".to_owned(),
        tier: None,
        body,
    };
    store
        .commit(org, vec![Write::AddUser(owner), Write::Audit(audit)])
        .await?;
    Ok((org, id))
}

/// A one-time link that signs in as the owner. The code stands behind `#`, where no server and no
/// log sees it.
pub(super) async fn ready(
    crew: &Crew,
    owner: UserId,
    address: Option<SocketAddr>,
    is_scripted: bool,
) -> Result<Ready, StartError> {
    let code = crate::doors::sessions::fresh_code(crew);
    let link = NewLink {
        hash: Digest::of_bytes(code.as_bytes()),
        user: owner,
        expires_at: crew.clock.now().after(LINK_TIME_MAX),
    };
    crew.store
        .commit(crew.org, vec![Write::AddLink(link)])
        .await?;
    let url = address
        .map(|address| format!("http://{address}"))
        .unwrap_or_default();
    Ok(Ready {
        link: format!("{url}/#code={code}"),
        url,
        is_scripted,
    })
}

/// Writes down that the server came or went.
pub(super) async fn audit(
    crew: &Crew,
    kind: AuditKind,
    body: serde_json::Value,
) -> Result<(), StartError> {
    let (at, actor) = (crew.clock.now(), "system".to_owned());
    let draft = AuditDraft {
        chain: Chain::Org,
        at,
        kind,
        actor,
        tier: None,
        body,
    };
    crew.store
        .commit(crew.org, vec![Write::Audit(draft)])
        .await?;
    Ok(())
}
