//! What buttons stand for: an opaque token, good once, in the place where it was shown.

use crate::boundary::Boundary;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{Digest, OrgId, Timestamp, UserId};

/// A button is shown; only the hash of what it carries is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewButton {
    /// The digest of what it carries.
    pub hash: Digest,
    /// Where it is shown.
    pub place: String,
    /// What pressing it does.
    pub deed: String,
    /// To what.
    pub subject: String,
    /// The only person who may press it; none where the deed's own rules say who may.
    pub person: Option<UserId>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A button was pressed by somebody who may: it and its siblings are used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PressButton {
    /// Which.
    pub hash: Digest,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// What a button stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ButtonRow {
    /// Where it is shown.
    pub place: String,
    /// What pressing it does.
    pub deed: String,
    /// To what.
    pub subject: String,
    /// The only person who may press it.
    pub person: Option<UserId>,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was used up.
    pub pressed_at: Option<Timestamp>,
}

impl Record for ButtonRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            place: columns.take()?,
            deed: columns.take()?,
            subject: columns.take()?,
            person: columns.take()?,
            expires_at: columns.take()?,
            pressed_at: columns.take()?,
        })
    }
}

impl Apply for NewButton {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let shown = at
            .tx
            .execute(
                "INSERT INTO button (org, hash, place, deed, subject, person, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.hash,
                    self.place,
                    self.deed,
                    self.subject,
                    self.person,
                    self.expires_at
                ],
            )
            .await?;
        match shown {
            0 => Err(Conflict::Exists { what: "button" }.into()),
            _ => Ok(None),
        }
    }
}

impl Apply for PressButton {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE button SET pressed_at = $3, pressed_by = $4 \
                   WHERE org = $1 AND pressed_at IS NULL AND subject = \
                   (SELECT subject FROM button WHERE org = $1 AND hash = $2)";
        let used = at
            .tx
            .execute(sql, params![at.org, self.hash, self.at, self.by])
            .await?;
        crate::people::found(used, "unused button", "pressed")
    }
}

impl Store {
    /// What a button stands for, used up or not.
    pub async fn button(&self, org: OrgId, hash: Digest) -> Result<Option<ButtonRow>, StoreError> {
        let sql = "SELECT place, deed, subject, person, expires_at, pressed_at FROM button \
                   WHERE org = $1 AND hash = $2";
        self.one(sql, params![org, hash]).await
    }
}
