//! The folders that tasks work on.

use crate::boundary::Boundary;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use std::path::{Path, PathBuf};
use wardroom_domain::{OrgId, UserId, Workspace, WorkspaceId};

impl Record for Workspace {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            kind: columns.take()?,
            owner: columns.take()?,
            path: PathBuf::from(columns.take::<String>()?),
            created_at: columns.take()?,
        })
    }
}

impl Apply for Workspace {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let path = text_of(&self.path)?;
        let added = at
            .tx
            .execute(
                "INSERT INTO workspace (org, id, kind, owner, path, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.kind,
                    self.owner,
                    path,
                    self.created_at
                ],
            )
            .await?;
        match added {
            0 => Err(Conflict::Exists { what: "workspace" }.into()),
            _ => Ok(None),
        }
    }
}

/// A path that is not UTF-8 could not be read back as it is, so it is refused.
fn text_of(path: &Path) -> Result<&str, StoreError> {
    path.to_str().ok_or_else(|| StoreError::File {
        path: path.to_owned(),
        reason: "its name is not UTF-8; rename the folder".to_owned(),
    })
}

impl Store {
    /// A workspace by id.
    pub async fn workspace(
        &self,
        org: OrgId,
        id: WorkspaceId,
    ) -> Result<Option<Workspace>, StoreError> {
        let sql = "SELECT id, kind, owner, path, created_at FROM workspace \
                   WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }

    /// The private workspace of a person.
    pub async fn private_workspace(
        &self,
        org: OrgId,
        owner: UserId,
    ) -> Result<Option<Workspace>, StoreError> {
        let sql = "SELECT id, kind, owner, path, created_at FROM workspace \
                   WHERE org = $1 AND owner = $2 AND kind = 'private'";
        self.one(sql, params![org, owner]).await
    }

    /// The workspace that a person opened at this folder.
    pub async fn workspace_at(
        &self,
        org: OrgId,
        owner: UserId,
        path: &Path,
    ) -> Result<Option<Workspace>, StoreError> {
        let sql = "SELECT id, kind, owner, path, created_at FROM workspace \
                   WHERE org = $1 AND owner = $2 AND path = $3";
        self.one(sql, params![org, owner, text_of(path)?]).await
    }

    /// The workspaces of a person, oldest first.
    pub async fn workspaces(
        &self,
        org: OrgId,
        owner: UserId,
    ) -> Result<Vec<Workspace>, StoreError> {
        let sql = "SELECT id, kind, owner, path, created_at FROM workspace \
                   WHERE org = $1 AND owner = $2 ORDER BY created_at, id";
        self.all(sql, params![org, owner]).await
    }
}
