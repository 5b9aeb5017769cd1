//! A person's bypass: off unless he switches it on, where the org lets people, until either ends it.

use crate::crew::Crew;
use crate::{Wrong, emergency};
use serde_json::json;
use wardroom_domain::{AuditKind, BypassMode, Capability, Chain, Principal, UserId, UserStatus};
use wardroom_store::{CommitError, Conflict, PutDocument, Write};

fn document(user: UserId) -> String {
    format!("bypass:{user}")
}

/// How a person's bypass stands, and the version of the row that says so.
async fn switched(crew: &Crew, user: UserId) -> Result<(BypassMode, i64), Wrong> {
    let found = crew.store.document(crew.org, &document(user)).await?;
    Ok(found.map_or((BypassMode::Off, 0), |found| {
        let word = found.body["mode"].as_str().unwrap_or_default();
        // What cannot be read is off.
        let mode = BypassMode::parse(word).unwrap_or(BypassMode::Off);
        (mode, found.version)
    }))
}

/// How a person's bypass stands.
pub async fn mode(crew: &Crew, user: UserId) -> Result<BypassMode, Wrong> {
    Ok(switched(crew, user).await?.0)
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
    let (before, version) = switched(crew, user).await?;
    if before != mode {
        let writes = writes(crew, &by.user.to_string(), user, mode, version, &by.via);
        match crew.commit(writes).await {
            // Somebody else switched it at the same moment: the same wish again.
            Err(Wrong::Commit(CommitError::Refused(Conflict::DocumentMoved { .. }))) => {
                return Box::pin(switch(crew, by, user, mode)).await;
            }
            other => other.map(drop)?,
        }
    }
    Ok(mode)
}

async fn refuse_unless_allowed(crew: &Crew) -> Result<(), Wrong> {
    if !crew.policy().bypass.is_allowed {
        let text = "the org does not let people bypass questions; an admin would have to opt in";
        return Err(Wrong::Forbidden(text.to_owned()));
    }
    if emergency::stands(crew).await?.bypass_disabled {
        let text = "an admin has disabled bypass for everybody; ask him when that ends";
        return Err(Wrong::Forbidden(text.to_owned()));
    }
    Ok(())
}

fn writes(
    crew: &Crew,
    author: &str,
    user: UserId,
    mode: BypassMode,
    seen_version: i64,
    via: &str,
) -> Vec<Write> {
    let put = PutDocument {
        kind: document(user),
        seen_version,
        author: author.to_owned(),
        body: json!({"mode": mode}),
        at: crew.clock.now(),
    };
    let body = json!({"user": user, "mode": mode, "via": via});
    let audit = crew.audit(Chain::Org, AuditKind::BypassChanged, author, None, body);
    vec![put.into(), audit]
}

/// Ends the bypass of everybody who has switched it on: the org no longer lets people. To be
/// committed with what forbids it.
pub async fn revoked(crew: &Crew, by: &Principal) -> Result<Vec<Write>, Wrong> {
    let mut revoking = Vec::new();
    for user in crew.store.users(crew.org).await? {
        let (mode, version) = switched(crew, user.id).await?;
        if mode == BypassMode::On {
            let author = by.user.to_string();
            revoking.extend(writes(
                crew,
                &author,
                user.id,
                BypassMode::Off,
                version,
                &by.via,
            ));
        }
    }
    Ok(revoking)
}
