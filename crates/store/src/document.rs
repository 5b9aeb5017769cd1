//! Documents with a history: the policy, its preset, the emergency controls, a person's settings.

use crate::boundary::Boundary;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use serde_json::Value;
use wardroom_domain::{OrgId, Timestamp};

/// A document gets its next version.
#[derive(Clone, Debug, PartialEq)]
pub struct PutDocument {
    /// Which: `policy`, `emergency`, `bypass:user_…`.
    pub kind: String,
    /// The version that the author saw; 0 if there was none.
    pub seen_version: i64,
    /// Who.
    pub author: String,
    /// What it says.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

/// One version of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Which.
    pub kind: String,
    /// Its version, from 1 without gaps.
    pub version: i64,
    /// Who wrote it.
    pub author: String,
    /// What it says.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

impl Record for Document {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            kind: columns.take()?,
            version: columns.take()?,
            author: columns.take()?,
            body: columns.take::<Json<_>>()?.0,
            at: columns.take()?,
        })
    }
}

impl Apply for PutDocument {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let newest: Option<(i64,)> = at
            .tx
            .one(
                "SELECT COALESCE(MAX(version), 0) FROM document WHERE org = $1 AND kind = $2",
                params![at.org, self.kind],
            )
            .await?;
        let (version,) = newest.unwrap_or_default();
        if version != self.seen_version {
            return Err(Conflict::DocumentMoved {
                kind: self.kind.clone(),
                version,
            }
            .into());
        }
        let next = version + 1;
        at.tx
            .execute(
                "INSERT INTO document (org, kind, version, author, body, at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
                params![
                    at.org,
                    self.kind,
                    next,
                    self.author,
                    json(&self.body),
                    self.at
                ],
            )
            .await?;
        Ok(Some(next))
    }
}

/// The kinds below one: `policy:…` below `policy`.
fn below(kind: &str) -> String {
    format!("{kind}:%")
}

impl Store {
    /// The newest version of a document.
    pub async fn document(&self, org: OrgId, kind: &str) -> Result<Option<Document>, StoreError> {
        let sql = "SELECT kind, version, author, body, at FROM document \
                   WHERE org = $1 AND kind = $2 ORDER BY version DESC LIMIT 1";
        self.one(sql, params![org, kind]).await
    }

    /// One version of a document.
    pub async fn document_version(
        &self,
        org: OrgId,
        kind: &str,
        version: i64,
    ) -> Result<Option<Document>, StoreError> {
        let sql = "SELECT kind, version, author, body, at FROM document \
                   WHERE org = $1 AND kind = $2 AND version = $3";
        self.one(sql, params![org, kind, version]).await
    }

    /// How many versions there are of a document and of those below it (`policy`, `policy:user_…`):
    /// a number that grows with every change of any of them.
    pub async fn document_stamp(&self, org: OrgId, kind: &str) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM document \
                   WHERE org = $1 AND (kind = $2 OR kind LIKE $3)";
        let row: Option<(i64,)> = self.one(sql, params![org, kind, below(kind)]).await?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// The newest versions of the documents below one (`policy:user_…` below `policy`).
    pub async fn documents_below(
        &self,
        org: OrgId,
        kind: &str,
    ) -> Result<Vec<Document>, StoreError> {
        let sql = "SELECT kind, version, author, body, at FROM document AS newest \
                   WHERE org = $1 AND kind LIKE $2 AND version = \
                   (SELECT MAX(version) FROM document WHERE org = $1 AND kind = newest.kind) \
                   ORDER BY kind";
        self.all(sql, params![org, below(kind)]).await
    }

    /// The versions of a document before one (`i64::MAX` for all), newest first.
    pub async fn document_history(
        &self,
        org: OrgId,
        kind: &str,
        before_version: i64,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let sql = "SELECT kind, version, author, body, at FROM document \
                   WHERE org = $1 AND kind = $2 AND version < $3 ORDER BY version DESC LIMIT $4";
        self.all(sql, params![org, kind, before_version, limit])
            .await
    }
}
