//! Conversations that are held at foreign doors, and the chats that admins watch.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{ConversationId, OrgId, Timestamp, UserId};

/// A conversation is held in a place from now on. A second binding changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Which.
    pub conversation: ConversationId,
    /// Whose it is.
    pub user: UserId,
    /// Where.
    pub place: String,
    /// Whether he is alone with us there.
    pub is_private: bool,
    /// When.
    pub at: Timestamp,
}

/// A conversation's feed was carried to its place up to here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub conversation: ConversationId,
    /// The sequence number that was carried last.
    pub up_to_seq: i64,
}

/// A chat has another name from now on, in everything that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovePlace {
    /// The chat as it was called.
    pub from: String,
    /// As it is called now.
    pub to: String,
}

/// A chat becomes the one that the admins watch, or no longer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetHub {
    /// The door.
    pub connector: String,
    /// Where; none to have none.
    pub place: Option<String>,
    /// Who says so.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// A conversation and where it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingRow {
    /// Which.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// Where.
    pub place: String,
    /// Whether he is alone with us there.
    pub is_private: bool,
    /// How far its feed was carried there.
    pub told: i64,
}

macro_rules! columns {
    () => {
        "b.conversation, b.person, b.place, b.is_private, b.told"
    };
}

impl Record for BindingRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            conversation: columns.take()?,
            user: columns.take()?,
            place: columns.take()?,
            is_private: columns.take()?,
            told: columns.take()?,
        })
    }
}

impl Apply for Bind {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO binding (org, conversation, person, place, is_private, told, at) \
                 VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.conversation,
                    self.user,
                    self.place,
                    self.is_private,
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

impl Apply for Told {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "UPDATE binding SET told = $3 \
                   WHERE org = $1 AND conversation = $2 AND told < $3";
        at.tx
            .execute(sql, params![at.org, self.conversation, self.up_to_seq])
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for MovePlace {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        const STATEMENTS: &[&str] = &[
            "UPDATE outbox SET destination = $3 || substr(destination, length($2) + 1), \
             next_at = at WHERE org = $1 AND sent_at IS NULL \
             AND (destination = $2 OR substr(destination, 1, length($2) + 1) = $2 || '/')",
            "UPDATE binding SET place = $3 || substr(place, length($2) + 1) WHERE org = $1 \
             AND (place = $2 OR substr(place, 1, length($2) + 1) = $2 || '/')",
            "UPDATE conversation SET name = $3 || substr(name, length($2) + 1) WHERE org = $1 \
             AND (name = $2 OR substr(name, 1, length($2) + 1) = $2 || '/') \
             AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.org = $1 \
             AND c.owner = conversation.owner \
             AND c.name = $3 || substr(conversation.name, length($2) + 1))",
            "UPDATE hub SET place = $3 || substr(place, length($2) + 1) WHERE org = $1 \
             AND (place = $2 OR substr(place, 1, length($2) + 1) = $2 || '/')",
            "UPDATE button SET place = $3 || substr(place, length($2) + 1) WHERE org = $1 \
             AND (place = $2 OR substr(place, 1, length($2) + 1) = $2 || '/')",
        ];
        for statement in STATEMENTS {
            at.tx
                .execute(statement, params![at.org, self.from, self.to])
                .await?;
        }
        Ok(None)
    }
}

impl Apply for SetHub {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let gone = "DELETE FROM hub WHERE org = $1 AND connector = $2";
        at.tx.execute(gone, params![at.org, self.connector]).await?;
        if let Some(place) = &self.place {
            let sql = "INSERT INTO hub (org, connector, place, set_by, at) \
                       VALUES ($1, $2, $3, $4, $5)";
            at.tx
                .execute(
                    sql,
                    params![at.org, self.connector, place, self.by, self.at],
                )
                .await?;
        }
        Ok(None)
    }
}

impl Store {
    /// Where a conversation is held, if at a foreign door.
    pub async fn binding(
        &self,
        org: OrgId,
        conversation: ConversationId,
    ) -> Result<Option<BindingRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM binding b WHERE b.org = $1 AND b.conversation = $2"
        );
        self.one(sql, params![org, conversation]).await
    }

    /// Where a person is alone with us, newest first.
    pub async fn private_places(
        &self,
        org: OrgId,
        user: UserId,
    ) -> Result<Vec<BindingRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM binding b WHERE b.org = $1 AND b.person = $2 AND b.is_private \
             ORDER BY b.at DESC, b.conversation"
        );
        self.all(sql, params![org, user]).await
    }

    /// The conversations whose feed has grown beyond what was carried to their places.
    pub async fn bindings_behind(
        &self,
        org: OrgId,
        limit: u32,
    ) -> Result<Vec<BindingRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM binding b WHERE b.org = $1 AND EXISTS (SELECT 1 FROM feed f \
             WHERE f.org = b.org AND f.stream = b.conversation AND f.seq > b.told) \
             ORDER BY b.conversation LIMIT $2"
        );
        self.all(sql, params![org, limit]).await
    }

    /// The chats that admins watch, by connector.
    pub async fn hubs(&self, org: OrgId) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT connector, place FROM hub WHERE org = $1 ORDER BY connector";
        self.all(sql, params![org]).await
    }
}
