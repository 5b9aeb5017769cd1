//! Remembered yeses, until they end or are taken back.

use crate::boundary::Boundary;
use crate::people::found;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{
    ActionKind, ApprovalId, Grant, GrantId, OrgId, Timestamp, UserId, WorkspaceId,
};

/// A yes is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiveGrant {
    /// What it covers.
    pub grant: Grant,
    /// The question that it was given with.
    pub approval: ApprovalId,
}

/// A grant is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeGrant {
    /// Which.
    pub id: GrantId,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

macro_rules! columns {
    () => {
        "id, workspace, requester, kind, text, tier, granted_by, granted_at, expires_at, revoked_at"
    };
}

impl Record for Grant {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            workspace: columns.take()?,
            requester: columns.take()?,
            kind: ActionKind {
                digest: columns.take()?,
                text: columns.take()?,
            },
            tier: columns.take()?,
            granted_by: columns.take()?,
            granted_at: columns.take()?,
            expires_at: columns.take()?,
            revoked_at: columns.take()?,
        })
    }
}

impl Apply for GiveGrant {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let grant = &self.grant;
        at.tx
            .execute(
                "INSERT INTO lasting_grant (org, id, workspace, requester, kind, text, tier, \
                 granted_by, granted_at, expires_at, approval) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                params![
                    at.org,
                    grant.id,
                    grant.workspace,
                    grant.requester,
                    grant.kind.digest,
                    grant.kind.text,
                    grant.tier,
                    grant.granted_by,
                    grant.granted_at,
                    grant.expires_at,
                    self.approval
                ],
            )
            .await?;
        Ok(None)
    }
}

impl Apply for RevokeGrant {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE lasting_grant SET revoked_at = $3, revoked_by = $4 \
                   WHERE org = $1 AND id = $2 AND revoked_at IS NULL";
        let touched = at
            .tx
            .execute(sql, params![at.org, self.id, self.at, self.by])
            .await?;
        found(touched, "grant in force", self.id)
    }
}

impl Store {
    /// The grants of a workspace that nobody has taken back, for policy to read.
    pub async fn grants_in_force(
        &self,
        org: OrgId,
        workspace: WorkspaceId,
    ) -> Result<Vec<Grant>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM lasting_grant WHERE org = $1 AND workspace = $2 AND revoked_at IS NULL \
             ORDER BY granted_at, id"
        );
        self.all(sql, params![org, workspace]).await
    }

    /// Every grant, those taken back included; newest first.
    pub async fn grants(&self, org: OrgId) -> Result<Vec<Grant>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM lasting_grant WHERE org = $1 ORDER BY granted_at DESC, id DESC"
        );
        self.all(sql, params![org]).await
    }
}
