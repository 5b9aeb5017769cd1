//! A message comes in at a door: may this person speak, where does it belong, was it here before?

use crate::crew::Crew;
use crate::{Wrong, attach, command, converse, hear, mint, quota};
use serde_json::json;
use std::sync::Arc;
use wardroom_domain::{
    AuditKind, Capability, Chain, Conversation, ConversationId, Inbound, Labels, Message,
    MessageId, Principal, Speaker, TaskId, Waymark, Workspace, WorkspaceId, limits,
};
use wardroom_policy::sanitize;
use wardroom_store::{Admit, CommitError, Conflict, InboxRow, InboxState, Write};

/// What somebody says, and where.
#[derive(Clone, Debug)]
pub struct Saying {
    /// What was said, through which door.
    pub inbound: Inbound,
    /// The conversation to go on with.
    pub conversation: Option<ConversationId>,
    /// The door's own key of the conversation, when there is no id.
    pub key: Option<String>,
    /// The folder that a new conversation's tasks work on.
    pub workspace: Option<WorkspaceId>,
    /// Whether the words are somebody else's, passed on by whoever brings them.
    pub is_forwarded: bool,
}

/// The coordinator's answer.
#[derive(Clone, Debug)]
pub struct Replied {
    /// Where.
    pub conversation: ConversationId,
    /// The message that holds the answer; none if the delivery needed none.
    pub message: Option<Message>,
    /// The tasks that it began.
    pub tasks: Vec<TaskId>,
}

/// Takes a message in and answers it. Returns once the coordinator has answered or delegated.
pub async fn say(crew: &Arc<Crew>, by: &Principal, saying: Saying) -> Result<Replied, Wrong> {
    let row = accept(crew, by, saying).await?;
    converse::answer(crew, row).await
}

/// Takes a message in: after this it is not lost.
pub async fn accept(crew: &Arc<Crew>, by: &Principal, saying: Saying) -> Result<InboxRow, Wrong> {
    check(by, &saying.inbound)?;
    quota::message(crew, by.user).await?;
    let saying = without_secrets(crew, saying);
    attach::check(crew, by, &saying.inbound.files).await?;
    let (conversation, opened) = conversation_of(crew, by, &saying).await?;
    let now = crew.clock.now();
    let message = Message {
        id: mint!(crew.clock, MessageId),
        conversation: conversation.id,
        seq: 0,
        speaker: Speaker::User,
        text: saying.inbound.text.clone(),
        tasks: Vec::new(),
        files: saying.inbound.files.clone(),
        labels: labels_of(by, &saying),
        at: now,
    };
    let heard = sanitize::sanitize(&message.text, &sanitize::Limits::default());
    let mut body = json!({"connector": saying.inbound.connector, "external_id": saying.inbound.external_id,
        "message": message.id, "text": wardroom_domain::Digest::of(&message.text), "via": by.via});
    if !heard.categories.is_empty() {
        body["heard"] = hear::said_of(&heard);
    }
    let mut writes: Vec<Write> = opened.into_iter().collect();
    let admit = Admit {
        inbound: saying.inbound.clone(),
        conversation: conversation.id,
        user: by.user,
        at: now,
    };
    writes.push(Write::Admit(admit));
    writes.extend(converse::said(crew, message));
    writes.push(crew.audit(
        Chain::Conversation(conversation.id),
        AuditKind::MessageReceived,
        by.user,
        None,
        body,
    ));
    Waymark::Admit.reached().await;
    let taken_in = crew.commit(writes).await;
    if taken_in.is_ok() {
        Waymark::InboxCommit.reached().await;
    }
    match taken_in {
        Ok(_) => Ok(InboxRow {
            inbound: saying.inbound,
            conversation: conversation.id,
            user: by.user,
            at: now,
            state: InboxState::Pending,
            reply: None,
        }),
        Err(Wrong::Commit(CommitError::Refused(Conflict::Duplicate(row))))
            if row.user == by.user =>
        {
            Ok(*row)
        }
        // Two first messages at once: the conversation is there now.
        Err(Wrong::Commit(CommitError::Refused(Conflict::ConversationExists(id)))) => {
            let again = Saying {
                conversation: Some(id),
                ..saying
            };
            Box::pin(accept(crew, by, again)).await
        }
        Err(other) => Err(other),
    }
}

