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

/// Whose eyes a list is seen with: his own rows, and, where his role sees others, those of the tasks
/// that it holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overseer {
    /// Who looks.
    pub user: UserId,
    /// Whether his role sees others at all.
    pub sees_others: bool,
}

/// A kind that is not named in a person's scopes is not narrowed.
macro_rules! holds_for {
    ($kind:literal, $name:literal) => {
        concat!(
            "(NOT EXISTS (SELECT 1 FROM scope s WHERE s.org = $1 AND s.person = ? AND s.kind = '",
            $kind,
            "') OR EXISTS (SELECT 1 FROM scope s WHERE s.org = $1 AND s.person = ? AND s.kind = '",
            $kind,
            "' AND s.name = ",
            $name,
            "))"
        )
    };
}

impl Overseer {
    /// A condition on rows of `task`.
    pub(crate) fn of_tasks(self) -> &'static str {
        match self.sees_others {
            false => "requester = ?",
            true => concat!(
                "requester = ? OR (",
                holds_for!("workspace", "task.workspace"),
                " AND ",
                holds_for!("context", "task.context"),
                ")"
            ),
        }
    }

    /// A condition on rows of `approval`.
    pub(crate) fn of_approvals(self) -> &'static str {
        match self.sees_others {
            false => "requester = ?",
            true => concat!(
                "requester = ? OR EXISTS (SELECT 1 FROM task t WHERE t.org = $1 \
                 AND t.id = approval.task AND ",
                holds_for!("workspace", "t.workspace"),
                " AND ",
                holds_for!("context", "t.context"),
                ")"
            ),
        }
    }
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
