//! What requests with an idempotency key were answered.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{Digest, OrgId, Timestamp, UserId};

/// A request with an idempotency key is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remember {
    /// Whose request.
    pub user: UserId,
    /// The key that he gave.
    pub key: String,
    /// What was answered.
    pub answer: Remembered,
}

/// An answer that is given again to the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The digest of the request: method, path and body.
    pub request: Digest,
    /// The status code of the answer.
    pub status: u16,
    /// The body of the answer.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

impl Record for Remembered {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            request: columns.take()?,
            status: columns.take()?,
            body: columns.take()?,
            at: columns.take()?,
        })
    }
}

const ANSWER: &str = "SELECT request, status, body, at FROM remembered \
                      WHERE org = $1 AND person = $2 AND name = $3";

impl Apply for Remember {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let Remembered {
            request,
            status,
            body,
            at: when,
        } = &self.answer;
        let kept = at
            .tx
            .execute(
                "INSERT INTO remembered (org, person, name, request, status, body, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                params![at.org, self.user, self.key, request, status, body, when],
            )
            .await?;
        if kept > 0 {
            return Ok(None);
        }
        let there: Option<Remembered> = at
            .tx
            .one(ANSWER, params![at.org, self.user, self.key])
            .await?;
        Err(match there {
            Some(there) if there.request == *request => Conflict::Repeated(Box::new(there)),
            _ => Conflict::IdempotencyMismatch {
                key: self.key.clone(),
            },
        }
        .into())
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Store {
    /// What a person's request of this key was answered.
    pub async fn remembered(
        &self,
        org: OrgId,
        user: UserId,
        key: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        self.one(ANSWER, params![org, user, key]).await
    }
}
