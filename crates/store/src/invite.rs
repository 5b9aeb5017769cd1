//! Invitations: made by somebody who may, good once, for a time, for a role that he still holds.

use crate::attempt::{FailedAttempt, closed};
use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::people::found;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use serde_json::json;
use wardroom_domain::{
    AuditDraft, AuditKind, Chain, Digest, Identity, InviteId, LinkedIdentity, OrgId, Role,
    Timestamp, User, UserId, UserStatus, words,
};

/// An invitation is made; only the hash of its code is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvite {
    /// Its id, which may be shown.
    pub id: InviteId,
    /// The digest of its code.
    pub hash: Digest,
    /// What the invited person may do at most.
    pub role: Role,
    /// Who invites.
    pub made_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// An invitation is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeInvite {
    /// Which.
    pub id: InviteId,
    /// When.
    pub at: Timestamp,
}

/// An invitation as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRow {
    /// Its id.
    pub id: InviteId,
    /// What the invited person may do at most.
    pub role: Role,
    /// Who invites.
    pub made_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// By whom.
    pub used_by: Option<UserId>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// Somebody from outside offers a code.
#[derive(Clone, Debug)]
pub struct Redeem {
    /// The digest of what he offers.
    pub hash: Digest,
    /// The id that he gets if it fits.
    pub user: UserId,
    /// What he would like to be called; a free name is made from it.
    pub name: String,
    /// How his network knows him, and what he calls himself there.
    pub identity: Option<(Identity, String)>,
    /// The hash of the password that he wants, where he comes without a network.
    pub password: Option<String>,
    /// Whose attempts are counted together.
    pub subject: String,
    /// When.
    pub at: Timestamp,
}

words! {
    /// Why an invitation was not accepted. For the record; the stranger learns no difference.
    pub enum NotRedeemed {
        /// There is no such code.
        Unknown = "unknown",
        /// It was used.
        Used = "used",
        /// Its time is over.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
        /// Who made it may no longer give that role.
        MakerLacks = "maker_lacks",
        /// He is known already; the code is left as it is.
        Known = "known",
        /// He has tried too often.
        TooOften = "too_often",
    }
}

/// What became of an offered code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// He is in.
    Joined(User),
    /// He is not.
    Refused(NotRedeemed),
}

macro_rules! columns {
    () => {
        "id, role, made_by, created_at, expires_at, used_at, used_by, revoked_at"
    };
}

impl Record for InviteRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            role: columns.take()?,
            made_by: columns.take()?,
            created_at: columns.take()?,
            expires_at: columns.take()?,
            used_at: columns.take()?,
            used_by: columns.take()?,
            revoked_at: columns.take()?,
        })
    }
}

impl Apply for NewInvite {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO invite (org, id, hash, role, made_by, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                params![
                    at.org,
                    self.id,
                    self.hash,
                    self.role,
                    self.made_by,
                    self.created_at,
                    self.expires_at
                ],
            )
            .await?;
        Ok(None)
    }
}

impl Apply for RevokeInvite {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE invite SET revoked_at = $3 \
                   WHERE org = $1 AND id = $2 AND used_at IS NULL AND revoked_at IS NULL";
        let touched = at
            .tx
            .execute(sql, params![at.org, self.id, self.at])
            .await?;
        found(touched, "open invitation", self.id)
    }
}

impl Store {
    /// Every invitation, newest first.
    pub async fn invites(&self, org: OrgId) -> Result<Vec<InviteRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM invite WHERE org = $1 ORDER BY created_at DESC, id DESC"
        );
        self.all(sql, params![org]).await
    }

    /// Lets somebody in who offers a code, once, or counts and records that it did not fit. All in
    /// one commit: the person, his identity, the used code, the line in the audit log.
    pub async fn redeem(&self, org: OrgId, offer: Redeem) -> Result<Redeemed, CommitError> {
        self.carry_out(org, offer).await
    }
}

impl Deed for Redeem {
    type Answer = Redeemed;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Redeemed, CommitError> {
        redeem(at, self).await
    }

    fn locks(&self) -> Vec<Key> {
        Key::whole_org()
    }
}

async fn redeem<T: Tx>(at: &mut Boundary<'_, T>, offer: &Redeem) -> Result<Redeemed, CommitError> {
    match judged(at, offer).await? {
        Ok(invite) => join(at, offer, &invite).await,
        Err(why) => {
            if !matches!(why, NotRedeemed::TooOften | NotRedeemed::Known) {
                let (subject, at_) = (offer.subject.clone(), offer.at);
                FailedAttempt { subject, at: at_ }.apply(at).await?;
            }
            let body = json!({"refused": why, "subject": offer.subject});
            record(at, offer, AuditKind::AccessRefused, "stranger", body).await?;
            Ok(Redeemed::Refused(why))
        }
    }
}

