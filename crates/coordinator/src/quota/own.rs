//! What one person may ask for: as everybody, unless an admin set something else for him.

use crate::crew::Crew;
use crate::quota::model::{month_of, used};
use crate::rulebook::Author;
use crate::{Wrong, quota};
use serde_json::json;
use wardroom_domain::{
    AuditDraft, AuditKind, Capability, Chain, OrgId, OwnQuota, Principal, Quota, Timestamp, UserId,
    UserStatus,
};
use wardroom_store::{Document, PutDocument, Store, Write};

/// How much a person may ask for, and what he has spent of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub user: UserId,
    /// What an admin set for him.
    pub own: OwnQuota,
    /// What holds for him.
    pub quota: Quota,
    /// What he spent in this month, in millionths.
    pub spent_micros: u64,
    /// The day on which the next month begins, `2026-02-01`.
    pub anew_on: String,
}

fn document(user: UserId) -> String {
    format!("quota:{user}")
}

fn read(document: &Document) -> Result<OwnQuota, Wrong> {
    // Not to be read is not to be unlimited: it is said, and nothing is counted as allowed.
    serde_json::from_value(document.body.clone()).map_err(|error| {
        Wrong::Unfit(format!(
            "what was set as `{}` cannot be read ({error}); an admin sets it anew with `wardroom user limit`",
            document.kind
        ))
    })
}

/// What an admin set for a person.
async fn found(store: &Store, org: OrgId, user: UserId) -> Result<OwnQuota, Wrong> {
    let found = store.document(org, &document(user)).await?;
    found.as_ref().map_or_else(|| Ok(OwnQuota::default()), read)
}

/// What holds for a person now.
pub async fn of(crew: &Crew, user: UserId) -> Result<Quota, Wrong> {
    let own = found(&crew.store, crew.org, user).await?;
    Ok(own.over(crew.quotas.allowance.each))
}

/// From how many hundredths of the month's money on somebody is warned.
pub fn warns_from(crew: &Crew) -> u8 {
    crew.quotas.allowance.spend_warn_percent
}

/// How a person's quota stands, for himself and for those who see people.
pub async fn held(crew: &Crew, by: &Principal, user: UserId) -> Result<Held, Wrong> {
    let him = crew.store.user(crew.org, user).await?;
    let him = him.filter(|him| {
        let is_here = him.status != UserStatus::Removed;
        is_here && (user == by.user || by.may(Capability::SeePeople))
    });
    if him.is_none() {
        return Err(Wrong::missing("person"));
    }
    let (place, each) = ((&crew.store, crew.org), crew.quotas.allowance.each);
    standing(place, each, user, crew.clock.now()).await
}

/// How a person's quota stands, where `each` is what everybody may ask for.
pub async fn standing(
    (store, org): (&Store, OrgId),
    each: Quota,
    user: UserId,
    now: Timestamp,
) -> Result<Held, Wrong> {
    let own = found(store, org, user).await?;
    let (from, next) = month_of(now);
    Ok(Held {
        user,
        own,
        quota: own.over(each),
        spent_micros: used((store, org), Some(user), from).await?.cost_micros,
        anew_on: next.to_string(),
    })
}

/// Sets what one person may ask for, in place of what was set before; counts at once.
pub async fn set(crew: &Crew, by: &Principal, user: UserId, own: OwnQuota) -> Result<Held, Wrong> {
    let him = crew.store.user(crew.org, user).await?;
    let him = him.filter(|him| him.status != UserStatus::Removed && by.may(Capability::SeePeople));
    let him = him.ok_or(Wrong::missing("person"))?;
    by.require(Capability::ManagePeople)?;
    by.require_reach(him.role)?;
    let author = Author {
        actor: by.user.to_string(),
        via: by.via.clone(),
        at: crew.clock.now(),
    };
    let writes = prepare((&crew.store, crew.org), user, own, author).await?;
    crew.commit(writes).await?;
    quota::held(crew, by, user).await
}

/// The rows that set it, with what it was before on the record.
pub async fn prepare(
    (store, org): (&Store, OrgId),
    user: UserId,
    own: OwnQuota,
    author: Author,
) -> Result<Vec<Write>, Wrong> {
    let newest = store.document(org, &document(user)).await?;
    let before = newest.as_ref().map(|newest| newest.body.clone());
    let put = PutDocument {
        kind: document(user),
        seen_version: newest.map_or(0, |newest| newest.version),
        author: author.actor.clone(),
        body: json!(own),
        at: author.at,
    };
    let audit = AuditDraft {
        chain: Chain::Org,
        at: author.at,
        kind: AuditKind::UserChanged,
        actor: author.actor,
        tier: None,
        body: json!({"user": user, "via": author.via,
            "from": {"quota": before}, "to": {"quota": own}}),
    };
    Ok(vec![Write::PutDocument(put), Write::Audit(audit)])
}
