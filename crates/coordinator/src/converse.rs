//! One turn of a conversation: the coordinator's model answers, or hands work to the crew.
//!
//! Nothing that a turn begins exists before its one commit, so a turn that a crash cuts off is
//! simply taken again.

use crate::accept::Replied;
use crate::crew::Crew;
use crate::{
    Wrong, assemble, attach, command, delegate, handle, meter, mint, models, profile, quota, stop,
    synthesize, wishes,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;
use wardroom_domain::{
    AGENT_COORDINATOR, AuditKind, Chain, Conversation, Integrity, Labels, Message, MessageId,
    Principal, Speaker, TaskId, Timestamp, UserStatus, limits,
};
use wardroom_llm::message::{self, Delta, Image, ModelRequest};
use wardroom_llm::{Conversed, Exhausted, ModelCall, ModelRole};
use wardroom_policy::sanitize;
use wardroom_store::{Duty, Feed, InboxDone, InboxRow, InboxState, Write};

/// How often it is looked whether another process has ended its turn.
const TURN_LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a turn has come to so far.
pub(crate) struct Turn {
    pub(crate) crew: Arc<Crew>,
    pub(crate) by: Principal,
    pub(crate) conversation: Conversation,
    /// Names the tasks that this turn begins, so that their results are told together.
    pub(crate) batch: String,
    pub(crate) labels: Labels,
    /// What the person typed in this very turn; empty when results knock, or when he passed on what
    /// somebody else wrote.
    pub(crate) typed: String,
    /// What he typed in all that the model is shown.
    pub(crate) texts: Vec<String>,
    /// Whether the model is shown anything from outside, quoted or told.
    pub(crate) saw_outside: bool,
    pub(crate) files: Vec<wardroom_domain::FileId>,
    /// How to speak, as the org and the person wish.
    voice: String,
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) titles: Vec<String>,
    pub(crate) writes: Vec<Write>,
    /// What its models used and how they failed, which stays true when the turn comes to nothing.
    metered: Vec<Write>,
    model: String,
    began: Timestamp,
}

/// Answers a delivery, once: whoever comes second gets the first one's answer.
pub async fn answer(crew: &Arc<Crew>, row: InboxRow) -> Result<Replied, Wrong> {
    let span = tracing::info_span!("turn", conversation = %row.conversation, user = %row.user);
    answer_in_span(crew, row).instrument(span).await
}

async fn answer_in_span(crew: &Arc<Crew>, row: InboxRow) -> Result<Replied, Wrong> {
    let is_fresh = row.state == InboxState::Pending && row.inbound.connector != delegate::RESULTS;
    if is_fresh && stop::is_word(&row.inbound.text) {
        return stop::answer(crew, &row).await;
    }
    let lock = crew.talk(row.conversation);
    let _turn = lock.lock().await;
    let row = match turn_of(crew, &row).await? {
        Ok(row) => row,
        Err(answered) => return repeated(crew, &answered).await,
    };
    let duty = Duty::Turn(row.conversation);
    let replied = answer_alone(crew, row).await;
    if let Err(error) = crew.store.end_duty(crew.org, duty).await {
        tracing::warn!(%error, "a turn was not given back; this process takes the next one, too");
    }
    replied
}

/// Waits for the turn in the conversation, of which there is one among all processes. Answers the
/// delivery as it stands then; as an error, if it has been answered meanwhile.
async fn turn_of(crew: &Crew, row: &InboxRow) -> Result<Result<InboxRow, InboxRow>, Wrong> {
    loop {
        let duty = Duty::Turn(row.conversation);
        let has_turn = crew.store.take_duty(crew.org, duty).await?;
        let (connector, id) = (&row.inbound.connector, &row.inbound.external_id);
        let current = crew.store.inbox_row(crew.org, connector, id).await?;
        let current = current.ok_or(Wrong::missing("message"))?;
        match (current.state, has_turn) {
            (InboxState::Pending, true) => return Ok(Ok(current)),
            (InboxState::Pending, false) => tokio::time::sleep(TURN_LOOK_EVERY).await,
            (InboxState::Done, has_turn) => {
                if has_turn {
                    crew.store.end_duty(crew.org, duty).await?;
                }
                return Ok(Err(current));
            }
        }
    }
}

async fn answer_alone(crew: &Arc<Crew>, row: InboxRow) -> Result<Replied, Wrong> {
    let conversation = crew.store.conversation(crew.org, row.conversation).await?;
    let conversation = conversation.ok_or(Wrong::missing("conversation"))?;
    let via = format!("conversation by {}", row.inbound.connector);
    let (by, status) = crew.person(row.user, &via).await?;
    if status != UserStatus::Active {
        return dropped(crew, row, &by, status).await;
    }
    let turn = Turn {
        crew: crew.clone(),
        by,
        conversation,
        batch: format!("{}:{}", row.inbound.connector, row.inbound.external_id),
        labels: Labels::owner(row.user),
        typed: row.inbound.text.clone(),
        texts: Vec::new(),
        saw_outside: false,
        files: row.inbound.files.clone(),
        voice: profile::voice(crew, row.user).await?,
        tasks: Vec::new(),
        titles: Vec::new(),
        writes: Vec::new(),
        metered: Vec::new(),
        model: String::new(),
        began: crew.clock.now(),
    };
    if row.inbound.connector == delegate::RESULTS {
        return synthesize::results(turn, &row).await;
    }
    take_turn(turn, &row).await
}

