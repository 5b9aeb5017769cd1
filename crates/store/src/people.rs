//! The people of an org.

use crate::boundary::Boundary;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, EndCredentials, Store, StoreError};
use wardroom_domain::{OrgId, Role, Timestamp, User, UserId, UserStatus};

/// A person gets another role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRole {
    /// Who.
    pub user: UserId,
    /// What he may do at most from now on.
    pub role: Role,
}

/// A person is suspended, reinstated or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUserStatus {
    /// Who.
    pub user: UserId,
    /// Whether he may act.
    pub status: UserStatus,
    /// When.
    pub at: Timestamp,
}

/// A person gets a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SetPassword {
    /// Who.
    pub user: UserId,
    /// The argon2 hash in its text form.
    pub hash: String,
}

impl std::fmt::Debug for SetPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetPassword")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Record for User {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            name: columns.take()?,
            role: columns.take()?,
            status: columns.take()?,
            created_at: columns.take()?,
        })
    }
}

impl Apply for User {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let added = at
            .tx
            .execute(
                "INSERT INTO person (org, id, name, role, status, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.name,
                    self.role,
                    self.status,
                    self.created_at
                ],
            )
            .await?;
        match added {
            0 => Err(Conflict::NameTaken {
                name: self.name.clone(),
            }
            .into()),
            _ => Ok(None),
        }
    }
}

impl Apply for SetRole {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let governed = governed_by(at).await?;
        let sql = "UPDATE person SET role = $3 WHERE org = $1 AND id = $2";
        let touched = at
            .tx
            .execute(sql, params![at.org, self.user, self.role])
            .await?;
        found(touched, "person", self.user)?;
        keep_governed(at, governed).await?;
        Ok(None)
    }
}

impl Apply for SetUserStatus {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let governed = governed_by(at).await?;
        let sql = "UPDATE person SET status = $3 WHERE org = $1 AND id = $2";
        let touched = at
            .tx
            .execute(sql, params![at.org, self.user, self.status])
            .await?;
        found(touched, "person", self.user)?;
        keep_governed(at, governed).await?;
        if self.status != UserStatus::Active {
            let ends = EndCredentials {
                of: Some(self.user),
                at: self.at,
            };
            ends.apply(at).await?;
        }
        if self.status == UserStatus::Removed {
            let sql = "DELETE FROM identity WHERE org = $1 AND person = $2";
            at.tx.execute(sql, params![at.org, self.user]).await?;
        }
        Ok(None)
    }
}

/// How many active people hold the role admin or above, and how many overlord.
async fn governed_by<T: Tx>(at: &mut Boundary<'_, T>) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT COUNT(*), \
               COALESCE(SUM(CASE WHEN role = 'overlord' THEN 1 ELSE 0 END), 0) FROM person \
               WHERE org = $1 AND status = 'active' AND role IN ('admin', 'overlord')";
    let counted: Option<(i64, i64)> = at.tx.one(sql, params![at.org]).await?;
    Ok(counted.unwrap_or_default())
}

/// INVARIANT: an org that somebody governs stays governed. Without an admin nobody could decide,
/// and without an overlord nobody could let anybody in again.
async fn keep_governed<T: Tx>(
    at: &mut Boundary<'_, T>,
    before: (i64, i64),
) -> Result<(), CommitError> {
    let after = governed_by(at).await?;
    for (role, before, after) in [
        (Role::Overlord, before.1, after.1),
        (Role::Admin, before.0, after.0),
    ] {
        if before > 0 && after == 0 {
            return Err(Conflict::LastOf { role }.into());
        }
    }
    Ok(())
}

impl Apply for SetPassword {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE person SET password = $3 WHERE org = $1 AND id = $2";
        let touched = at
            .tx
            .execute(sql, params![at.org, self.user, self.hash])
            .await?;
        found(touched, "person", self.user)
    }
}

/// Whether an update found its row.
pub(crate) fn found(
    touched: u64,
    what: &'static str,
    id: impl std::fmt::Display,
) -> Result<Option<i64>, CommitError> {
    match touched {
        0 => Err(Conflict::NotFound {
            what,
            id: id.to_string(),
        }
        .into()),
        _ => Ok(None),
    }
}

impl Store {
    /// A person by id, removed ones included.
    pub async fn user(&self, org: OrgId, id: UserId) -> Result<Option<User>, StoreError> {
        let sql =
            "SELECT id, name, role, status, created_at FROM person WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }

    /// A person by name, removed ones excluded.
    pub async fn user_named(&self, org: OrgId, name: &str) -> Result<Option<User>, StoreError> {
        let sql = "SELECT id, name, role, status, created_at FROM person \
                   WHERE org = $1 AND name = $2 AND status <> 'removed'";
        self.one(sql, params![org, name]).await
    }

    /// Everybody, oldest first, removed ones included.
    pub async fn users(&self, org: OrgId) -> Result<Vec<User>, StoreError> {
        let sql = "SELECT id, name, role, status, created_at FROM person WHERE org = $1 \
                   ORDER BY created_at, id";
        self.all(sql, params![org]).await
    }

    /// The password hash of a person, if he has a password.
    pub async fn password(&self, org: OrgId, id: UserId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT password FROM person WHERE org = $1 AND id = $2";
        let row: Option<(Option<String>,)> = self.one(sql, params![org, id]).await?;
        Ok(row.and_then(|(hash,)| hash))
    }
}
