//! What a model used is counted: per person, model, role and task.

use crate::Wrong;
use crate::crew::Crew;
use serde_json::json;
use wardroom_domain::{AuditKind, Chain, ConversationId, Task, ToolCall, UserId};
use wardroom_llm::{Attempt, Conversed, ModelRole};
use wardroom_store::{Usage, Write};

/// The row for a turn of a task.
pub(crate) fn usage(
    crew: &Crew,
    task: &Task,
    conversation: Option<ConversationId>,
    role: ModelRole,
    conversed: &Conversed,
) -> Write {
    let mut row = row(crew, task.requester, conversation, role, conversed);
    row.task = Some(task.id);
    row.task_type = Some(task.kind);
    count(role, conversed);
    Write::Usage(row)
}

/// The row for a turn of a conversation.
pub(crate) fn talk(
    crew: &Crew,
    user: UserId,
    conversation: ConversationId,
    conversed: &Conversed,
) -> Write {
    count(ModelRole::Coordinator, conversed);
    Write::Usage(row(
        crew,
        user,
        Some(conversation),
        ModelRole::Coordinator,
        conversed,
    ))
}

/// A model was asked whether it answers, which costs what it costs.
pub async fn tried(crew: &Crew, user: UserId, conversed: &Conversed) -> Result<(), Wrong> {
    count(ModelRole::Coordinator, conversed);
    let row = row(crew, user, None, ModelRole::Coordinator, conversed);
    crew.commit(vec![Write::Usage(row)]).await?;
    Ok(())
}

fn row(
    crew: &Crew,
    user: UserId,
    conversation: Option<ConversationId>,
    role: ModelRole,
    conversed: &Conversed,
) -> Usage {
    let used = conversed.reply.usage;
    Usage {
        user,
        task: None,
        conversation,
        model: conversed.model.clone(),
        role: role.name().to_owned(),
        task_type: None,
        input_tokens: used.input_tokens,
        output_tokens: used.output_tokens,
        cached_tokens: used.cached_tokens,
        cost_micros: conversed.cost.micro_usd,
        at: crew.clock.now(),
    }
}

/// The lines of the audit log about models that failed before one answered, or none did.
pub(crate) fn falls(crew: &Crew, chain: Chain, attempts: &[Attempt]) -> Vec<Write> {
    let line = |attempt: &Attempt| {
        let body = json!({"model": attempt.model, "error": attempt.error.to_string(), "attempt": attempt.number});
        crew.audit(chain, AuditKind::ModelFellBack, "model", None, body)
    };
    attempts.iter().map(line).collect()
}

fn count(role: ModelRole, conversed: &Conversed) {
    let (model, role) = (conversed.model.clone(), role.name());
    let used = conversed.reply.usage;
    metrics::counter!("wardroom_model_tokens_total", "model" => model.clone(), "role" => role, "way" => "in")
        .increment(used.input_tokens);
    metrics::counter!("wardroom_model_tokens_total", "model" => model.clone(), "role" => role, "way" => "out")
        .increment(used.output_tokens);
    metrics::counter!("wardroom_model_failures_total", "model" => model)
        .increment(conversed.attempts.len() as u64);
}

/// A call as the rest of the house knows it.
pub(crate) fn call(call: wardroom_llm::message::ToolCall) -> ToolCall {
    ToolCall {
        id: call.id,
        tool: call.name,
        arguments: call.arguments,
    }
}