/// Who may not act any more is not answered any more, and what he said is laid aside.
async fn dropped(
    crew: &Arc<Crew>,
    row: InboxRow,
    by: &Principal,
    status: UserStatus,
) -> Result<Replied, Wrong> {
    let done = Write::InboxDone(InboxDone {
        connector: row.inbound.connector,
        external_id: row.inbound.external_id,
        reply: None,
    });
    crew.commit(vec![done]).await?;
    Err(Wrong::Forbidden(format!("{} is {status}", by.name)))
}

async fn repeated(crew: &Arc<Crew>, row: &InboxRow) -> Result<Replied, Wrong> {
    let message = match row.reply {
        Some(id) => crew.store.message(crew.org, id).await?,
        None => None,
    };
    let tasks = message
        .as_ref()
        .map(|message| message.tasks.clone())
        .unwrap_or_default();
    Ok(Replied {
        conversation: row.conversation,
        message,
        tasks,
    })
}

async fn take_turn(mut turn: Turn, row: &InboxRow) -> Result<Replied, Wrong> {
    let crew = turn.crew.clone();
    if let Some(command) = command::parse(&row.inbound.text) {
        let answered = command::answer(&crew, &turn.by, Some(&turn.conversation), command).await?;
        turn.tasks = answered.tasks;
        turn.model = "none".to_owned();
        return turn.finish(answered.text, row).await;
    }
    if let Some(hold) = quota::before_model(&crew, turn.by.user).await? {
        turn.model = "none".to_owned();
        let text = format!("I cannot ask a model now: {}.", hold.why());
        return turn.finish(text, row).await;
    }
    let id = turn.conversation.id;
    let recent = crew
        .store
        .recent_messages(crew.org, id, limits::CONVERSATION_BYTES_MAX)
        .await?;
    let history = ending_with(recent, &row.inbound.text);
    turn.look_at(&history);
    let images = attach::images(&crew, &row.inbound.files).await?;
    let text = match rounds(&mut turn, &history, &images).await {
        Ok(text) => text,
        Err(exhausted) => {
            turn.tasks.clear();
            turn.writes.clear();
            turn.model = "none".to_owned();
            format!(
                "I cannot answer now: {exhausted}. Your message is kept; say it again when the model is back."
            )
        }
    };
    turn.finish(text, row).await
}

/// The history as this turn answers it: its own message stands last, also when results were told
/// in between, and what was said after it is answered in turns of its own.
fn ending_with(mut history: Vec<Message>, text: &str) -> Vec<Message> {
    let is_own = |message: &Message| message.speaker == Speaker::User && message.text == text;
    let Some(at) = history.iter().rposition(is_own) else {
        return history;
    };
    let own = history.remove(at);
    let mut later = history.split_off(at);
    later.retain(|message| message.speaker != Speaker::User);
    history.append(&mut later);
    history.push(own);
    history
}

/// Model and tools take turns until there is an answer.
async fn rounds(
    turn: &mut Turn,
    history: &[Message],
    images: &[Image],
) -> Result<String, Exhausted> {
    let mut said = Vec::new();
    for _ in 0..limits::CONVERSATION_ROUNDS_MAX {
        let crew = turn.crew.clone();
        let nonce = crew.nonce();
        let request = assemble::conversation(
            history,
            images.to_vec(),
            said.clone(),
            &crew.tools(),
            &crew.agents_by_name().await,
            &nonce,
            crew.clock.now(),
        );
        let conversed = turn.speak(request).await?;
        let reply = conversed.reply;
        if reply.calls.is_empty() {
            return Ok(turn.text_or_summary(reply.text));
        }
        said.push(reply.to_message());
        let is_delegated = reply.calls.iter().all(|call| call.name == "delegate");
        for call in reply.calls.into_iter().map(meter::call) {
            let (is_error, text) = handle::call(turn, &call).await;
            said.push(message::Message::tool_result(call.id, text, is_error));
        }
        if is_delegated && !reply.text.trim().is_empty() && !turn.tasks.is_empty() {
            return Ok(reply.text);
        }
    }
    Ok(turn.text_or_summary(String::new()))
}

impl Turn {
    /// Notes whose words the model is about to see.
    fn look_at(&mut self, history: &[Message]) {
        let is_outside = |message: &Message| message.labels.integrity == Integrity::External;
        // Words that the person passed on are another's: they wish for nothing, and what follows
        // from them came from outside.
        if let Some(own) = history.last().filter(|own| is_outside(own)) {
            self.labels = self.labels.join(&own.labels);
            self.typed.clear();
        }
        let by_person = history
            .iter()
            .filter(|message| message.speaker == Speaker::User && !is_outside(message));
        self.texts = by_person.map(|message| message.text.clone()).collect();
        self.saw_outside = !self.files.is_empty() || history.iter().any(is_outside);
    }

