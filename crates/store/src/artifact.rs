//! What tasks made for their requesters, and what people uploaded. The bytes are objects.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{Digest, FileId, OrgId, TaskId, Timestamp, UserId};

/// A task made something for its requester. A second one of the same name replaces the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Whose.
    pub task: TaskId,
    /// Its name within the task.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// What it is.
    pub media_type: String,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Where the bytes are.
    pub object: String,
    /// When.
    pub at: Timestamp,
}

/// A person uploaded something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The upload's id.
    pub id: FileId,
    /// Whose it is.
    pub owner: UserId,
    /// What he calls it.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// What it is.
    pub media_type: String,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Where the bytes are.
    pub object: String,
    /// When.
    pub at: Timestamp,
}

impl Record for Artifact {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            task: columns.take()?,
            name: columns.take()?,
            bytes: columns.take()?,
            media_type: columns.take()?,
            sha256: columns.take()?,
            object: columns.take()?,
            at: columns.take()?,
        })
    }
}

impl Record for StoredFile {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            owner: columns.take()?,
            name: columns.take()?,
            bytes: columns.take()?,
            media_type: columns.take()?,
            sha256: columns.take()?,
            object: columns.take()?,
            at: columns.take()?,
        })
    }
}

impl Apply for Artifact {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO artifact (org, task, name, bytes, media_type, sha256, object, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (org, task, name) DO UPDATE SET bytes = excluded.bytes, \
                 media_type = excluded.media_type, sha256 = excluded.sha256, \
                 object = excluded.object, at = excluded.at",
                params![
                    at.org,
                    self.task,
                    self.name,
                    self.bytes,
                    self.media_type,
                    self.sha256,
                    self.object,
                    self.at
                ],
            )
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for StoredFile {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let added = at
            .tx
            .execute(
                "INSERT INTO file (org, id, owner, name, bytes, media_type, sha256, object, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.owner,
                    self.name,
                    self.bytes,
                    self.media_type,
                    self.sha256,
                    self.object,
                    self.at
                ],
            )
            .await?;
        match added {
            0 => Err(Conflict::Exists { what: "file" }.into()),
            _ => Ok(None),
        }
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Store {
    /// What a task made, by name.
    pub async fn artifacts(&self, org: OrgId, task: TaskId) -> Result<Vec<Artifact>, StoreError> {
        let sql = "SELECT task, name, bytes, media_type, sha256, object, at FROM artifact \
                   WHERE org = $1 AND task = $2 ORDER BY name";
        self.all(sql, params![org, task]).await
    }

    /// One of them.
    pub async fn artifact(
        &self,
        org: OrgId,
        task: TaskId,
        name: &str,
    ) -> Result<Option<Artifact>, StoreError> {
        let sql = "SELECT task, name, bytes, media_type, sha256, object, at FROM artifact \
                   WHERE org = $1 AND task = $2 AND name = $3";
        self.one(sql, params![org, task, name]).await
    }

    /// An upload by id.
    pub async fn file(&self, org: OrgId, id: FileId) -> Result<Option<StoredFile>, StoreError> {
        let sql = "SELECT id, owner, name, bytes, media_type, sha256, object, at FROM file \
                   WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }
}
