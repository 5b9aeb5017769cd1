//! A model that does as it is told: the text of a task is its script.

use async_trait::async_trait;
use serde_json::Value;
use wardroom_llm::message::{Finish, ModelReply, ModelRequest, ToolCall, Usage};
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
        let order = request
            .messages
            .iter()
            .find(|message| message.role == Role::User);
        let order = order
            .map(wardroom_llm::message::Message::text)
            .unwrap_or_default();
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
        Ok(ModelReply {
            text: if calls.is_some() {
                String::new()
            } else {
                "done".to_owned()
            },
            finish: if calls.is_some() {
                Finish::ToolCalls
            } else {
                Finish::Stop
            },
            calls: calls.into_iter().collect(),
            usage: Usage::default(),
            model: "scripted".to_owned(),
        })
    }
}
