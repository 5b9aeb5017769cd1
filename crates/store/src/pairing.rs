//! Pairing: somebody outside gets a token, carries it to an admin, and is linked to a person.

use crate::attempt::{FailedAttempt, closed};
use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::people::found;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use serde_json::json;
use wardroom_domain::{
    AuditDraft, AuditKind, Chain, Digest, Identity, LinkedIdentity, OrgId, PairingId, Timestamp,
    UserId, words,
};

/// Somebody outside asks to be linked. An earlier wish of his ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPairing {
    /// Its id.
    pub id: PairingId,
    /// The digest of the token that he was told.
    pub hash: Digest,
    /// How his network knows him.
    pub identity: Identity,
    /// What he calls himself there.
    pub display: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

/// A wish to be linked is turned down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndPairing {
    /// Which.
    pub id: PairingId,
    /// When.
    pub at: Timestamp,
}

/// A wish to be linked, as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingRow {
    /// Its id.
    pub id: PairingId,
    /// How his network knows him.
    pub identity: Identity,
    /// What he calls himself there; for people to read, never to compare.
    pub display: String,
    /// When he asked.
    pub created_at: Timestamp,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

/// An admin links the identity behind a token to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmPairing {
    /// The digest of the token that he was brought.
    pub hash: Digest,
    /// Whom the identity belongs to.
    pub user: UserId,
    /// The admin.
    pub by: UserId,
    /// How he came in.
    pub via: String,
    /// When.
    pub at: Timestamp,
}

words! {
    /// Why a pairing was not confirmed.
    pub enum NotPaired {
        /// There is no such token, or it was used, or its time is over.
        Unknown = "unknown",
        /// The identity is somebody's already.
        Linked = "linked",
        /// Too many wrong tokens.
        TooOften = "too_often",
    }
}

/// What became of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paired {
    /// The identity is linked.
    Linked(LinkedIdentity),
    /// It is not.
    Refused(NotPaired),
}

macro_rules! columns {
    () => {
        "id, connector, external_id, display, created_at, expires_at"
    };
}

impl Record for PairingRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            identity: Identity::read(columns)?,
            display: columns.take()?,
            created_at: columns.take()?,
            expires_at: columns.take()?,
        })
    }
}

impl Apply for NewPairing {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let Identity {
            connector,
            external_id,
        } = &self.identity;
        let ended = "UPDATE pairing SET ended_at = $4 WHERE org = $1 AND connector = $2 \
                     AND external_id = $3 AND ended_at IS NULL";
        at.tx
            .execute(
                ended,
                params![at.org, connector, external_id, self.created_at],
            )
            .await?;
        at.tx
            .execute(
                "INSERT INTO pairing (org, id, hash, connector, external_id, display, created_at, \
                 expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                params![
                    at.org,
                    self.id,
                    self.hash,
                    connector,
                    external_id,
                    self.display,
                    self.created_at,
                    self.expires_at
                ],
            )
            .await?;
        Ok(None)
    }
}

impl Apply for EndPairing {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE pairing SET ended_at = $3 \
                   WHERE org = $1 AND id = $2 AND ended_at IS NULL";
        let touched = at
            .tx
            .execute(sql, params![at.org, self.id, self.at])
            .await?;
        found(touched, "open pairing", self.id)
    }
}

impl Store {
    /// The wishes that are still open, oldest first.
    pub async fn pairings(
        &self,
        org: OrgId,
        now: Timestamp,
    ) -> Result<Vec<PairingRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM pairing WHERE org = $1 AND ended_at IS NULL AND expires_at > $2 \
             ORDER BY created_at, id"
        );
        self.all(sql, params![org, now]).await
    }

    /// The open wish behind a token.
    pub async fn pairing_of(
        &self,
        org: OrgId,
        hash: Digest,
        now: Timestamp,
    ) -> Result<Option<PairingRow>, StoreError> {
        self.one(OPEN, params![org, hash, now]).await
    }

    /// Links the identity behind a token, once, and says so in the audit log; all in one commit.
    pub async fn confirm_pairing(
        &self,
        org: OrgId,
        confirm: ConfirmPairing,
    ) -> Result<Paired, CommitError> {
        self.carry_out(org, confirm).await
    }
}

impl Deed for ConfirmPairing {
    type Answer = Paired;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Paired, CommitError> {
        confirmed(at, self).await
    }

    fn locks(&self) -> Vec<Key> {
        Key::whole_org()
    }
}

const OPEN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM pairing WHERE org = $1 AND hash = $2 AND ended_at IS NULL AND expires_at > $3"
);

async fn confirmed<T: Tx>(
    at: &mut Boundary<'_, T>,
    confirm: &ConfirmPairing,
) -> Result<Paired, CommitError> {
    let subject = format!("pairing {}", confirm.by);
    if closed(at, &subject, confirm.at).await?.is_some() {
        return refused(at, confirm, NotPaired::TooOften).await;
    }
    let row: Option<PairingRow> = at
        .tx
        .one(OPEN, params![at.org, confirm.hash, confirm.at])
        .await?;
    let Some(row) = row else {
        let at_ = confirm.at;
        FailedAttempt { subject, at: at_ }.apply(at).await?;
        return refused(at, confirm, NotPaired::Unknown).await;
    };
    let taken = "SELECT 1 FROM identity WHERE org = $1 AND connector = $2 AND external_id = $3";
    let Identity {
        connector,
        external_id,
    } = &row.identity;
    let taken: Option<(i64,)> = at
        .tx
        .one(taken, params![at.org, connector, external_id])
        .await?;
    if taken.is_some() {
        return refused(at, confirm, NotPaired::Linked).await;
    }
    link(at, confirm, row).await.map(Paired::Linked)
}

async fn link<T: Tx>(
    at: &mut Boundary<'_, T>,
    confirm: &ConfirmPairing,
    row: PairingRow,
) -> Result<LinkedIdentity, CommitError> {
    let sql = "UPDATE pairing SET ended_at = $3, confirmed_by = $4, person = $5 \
               WHERE org = $1 AND id = $2";
    at.tx
        .execute(
            sql,
            params![at.org, row.id, confirm.at, confirm.by, confirm.user],
        )
        .await?;
    let linked = LinkedIdentity {
        identity: row.identity,
        user: confirm.user,
        display: row.display,
        linked_at: confirm.at,
        linked_by: confirm.by.to_string(),
    };
    linked.apply(at).await?;
    let body = json!({"pairing": row.id, "linked": linked.identity, "user": linked.user,
        "display": linked.display, "via": confirm.via});
    record(at, confirm, AuditKind::PairingChanged, body).await?;
    Ok(linked)
}

async fn refused<T: Tx>(
    at: &mut Boundary<'_, T>,
    confirm: &ConfirmPairing,
    why: NotPaired,
) -> Result<Paired, CommitError> {
    let body = json!({"refused": why, "via": confirm.via});
    record(at, confirm, AuditKind::PairingChanged, body).await?;
    Ok(Paired::Refused(why))
}

async fn record<T: Tx>(
    at: &mut Boundary<'_, T>,
    confirm: &ConfirmPairing,
    kind: AuditKind,
    body: serde_json::Value,
) -> Result<(), CommitError> {
    let draft = AuditDraft {
        chain: Chain::Org,
        at: confirm.at,
        kind,
        actor: confirm.by.to_string(),
        tier: None,
        body,
    };
    draft.apply(at).await.map(drop)
}
