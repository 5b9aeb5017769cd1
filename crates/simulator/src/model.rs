//! A model that does as it is told: the text of a task is its script.

use async_trait::async_trait;
use serde_json::{Value, json};
use wardroom_llm::message::{Finish, Message, ModelReply, ModelRequest, ToolCall, Usage};
use wardroom_llm::{Model, ModelError, PreviewSink, Role};

/// Follows scripts: a list of calls, one per turn, and then the last word.
pub(crate) struct Scripted;

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn sees_images(&self) -> bool {
        false
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        _: PreviewSink<'_>,
    ) -> Result<ModelReply, ModelError> {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        if request.system.starts_with("You are the coordinator") {
            return Ok(converses(request));
        }
        let order = request
            .messages
            .iter()
            .find(|message| message.role == Role::User);
        let order = order.map(Message::text).unwrap_or_default();
        let turns = request
            .messages
            .iter()
            .filter(|message| message.role == Role::Assistant);
        let turn = turns.count();
        let script: Vec<Value> = serde_json::Deserializer::from_str(&order)
            .into_iter()
            .next()
            .and_then(Result::ok)
            .and_then(|value: Value| value.as_array().cloned())
            .unwrap_or_default();
        let calls = script.get(turn).map(|call| ToolCall {
            id: format!("call-{turn}"),
            name: call[0].as_str().unwrap_or_default().to_owned(),
            arguments: call[1].clone(),
        });
        let text = if calls.is_some() { "" } else { "done" };
        Ok(says(text, calls))
    }
}

/// Whoever talks hands on what begins with `work NAME`, tells of it when it has ended, and repeats
/// what else he is told.
fn converses(request: &ModelRequest) -> ModelReply {
    let is_theirs = |message: &&Message| message.role == Role::User;
    let told = request.messages.iter().rev().find(is_theirs);
    let told = told.map(Message::text).unwrap_or_default();
    if told.contains("Tell the person what came of it") {
        let name = told.split("**").nth(1).unwrap_or_default();
        return says(&format!("ended {name}"), None);
    }
    let mut words = told.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("work"), Some(name), Some(script)) => {
            let call = ToolCall {
                id: "call-0".to_owned(),
                name: "delegate".to_owned(),
                arguments: json!({"title": name, "instructions": script}),
            };
            says(&format!("begun {name}"), Some(call))
        }
        _ => says(&format!("heard {told}"), None),
    }
}

fn says(text: &str, call: Option<ToolCall>) -> ModelReply {
    ModelReply {
        text: text.to_owned(),
        finish: match call {
            Some(_) => Finish::ToolCalls,
            None => Finish::Stop,
        },
        calls: call.into_iter().collect(),
        usage: Usage::default(),
        model: "scripted".to_owned(),
    }
}