    /// The labels of words that the coordinator's model passes on as its person's wish.
    pub(crate) fn labels_of(&self, words: &str) -> Labels {
        let texts: Vec<_> = self.texts.iter().map(String::as_str).collect();
        wishes::of_instructions(words, &texts, self.saw_outside, &self.labels)
    }

    /// Asks the coordinator's model, showing its words as they come.
    pub(crate) async fn speak(
        &mut self,
        mut request: ModelRequest,
    ) -> Result<Conversed, Exhausted> {
        request.system.push_str(&self.voice);
        let call = ModelCall {
            role: ModelRole::Coordinator,
            user: self.by.user,
            task: None,
            task_type: None,
            needs_images: request.messages.iter().any(message::Message::has_images),
            own_keys: BTreeMap::new(),
            allowlists: models::or_none(
                models::lists(
                    &self.crew,
                    &self.by,
                    AGENT_COORDINATOR,
                    self.conversation.context,
                )
                .await,
            ),
        };
        let permit = self.crew.policy().speak(call);
        let (crew, id) = (self.crew.clone(), self.conversation.id);
        let turn = self.crew.nonce();
        let mut preview = move |preview: wardroom_llm::Preview| {
            if let Delta::Text { text } = preview.delta {
                let attempt = format!("{turn}.{}", preview.attempt);
                let text = crew.redactor.redact(&text);
                crew.bus
                    .say(id, "preview", json!({"attempt": attempt, "text": text}));
            }
        };
        let answered = self
            .crew
            .router
            .converse(permit, &request, &mut preview)
            .await;
        let attempts = match &answered {
            Ok(conversed) => &conversed.attempts,
            Err(exhausted) => &exhausted.attempts,
        };
        let falls = meter::falls(&self.crew, Chain::Conversation(id), attempts);
        self.metered.extend(falls);
        let conversed = answered?;
        self.model.clone_from(&conversed.model);
        let metered = meter::talk(&self.crew, self.by.user, id, &conversed);
        self.metered.push(metered);
        Ok(conversed)
    }

    fn text_or_summary(&self, text: String) -> String {
        if !text.trim().is_empty() {
            return text;
        }
        match self.titles.as_slice() {
            [] => "I have nothing to say to that.".to_owned(),
            [title] => format!("I have begun: {title}."),
            titles => format!(
                "I have begun {} tasks: {}.",
                titles.len(),
                titles.join("; ")
            ),
        }
    }

    /// What a person has stopped begins nothing any more.
    fn unless_stopped(&mut self, text: String) -> String {
        if self.tasks.is_empty() || !stop::was_said_since(&self.crew, self.by.user, self.began) {
            return text;
        }
        self.tasks.clear();
        self.writes.clear();
        "Stopped before anything was begun.".to_owned()
    }

    /// The one commit of the turn: the reply, what it began, and its lines in the audit log.
    pub(crate) async fn finish(mut self, text: String, row: &InboxRow) -> Result<Replied, Wrong> {
        let crew = self.crew.clone();
        let text = self.unless_stopped(text);
        let text = sanitize::deliverable(&crew.redactor.redact(&text));
        let mut message = Message {
            id: mint!(crew.clock, MessageId),
            conversation: self.conversation.id,
            seq: 0,
            speaker: Speaker::Assistant,
            text,
            tasks: self.tasks.clone(),
            files: Vec::new(),
            labels: self.labels.clone(),
            at: crew.clock.now(),
        };
        let body = json!({"message": message.id, "model": self.model, "tasks": self.tasks,
            "text": wardroom_domain::Digest::of(&message.text), "answers": row.inbound.external_id});
        let chain = Chain::Conversation(self.conversation.id);
        let mut writes = std::mem::take(&mut self.metered);
        writes.append(&mut self.writes);
        writes.extend(said(&crew, message.clone()));
        writes.push(Write::InboxDone(InboxDone {
            connector: row.inbound.connector.clone(),
            external_id: row.inbound.external_id.clone(),
            reply: Some(message.id),
        }));
        writes.push(crew.audit(chain, AuditKind::MessageSent, "coordinator", None, body));
        let is_reply =
            |write: &Write| matches!(write, Write::AddMessage(added) if added.id == message.id);
        let place = writes.iter().position(is_reply).unwrap_or_default();
        let receipt = crew.commit(writes).await?;
        message.seq = receipt
            .seqs
            .get(place)
            .copied()
            .flatten()
            .unwrap_or_default();
        quota::warn_if_near(&crew, self.by.user, Some(self.conversation.id)).await?;
        Ok(Replied {
            conversation: self.conversation.id,
            message: Some(message),
            tasks: self.tasks,
        })
    }
}

/// The rows by which something is said in a conversation.
pub(crate) fn said(crew: &Crew, message: Message) -> [Write; 2] {
    let (stream, at) = (message.conversation.to_string(), crew.clock.now());
    let data = json!({"message": message.id});
    [
        Write::AddMessage(message),
        Write::Feed(Feed {
            stream,
            event: "message".into(),
            at,
            data,
        }),
    ]
}
