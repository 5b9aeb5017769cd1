//! A person's bypass: off unless he switches it on, where the org lets people, until either ends it.

use crate::crew::Crew;
use crate::rulebook::Author;
use crate::{Wrong, emergency};
use serde_json::json;
use wardroom_domain::{
    AuditDraft, AuditKind, BypassMode, Capability, Chain, OrgId, Principal, UserId, UserStatus,
};
use wardroom_store::{CommitError, Conflict, PutDocument, Store, Write};

fn document(user: UserId) -> String {
    format!("bypass:{user}")
}

/// How a person's bypass stands, and the version of the row that says so.
async fn switched(store: &Store, org: OrgId, user: UserId) -> Result<(BypassMode, i64), Wrong> {
    let found = store.document(org, &document(user)).await?;
    Ok(found.map_or((BypassMode::Off, 0), |found| {
        let word = found.body["mode"].as_str().unwrap_or_default();
        // What cannot be read is off.
        let mode = BypassMode::parse(word).unwrap_or(BypassMode::Off);
        (mode, found.version)
    }))
}

/// How a person's bypass stands.
pub async fn mode(crew: &Crew, user: UserId) -> Result<BypassMode, Wrong> {
    Ok(switched(&crew.store, crew.org, user).await?.0)
}

/// Switches a person's bypass: one's own, or another's as an admin.
pub async fn switch(
    crew: &Crew,
    by: &Principal,
    user: UserId,
    mode: BypassMode,
) -> Result<BypassMode, Wrong> {
    let him = crew.store.user(crew.org, user).await?;
    let him = him.filter(|_| user == by.user || by.may(Capability::SeePeople));
    let him = him.ok_or(Wrong::missing("person"))?;
    if user == by.user {
        by.require(Capability::BypassOwn)?;
    } else {
        by.require(Capability::ManagePeople)?;
        by.require_reach(him.role)?;
    }
    if mode == BypassMode::On {
        refuse_unless_allowed(crew).await?;
        if him.status != UserStatus::Active || !him.role.may(Capability::BypassOwn) {
            let text = format!("{} may not act, so there is nothing to bypass", him.name);
            return Err(Wrong::Forbidden(text));
        }
    }
    let (before, version) = switched(&crew.store, crew.org, user).await?;
    if before != mode {
        let author = Author {
            actor: by.user.to_string(),
            via: by.via.clone(),
            at: crew.clock.now(),
        };
        let writes = writes(&author, user, mode, version);
        match crew.commit(writes).await {
            // Somebody else switched it at the same moment: the same wish again.
            Err(Wrong::Commit(CommitError::Refused(Conflict::DocumentMoved { .. }))) => {
                return Box::pin(switch(crew, by, user, mode)).await;
            }
            other => other.map(drop)?,
        }
        if mode == BypassMode::On {
            take_back_if_ended(crew, user).await?;
        }
    }
    Ok(mode)
}

/// The org may have ended bypass in the very moment in which somebody switched his on, and not
/// have seen it: then it is off again before he hears that it is on.
async fn take_back_if_ended(crew: &Crew, user: UserId) -> Result<(), Wrong> {
    let ended = refuse_unless_allowed(crew).await;
    if ended.is_err() {
        let (mode, version) = switched(&crew.store, crew.org, user).await?;
        if mode == BypassMode::On {
            let off = writes(
                &Author::system(crew.clock.now()),
                user,
                BypassMode::Off,
                version,
            );
            crew.commit(off).await?;
        }
    }
    ended
}

async fn refuse_unless_allowed(crew: &Crew) -> Result<(), Wrong> {
    if !crew.policy_now().await?.bypass.is_allowed {
        let text = "the org does not let people bypass questions; an admin would have to opt in";
        return Err(Wrong::Forbidden(text.to_owned()));
    }
    if emergency::stands(crew).await?.bypass_disabled {
        let text = "an admin has disabled bypass for everybody; ask him when that ends";
        return Err(Wrong::Forbidden(text.to_owned()));
    }
    Ok(())
}

fn writes(author: &Author, user: UserId, mode: BypassMode, seen_version: i64) -> Vec<Write> {
    let put = PutDocument {
        kind: document(user),
        seen_version,
        author: author.actor.clone(),
        body: json!({"mode": mode}),
        at: author.at,
    };
    let audit = AuditDraft {
        chain: Chain::Org,
        at: author.at,
        kind: AuditKind::BypassChanged,
        actor: author.actor.clone(),
        tier: None,
        body: json!({"user": user, "mode": mode, "via": author.via}),
    };
    vec![put.into(), Write::Audit(audit)]
}

/// Ends the bypass of everybody who has switched it on: the org no longer lets people. To be
/// committed with what forbids it, so that nobody finds it on again when the org lets him anew.
pub async fn revoked(store: &Store, org: OrgId, author: &Author) -> Result<Vec<Write>, Wrong> {
    let mut revoking = Vec::new();
    for user in store.users(org).await? {
        let (mode, version) = switched(store, org, user.id).await?;
        if mode == BypassMode::On {
            revoking.extend(writes(author, user.id, BypassMode::Off, version));
        }
    }
    Ok(revoking)
}

/// What the configuration forbids is off when the server starts, and stays off.
pub async fn settle(crew: &Crew) -> Result<(), Wrong> {
    if crew.policy().bypass.is_allowed {
        return Ok(());
    }
    let author = Author::system(crew.clock.now());
    let revoking = revoked(&crew.store, crew.org, &author).await?;
    if !revoking.is_empty() {
        crew.commit(revoking).await?;
    }
    Ok(())
}
