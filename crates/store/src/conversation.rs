//! Talks between people and the coordinator, and the contexts that they happen in.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError, Write};
use serde_json::Value;
use wardroom_domain::{
    ContextId, Conversation, ConversationId, Message, MessageId, OrgId, Timestamp, UserId,
};

/// A channel, thread or private chat with its own prompt, tools and models.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The context's id.
    pub id: ContextId,
    /// Unique within the org.
    pub name: String,
    /// `private`, `channel`, ….
    pub kind: String,
    /// Its own prompt, tools and models, as the coordinator reads them.
    pub settings: Value,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Record for Context {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            name: columns.take()?,
            kind: columns.take()?,
            settings: columns.take::<Json<_>>()?.0,
            created_at: columns.take()?,
        })
    }
}

impl Record for Conversation {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            owner: columns.take()?,
            key: columns.take()?,
            context: columns.take()?,
            workspace: columns.take()?,
            created_at: columns.take()?,
        })
    }
}

impl Record for Message {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            conversation: columns.take()?,
            seq: columns.take()?,
            speaker: columns.take()?,
            text: columns.take()?,
            tasks: columns.take::<Json<_>>()?.0,
            files: columns.take::<Json<_>>()?.0,
            labels: columns.take::<Json<_>>()?.0,
            at: columns.take()?,
        })
    }
}

impl Apply for Context {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let added = at
            .tx
            .execute(
                "INSERT INTO context (org, id, name, kind, settings, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.name,
                    self.kind,
                    json(&self.settings),
                    self.created_at
                ],
            )
            .await?;
        match added {
            0 => Err(Conflict::NameTaken {
                name: self.name.clone(),
            }
            .into()),
            _ => Ok(None),
        }
    }
}

impl Apply for Conversation {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let added = at
            .tx
            .execute(
                "INSERT INTO conversation (org, id, owner, name, context, workspace, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.owner,
                    self.key,
                    self.context,
                    self.workspace,
                    self.created_at
                ],
            )
            .await?;
        if added > 0 {
            return Ok(None);
        }
        let there: Option<(ConversationId,)> = at
            .tx
            .one(ID_BY_KEY, params![at.org, self.owner, self.key])
            .await?;
        Err(match there {
            Some((id,)) => Conflict::ConversationExists(id),
            None => Conflict::Exists {
                what: "conversation",
            },
        }
        .into())
    }
}

impl Apply for Message {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let said: Option<(i64,)> = at
            .tx
            .one(
                "INSERT INTO message \
                 (org, conversation, seq, id, speaker, body, tasks, files, labels, at) \
                 SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4, $5, $6, $7, $8, $9 \
                 FROM message WHERE org = $1 AND conversation = $2 \
                 RETURNING seq",
                params![
                    at.org,
                    self.conversation,
                    self.id,
                    self.speaker,
                    self.text,
                    json(&self.tasks),
                    json(&self.files),
                    json(&self.labels),
                    self.at
                ],
            )
            .await?;
        Ok(said.map(|(seq,)| seq))
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Conversation(self.conversation)]
    }
}

const ID_BY_KEY: &str = "SELECT id FROM conversation WHERE org = $1 AND owner = $2 AND name = $3";

impl Store {
    /// The context of this name; made as given if there is none.
    pub async fn ensure_context(&self, org: OrgId, fresh: Context) -> Result<Context, CommitError> {
        if let Some(there) = self.context_named(org, &fresh.name).await? {
            return Ok(there);
        }
        match self
            .commit(org, vec![Write::AddContext(fresh.clone())])
            .await
        {
            Ok(_) => Ok(fresh),
            Err(CommitError::Refused(Conflict::NameTaken { name })) => {
                let there = self.context_named(org, &name).await?;
                Ok(there.ok_or(Conflict::Exists { what: "context" })?)
            }
            Err(error) => Err(error),
        }
    }

