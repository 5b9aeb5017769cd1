//! What the files of a workspace carry: where their content came from, and who may learn it.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{Labels, OrgId, WorkspaceId};

/// What one file carries, as long as it is the file that was written then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLabel {
    /// Within the workspace.
    pub path: String,
    /// Its size when it was written.
    pub bytes: u64,
    /// When its content was written, in nanoseconds since 1970.
    pub written_ns: i64,
    /// What it carries.
    pub labels: Labels,
}

/// Files were written to a workspace, and others removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFiles {
    /// Which.
    pub workspace: WorkspaceId,
    /// Those that were written.
    pub files: Vec<FileLabel>,
}

impl Record for FileLabel {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            path: columns.take()?,
            bytes: columns.take::<i64>()?.unsigned_abs(),
            written_ns: columns.take()?,
            labels: columns.take::<Json<_>>()?.0,
        })
    }
}

impl Apply for LabelFiles {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        for file in &self.files {
            let (bytes, labels) = (file.bytes as i64, json(&file.labels));
            at.tx
                .execute(
                    "INSERT INTO file_label (org, workspace, path, bytes, written_ns, labels) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org, workspace, path) \
                     DO UPDATE SET bytes = $4, written_ns = $5, labels = $6",
                    params![
                        at.org,
                        self.workspace,
                        file.path,
                        bytes,
                        file.written_ns,
                        labels
                    ],
                )
                .await?;
        }
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Files(self.workspace)]
    }
}

impl Store {
    /// What the files of a workspace carry, as far as tasks wrote them.
    pub async fn file_labels(
        &self,
        org: OrgId,
        workspace: WorkspaceId,
    ) -> Result<Vec<FileLabel>, StoreError> {
        let sql = "SELECT path, bytes, written_ns, labels FROM file_label \
                   WHERE org = $1 AND workspace = $2";
        self.all(sql, params![org, workspace]).await
    }
}
