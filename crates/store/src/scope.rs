//! Where a person's role holds.

use crate::boundary::Boundary;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{OrgId, Scope, Scopes, UserId};

/// A person's role is narrowed to these, in place of what it was; nothing at all means that it holds
/// everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignScopes {
    /// Whose.
    pub user: UserId,
    /// To what.
    pub scopes: Scopes,
}

impl Record for Scope {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            kind: columns.take()?,
            name: columns.take()?,
        })
    }
}

impl Apply for AssignScopes {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "DELETE FROM scope WHERE org = $1 AND person = $2";
        at.tx.execute(sql, params![at.org, self.user]).await?;
        for Scope { kind, name } in &self.scopes.0 {
            let sql = "INSERT INTO scope (org, person, kind, name) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT DO NOTHING";
            at.tx
                .execute(sql, params![at.org, self.user, kind, name])
                .await?;
        }
        Ok(None)
    }
}

impl Store {
    /// Where a person's role holds.
    pub async fn scopes(&self, org: OrgId, user: UserId) -> Result<Scopes, StoreError> {
        let sql = "SELECT kind, name FROM scope WHERE org = $1 AND person = $2 \
                   ORDER BY kind, name";
        self.all(sql, params![org, user]).await.map(Scopes)
    }
}
