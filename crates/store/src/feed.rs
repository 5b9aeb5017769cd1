//! What listeners of a task or a conversation are told, in order and without gaps.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Hint, Store, StoreError};
use serde_json::Value;
use std::borrow::Cow;
use wardroom_domain::{OrgId, Timestamp};

/// A stream grows by an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// `task_…` or `conv_…`.
    pub stream: String,
    /// The kind of event: `status`, `progress`, `message`, ….
    pub event: Cow<'static, str>,
    /// When.
    pub at: Timestamp,
    /// What the listener reads.
    pub data: Value,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedRow {
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// The kind of event.
    pub event: String,
    /// When.
    pub at: Timestamp,
    /// What the listener reads.
    pub data: Value,
}

impl Record for FeedRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: columns.take()?,
            event: columns.take()?,
            at: columns.take()?,
            data: columns.take::<Json<_>>()?.0,
        })
    }
}

impl Apply for Feed {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let grown: Option<(i64,)> = at
            .tx
            .one(
                "INSERT INTO feed (org, stream, seq, event, at, data) \
                 SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4, $5 \
                 FROM feed WHERE org = $1 AND stream = $2 \
                 RETURNING seq",
                params![at.org, self.stream, self.event, self.at, json(&self.data)],
            )
            .await?;
        let seq = grown.map(|(seq,)| seq);
        if let Some(seq) = seq {
            at.hints.push(Hint::Feed {
                org: at.org,
                stream: self.stream.clone(),
                seq,
            });
        }
        Ok(seq)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Stream(self.stream.clone())]
    }
}

impl Store {
    /// Events of a stream after a sequence number (0 for the beginning), oldest first.
    pub async fn feed_after(
        &self,
        org: OrgId,
        stream: &str,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let sql = "SELECT seq, event, at, data FROM feed \
                   WHERE org = $1 AND stream = $2 AND seq > $3 ORDER BY seq LIMIT $4";
        self.all(sql, params![org, stream, after_seq, limit]).await
    }

    /// The newest sequence number of a stream, 0 if it has none.
    pub async fn feed_end(&self, org: OrgId, stream: &str) -> Result<i64, StoreError> {
        let sql = "SELECT COALESCE(MAX(seq), 0) FROM feed WHERE org = $1 AND stream = $2";
        let end = self.one(sql, params![org, stream]).await?;
        Ok(end.map_or(0, |(seq,)| seq))
    }
}
