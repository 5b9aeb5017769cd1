//! How a person proves himself: tokens, one-time links, sessions. Only hashes are kept.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::people::found;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{Digest, OrgId, SessionId, Timestamp, TokenId, User, UserId};

/// A token is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its id, which may be shown.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// What he calls it.
    pub name: String,
    /// The digest of the secret.
    pub hash: Digest,
    /// When.
    pub created_at: Timestamp,
}

/// A token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeToken {
    /// Which.
    pub id: TokenId,
    /// When.
    pub at: Timestamp,
}

/// A one-time link is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The digest of its code.
    pub hash: Digest,
    /// Whom it signs in.
    pub user: UserId,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A link is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseLink {
    /// The digest of its code.
    pub hash: Digest,
    /// When.
    pub at: Timestamp,
}

/// A browser is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id, which may be shown.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The digest of the cookie.
    pub hash: Digest,
    /// What tells it from others: the browser's name, an address.
    pub label: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A browser is signed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndSession {
    /// Which.
    pub id: SessionId,
    /// When.
    pub at: Timestamp,
}

/// Everything by which a person proved himself ends: his tokens, sessions and sign-in links. Of
/// everybody, also invitations and pairings that were not used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndCredentials {
    /// Whose; everybody's when nobody is named.
    pub of: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// A token as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// What he calls it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub revoked_at: Option<Timestamp>,
}

/// A session as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What tells it from others.
    pub label: String,
    /// When it began.
    pub created_at: Timestamp,
    /// Until when it may last.
    pub expires_at: Timestamp,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// Whom it signs in.
    pub user: UserId,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

impl Record for TokenRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            user: columns.take()?,
            name: columns.take()?,
            created_at: columns.take()?,
            revoked_at: columns.take()?,
        })
    }
}

impl Record for SessionRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            user: columns.take()?,
            label: columns.take()?,
            created_at: columns.take()?,
            expires_at: columns.take()?,
        })
    }
}

impl Record for LinkRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            user: columns.take()?,
            expires_at: columns.take()?,
            used_at: columns.take()?,
        })
    }
}

/// Two records of one row, the first one's columns first.
impl<A: Record> Record for (A, User) {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok((A::read(columns)?, User::read(columns)?))
    }
}

impl Apply for NewToken {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO token (org, id, person, name, hash, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
                params![
                    at.org,
                    self.id,
                    self.user,
                    self.name,
                    self.hash,
                    self.created_at
                ],
            )
            .await?;
        Ok(None)
    }
}

impl Apply for RevokeToken {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE token SET revoked_at = $3 \
                   WHERE org = $1 AND id = $2 AND revoked_at IS NULL";
        found(
            at.tx
                .execute(sql, params![at.org, self.id, self.at])
                .await?,
            "token",
            self.id,
        )
    }
}

impl Apply for NewLink {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO link (org, hash, person, expires_at) VALUES ($1, $2, $3, $4)",
                params![at.org, self.hash, self.user, self.expires_at],
            )
            .await?;
        Ok(None)
    }
}

impl Apply for UseLink {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let used = at
            .tx
            .execute(
                "UPDATE link SET used_at = $3 \
                 WHERE org = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3",
                params![at.org, self.hash, self.at],
            )
            .await?;
        if used > 0 {
            return Ok(None);
        }
        let link: Option<LinkRow> = at.tx.one(LINK, params![at.org, self.hash]).await?;
        Err(match link {
            None => Conflict::NotFound {
                what: "link",
                id: "of this code".to_owned(),
            },
            Some(link) if link.used_at.is_some() => Conflict::LinkUsed,
            Some(_) => Conflict::LinkExpired,
        }
        .into())
    }
}

impl Apply for NewSession {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO session (org, id, person, hash, label, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                params![
                    at.org,
                    self.id,
                    self.user,
                    self.hash,
                    self.label,
                    self.created_at,
                    self.expires_at
                ],
            )
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for EndSession {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE session SET ended_at = $3 \
                   WHERE org = $1 AND id = $2 AND ended_at IS NULL";
        found(
            at.tx
                .execute(sql, params![at.org, self.id, self.at])
                .await?,
            "session",
            self.id,
        )
    }
}

impl Apply for EndCredentials {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let statements = [
            "UPDATE token SET revoked_at = $2 \
             WHERE org = $1 AND person = COALESCE($3, person) AND revoked_at IS NULL",
            "UPDATE session SET ended_at = $2 \
             WHERE org = $1 AND person = COALESCE($3, person) AND ended_at IS NULL",
            "UPDATE link SET used_at = $2 \
             WHERE org = $1 AND person = COALESCE($3, person) AND used_at IS NULL",
            "UPDATE invite SET revoked_at = $2 \
             WHERE org = $1 AND made_by = COALESCE($3, made_by) AND used_at IS NULL \
             AND revoked_at IS NULL",
            "UPDATE pairing SET ended_at = $2 \
             WHERE org = $1 AND COALESCE($3, 'everybody') = 'everybody' AND ended_at IS NULL",
        ];
        for sql in statements {
            at.tx
                .execute(sql, params![at.org, self.at, self.of])
                .await?;
        }
        Ok(None)
    }
}

const LINK: &str = "SELECT person, expires_at, used_at FROM link WHERE org = $1 AND hash = $2";

impl Store {
    /// The token of this digest with its owner: only if it is not revoked and he may act.
    pub async fn token_owner(
        &self,
        org: OrgId,
        hash: Digest,
    ) -> Result<Option<(TokenRow, User)>, StoreError> {
        let sql = "SELECT t.id, t.person, t.name, t.created_at, t.revoked_at, \
                   p.id, p.name, p.role, p.status, p.created_at \
                   FROM token t JOIN person p ON p.org = t.org AND p.id = t.person \
                   WHERE t.org = $1 AND t.hash = $2 AND t.revoked_at IS NULL AND p.status = 'active'";
        self.one(sql, params![org, hash]).await
    }

    /// The session of this digest with its owner: only if it lasts and he may act.
    pub async fn session_owner(
        &self,
        org: OrgId,
        hash: Digest,
        now: Timestamp,
    ) -> Result<Option<(SessionRow, User)>, StoreError> {
        let sql = "SELECT s.id, s.person, s.label, s.created_at, s.expires_at, \
                   p.id, p.name, p.role, p.status, p.created_at \
                   FROM session s JOIN person p ON p.org = s.org AND p.id = s.person \
                   WHERE s.org = $1 AND s.hash = $2 AND s.ended_at IS NULL AND s.expires_at > $3 \
                   AND p.status = 'active'";
        self.one(sql, params![org, hash, now]).await
    }

    /// The link of this digest, used or not.
    pub async fn link(&self, org: OrgId, hash: Digest) -> Result<Option<LinkRow>, StoreError> {
        self.one(LINK, params![org, hash]).await
    }

    /// The tokens of a person, or of everybody, oldest first.
    pub async fn tokens(
        &self,
        org: OrgId,
        user: Option<UserId>,
    ) -> Result<Vec<TokenRow>, StoreError> {
        let sql = "SELECT id, person, name, created_at, revoked_at FROM token \
                   WHERE org = $1 AND person = COALESCE($2, person) ORDER BY created_at, id";
        self.all(sql, params![org, user]).await
    }

    /// The lasting sessions of a person, oldest first.
    pub async fn sessions(
        &self,
        org: OrgId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let sql = "SELECT id, person, label, created_at, expires_at FROM session \
                   WHERE org = $1 AND person = $2 AND ended_at IS NULL AND expires_at > $3 \
                   ORDER BY created_at, id";
        self.all(sql, params![org, user, now]).await
    }
}