/// Who passes on another's words does not make them his own.
fn labels_of(by: &Principal, saying: &Saying) -> Labels {
    let own = Labels::owner(by.user);
    match saying.is_forwarded {
        true => own.join(&Labels::external()),
        false => own,
    }
}

/// A secret that somebody pastes is not for the store, and not for a model.
fn without_secrets(crew: &Crew, mut saying: Saying) -> Saying {
    saying.inbound.text = crew.redactor.redact(&saying.inbound.text).into_owned();
    saying
}

fn check(by: &Principal, inbound: &Inbound) -> Result<(), Wrong> {
    // A viewer reads, and may ask by command what there is to read.
    if command::parse(&inbound.text).is_none() {
        by.require(Capability::Converse)?;
    }
    if inbound.text.trim().is_empty() && inbound.files.is_empty() {
        return Err(Wrong::Unfit(
            "the message is empty; say something".to_owned(),
        ));
    }
    if inbound.text.len() > limits::MESSAGE_BYTES_MAX {
        let text = format!(
            "the message has {} bytes, the most is {}; put long text into a file",
            inbound.text.len(),
            limits::MESSAGE_BYTES_MAX
        );
        return Err(Wrong::Unfit(text));
    }
    Ok(())
}

async fn conversation_of(
    crew: &Arc<Crew>,
    by: &Principal,
    saying: &Saying,
) -> Result<(Conversation, Option<Write>), Wrong> {
    if let Some(id) = saying.conversation {
        let found = crew.store.conversation(crew.org, id).await?;
        let mine = found.filter(|conversation| conversation.owner == by.user);
        return Ok((mine.ok_or(Wrong::missing("conversation"))?, None));
    }
    let id = mint!(crew.clock, ConversationId);
    let key = saying.key.clone().unwrap_or_else(|| id.to_string());
    if saying.key.is_some()
        && let Some(found) = crew
            .store
            .conversation_by_key(crew.org, by.user, &key)
            .await?
    {
        return Ok((found, None));
    }
    let workspace = workspace_of(crew, by, saying.workspace).await?.id;
    let context = crew.context().await?;
    let created_at = crew.clock.now();
    let opened = Conversation {
        id,
        owner: by.user,
        key,
        context,
        workspace,
        created_at,
    };
    Ok((opened.clone(), Some(Write::AddConversation(opened))))
}

/// The conversation that somebody has at a place, opened if it is not there yet.
pub async fn conversation_at(
    crew: &Arc<Crew>,
    by: &Principal,
    key: &str,
) -> Result<Conversation, Wrong> {
    let store = &crew.store;
    if let Some(found) = store.conversation_by_key(crew.org, by.user, key).await? {
        return Ok(found);
    }
    let opened = Conversation {
        id: mint!(crew.clock, ConversationId),
        owner: by.user,
        key: key.to_owned(),
        context: crew.context().await?,
        workspace: workspace_of(crew, by, None).await?.id,
        created_at: crew.clock.now(),
    };
    match crew
        .commit(vec![Write::AddConversation(opened.clone())])
        .await
    {
        // Two at once: it is there now.
        Err(Wrong::Commit(CommitError::Refused(Conflict::ConversationExists(id)))) => {
            let there = store.conversation(crew.org, id).await?;
            there.ok_or(Wrong::missing("conversation"))
        }
        other => other.map(|_| opened),
    }
}

/// The workspace that a person names, if it is his, or his private one.
pub async fn workspace_of(
    crew: &Arc<Crew>,
    by: &Principal,
    named: Option<WorkspaceId>,
) -> Result<Workspace, Wrong> {
    let found = match named {
        Some(id) => crew.store.workspace(crew.org, id).await?,
        None => return crate::workspace::private(crew, by.user).await,
    };
    let mine = found.filter(|workspace| workspace.owner == by.user);
    mine.ok_or(Wrong::missing("workspace"))
}