async fn judged<T: Tx>(
    at: &mut Boundary<'_, T>,
    offer: &Redeem,
) -> Result<Result<InviteRow, NotRedeemed>, CommitError> {
    if closed(at, &offer.subject, offer.at).await?.is_some() {
        return Ok(Err(NotRedeemed::TooOften));
    }
    if is_known(at, offer).await? {
        return Ok(Err(NotRedeemed::Known));
    }
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM invite WHERE org = $1 AND hash = $2"
    );
    let found: Option<InviteRow> = at.tx.one(sql, params![at.org, offer.hash]).await?;
    let Some(invite) = found else {
        return Ok(Err(NotRedeemed::Unknown));
    };
    let why = match &invite {
        invite if invite.used_at.is_some() => Some(NotRedeemed::Used),
        invite if invite.revoked_at.is_some() => Some(NotRedeemed::Revoked),
        invite if invite.expires_at <= offer.at => Some(NotRedeemed::Expired),
        _ => None,
    };
    if let Some(why) = why {
        return Ok(Err(why));
    }
    Ok(match maker_holds(at, &invite).await? {
        true => Ok(invite),
        false => Err(NotRedeemed::MakerLacks),
    })
}

async fn is_known<T: Tx>(at: &mut Boundary<'_, T>, offer: &Redeem) -> Result<bool, StoreError> {
    let Some((identity, _)) = &offer.identity else {
        return Ok(false);
    };
    let sql = "SELECT 1 FROM identity WHERE org = $1 AND connector = $2 AND external_id = $3";
    let found: Option<(i64,)> = at
        .tx
        .one(
            sql,
            params![at.org, identity.connector, identity.external_id],
        )
        .await?;
    Ok(found.is_some())
}

/// Whether he who made it could make it today.
async fn maker_holds<T: Tx>(
    at: &mut Boundary<'_, T>,
    invite: &InviteRow,
) -> Result<bool, StoreError> {
    let sql = "SELECT role, status FROM person WHERE org = $1 AND id = $2";
    let maker: Option<(Role, UserStatus)> = at.tx.one(sql, params![at.org, invite.made_by]).await?;
    Ok(maker.is_some_and(|(role, status)| {
        status == UserStatus::Active
            && role.may(wardroom_domain::Capability::Invite)
            && role.is_at_least(invite.role)
    }))
}

async fn join<T: Tx>(
    at: &mut Boundary<'_, T>,
    offer: &Redeem,
    invite: &InviteRow,
) -> Result<Redeemed, CommitError> {
    let user = User {
        id: offer.user,
        name: free_name(at, &offer.name).await?,
        role: invite.role,
        status: UserStatus::Active,
        created_at: offer.at,
    };
    user.apply(at).await?;
    if let Some(hash) = &offer.password {
        let (user, hash) = (user.id, hash.clone());
        crate::SetPassword { user, hash }.apply(at).await?;
    }
    if let Some((identity, display)) = &offer.identity {
        let linked = LinkedIdentity {
            identity: identity.clone(),
            user: user.id,
            display: display.clone(),
            linked_at: offer.at,
            linked_by: format!("invite {}", invite.id),
        };
        linked.apply(at).await?;
    }
    let sql = "UPDATE invite SET used_at = $3, used_by = $4 WHERE org = $1 AND id = $2";
    at.tx
        .execute(sql, params![at.org, invite.id, offer.at, user.id])
        .await?;
    let body = json!({"invite": invite.id, "used": true, "user": user.id, "name": user.name,
        "role": user.role, "identity": offer.identity.as_ref().map(|(identity, _)| identity)});
    record(at, offer, AuditKind::InviteChanged, user.id, body).await?;
    Ok(Redeemed::Joined(user))
}

/// A name that nobody has, as near to the wanted one as can be.
async fn free_name<T: Tx>(at: &mut Boundary<'_, T>, wanted: &str) -> Result<String, StoreError> {
    let plain = plain_name(wanted);
    let mut name = plain.clone();
    let sql = "SELECT 1 FROM person WHERE org = $1 AND name = $2 AND status <> 'removed'";
    for number in 2.. {
        let taken: Option<(i64,)> = at.tx.one(sql, params![at.org, name]).await?;
        if taken.is_none() {
            break;
        }
        name = format!("{plain}-{number}");
    }
    Ok(name)
}

/// A name is one word that can stand in a command line and a log.
fn plain_name(wanted: &str) -> String {
    let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let spaced = wanted.trim().replace(char::is_whitespace, "-");
    let name: String = spaced.chars().filter(is_plain).take(32).collect();
    match name.trim_matches(['-', '.']) {
        "" => "guest".to_owned(),
        name => name.to_owned(),
    }
}

async fn record<T: Tx>(
    at: &mut Boundary<'_, T>,
    offer: &Redeem,
    kind: AuditKind,
    actor: impl ToString,
    body: serde_json::Value,
) -> Result<(), CommitError> {
    let draft = AuditDraft {
        chain: Chain::Org,
        at: offer.at,
        kind,
        actor: actor.to_string(),
        tier: None,
        body,
    };
    draft.apply(at).await.map(drop)
}
