//! What came in at a door, once per delivery, until it is answered.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, FromColumn, Json, Record, Tx, Value, json, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{ConversationId, Inbound, MessageId, OrgId, Timestamp, UserId, words};

words! {
    /// Where a delivery stands.
    pub enum InboxState {
        /// Admitted, not yet answered.
        Pending = "PENDING",
        /// Answered.
        Done = "DONE",
    }
}

/// A delivery is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admit {
    /// What came in.
    pub inbound: Inbound,
    /// Where it belongs.
    pub conversation: ConversationId,
    /// Who said it.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
}

/// A delivery has been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxDone {
    /// The door.
    pub connector: String,
    /// The door's own id of the delivery.
    pub external_id: String,
    /// The message that answers it, if one does.
    pub reply: Option<MessageId>,
}

/// A delivery as it was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// What came in.
    pub inbound: Inbound,
    /// Where it belongs.
    pub conversation: ConversationId,
    /// Who said it.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub state: InboxState,
    /// The message that answers it.
    pub reply: Option<MessageId>,
}

impl FromColumn for InboxState {
    fn from_column(value: &Value<'_>) -> Option<Self> {
        Self::parse(&String::from_column(value)?)
    }
}

impl Record for InboxRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            inbound: Inbound {
                connector: columns.take()?,
                external_id: columns.take()?,
                text: columns.take()?,
                files: columns.take::<Json<_>>()?.0,
            },
            conversation: columns.take()?,
            user: columns.take()?,
            at: columns.take()?,
            state: columns.take()?,
            reply: columns.take()?,
        })
    }
}

impl Apply for Admit {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let Inbound {
            connector,
            external_id,
            text,
            files,
        } = &self.inbound;
        let admitted = at
            .tx
            .execute(
                "INSERT INTO inbox \
                 (org, connector, external_id, conversation, person, body, files, at, state) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'PENDING') ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    connector,
                    external_id,
                    self.conversation,
                    self.user,
                    text,
                    json(files),
                    self.at
                ],
            )
            .await?;
        if admitted > 0 {
            return Ok(None);
        }
        let there: Option<InboxRow> = at
            .tx
            .one(DELIVERY, params![at.org, connector, external_id])
            .await?;
        Err(match there {
            Some(row) => Conflict::Duplicate(Box::new(row)),
            None => Conflict::Exists { what: "delivery" },
        }
        .into())
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for InboxDone {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let done = at
            .tx
            .execute(
                "UPDATE inbox SET state = 'DONE', reply = $4 \
                 WHERE org = $1 AND connector = $2 AND external_id = $3 AND state = 'PENDING'",
                params![at.org, self.connector, self.external_id, self.reply],
            )
            .await?;
        crate::people::found(done, "pending delivery", &self.external_id)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

const DELIVERY: &str = "SELECT connector, external_id, body, files, conversation, person, at, \
    state, reply FROM inbox WHERE org = $1 AND connector = $2 AND external_id = $3";

impl Store {
    /// A delivery by its key.
    pub async fn inbox_row(
        &self,
        org: OrgId,
        connector: &str,
        external_id: &str,
    ) -> Result<Option<InboxRow>, StoreError> {
        self.one(DELIVERY, params![org, connector, external_id])
            .await
    }

    /// What was admitted and not answered, oldest first: what a restart takes up again.
    pub async fn inbox_pending(&self, org: OrgId) -> Result<Vec<InboxRow>, StoreError> {
        let sql = "SELECT connector, external_id, body, files, conversation, person, at, state, \
                   reply FROM inbox WHERE org = $1 AND state = 'PENDING' ORDER BY at, external_id";
        self.all(sql, params![org]).await
    }
}