    /// A context by id.
    pub async fn context(&self, org: OrgId, id: ContextId) -> Result<Option<Context>, StoreError> {
        let sql = "SELECT id, name, kind, settings, created_at FROM context \
                   WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }

    /// A context by name.
    pub async fn context_named(
        &self,
        org: OrgId,
        name: &str,
    ) -> Result<Option<Context>, StoreError> {
        let sql = "SELECT id, name, kind, settings, created_at FROM context \
                   WHERE org = $1 AND name = $2";
        self.one(sql, params![org, name]).await
    }

    /// A conversation by id.
    pub async fn conversation(
        &self,
        org: OrgId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let sql = "SELECT id, owner, name, context, workspace, created_at FROM conversation \
                   WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }

    /// A person's conversation by its key.
    pub async fn conversation_by_key(
        &self,
        org: OrgId,
        owner: UserId,
        key: &str,
    ) -> Result<Option<Conversation>, StoreError> {
        let sql = "SELECT id, owner, name, context, workspace, created_at FROM conversation \
                   WHERE org = $1 AND owner = $2 AND name = $3";
        self.one(sql, params![org, owner, key]).await
    }

    /// The conversations of a person, newest first.
    pub async fn conversations(
        &self,
        org: OrgId,
        owner: UserId,
        limit: u32,
    ) -> Result<Vec<Conversation>, StoreError> {
        let sql = "SELECT id, owner, name, context, workspace, created_at FROM conversation \
                   WHERE org = $1 AND owner = $2 ORDER BY created_at DESC, id DESC LIMIT $3";
        self.all(sql, params![org, owner, limit]).await
    }

    /// What was said first in a conversation, by whom it belongs to; empty if nothing was.
    pub async fn first_words(
        &self,
        org: OrgId,
        conversation: ConversationId,
    ) -> Result<String, StoreError> {
        let sql = "SELECT SUBSTR(body, 1, 400) FROM message \
                   WHERE org = $1 AND conversation = $2 AND speaker = 'user' ORDER BY seq LIMIT 1";
        let first: Option<(String,)> = self.one(sql, params![org, conversation]).await?;
        Ok(first.map(|(text,)| text).unwrap_or_default())
    }

    /// A message by id.
    pub async fn message(&self, org: OrgId, id: MessageId) -> Result<Option<Message>, StoreError> {
        let sql = "SELECT id, conversation, seq, speaker, body, tasks, files, labels, at \
                   FROM message WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }

    /// Messages after a sequence number (0 for the beginning), oldest first.
    pub async fn messages_after(
        &self,
        org: OrgId,
        conversation: ConversationId,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let sql = "SELECT id, conversation, seq, speaker, body, tasks, files, labels, at \
                   FROM message WHERE org = $1 AND conversation = $2 AND seq > $3 \
                   ORDER BY seq LIMIT $4";
        self.all(sql, params![org, conversation, after_seq, limit])
            .await
    }

    /// Messages before a sequence number (`i64::MAX` for the end), newest first.
    pub async fn messages_before(
        &self,
        org: OrgId,
        conversation: ConversationId,
        before_seq: i64,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let sql = "SELECT id, conversation, seq, speaker, body, tasks, files, labels, at \
                   FROM message WHERE org = $1 AND conversation = $2 AND seq < $3 \
                   ORDER BY seq DESC LIMIT $4";
        self.all(sql, params![org, conversation, before_seq, limit])
            .await
    }

    /// The newest messages whose texts together fit into so many bytes, oldest first; the newest
    /// one always.
    pub async fn recent_messages(
        &self,
        org: OrgId,
        conversation: ConversationId,
        bytes_max: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let mut recent = Vec::new();
        let mut bytes = 0;
        let mut before = i64::MAX;
        loop {
            let page = self
                .messages_before(org, conversation, before, RECENT_PAGE)
                .await?;
            let is_last = page.len() < RECENT_PAGE as usize;
            for message in page {
                before = message.seq;
                bytes += message.text.len();
                if bytes > bytes_max && !recent.is_empty() {
                    recent.reverse();
                    return Ok(recent);
                }
                recent.push(message);
            }
            if is_last {
                recent.reverse();
                return Ok(recent);
            }
        }
    }
}

/// Most prompts need no second page.
const RECENT_PAGE: u32 = 32;
