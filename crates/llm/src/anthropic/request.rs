//! Our conversation in the words of the Messages API.

use serde_json::{Value, json};

use super::AnthropicModel;
use crate::limits;
use crate::message::{Message, ModelRequest, Part, Role, ToolSchema};

impl AnthropicModel {
    pub(super) fn body(&self, request: &ModelRequest) -> Value {
        let max_tokens = request.max_tokens.or(self.max_tokens);
        let mut body = json!({
            "model": self.model,
            "max_tokens": max_tokens.unwrap_or(limits::OUTPUT_TOKENS_DEFAULT),
            "messages": messages(request),
            "stream": true,
        });
        if !request.system.is_empty() {
            // The breakpoint covers tools and system, which come first in the cached prefix.
            body["system"] = json!([{
                "type": "text",
                "text": request.system,
                "cache_control": {"type": "ephemeral"},
            }]);
        }
        if !request.tools.is_empty() {
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        if let Some(temperature) = request.temperature.or(self.temperature) {
            body["temperature"] = json!(temperature);
        }
        if !request.stop.is_empty() {
            body["stop_sequences"] = json!(request.stop);
        }
        if let Some(user_key) = &request.user_key {
            body["metadata"] = json!({"user_id": user_key});
        }
        body
    }
}

/// Neighbours of one side are joined: all results of a turn's calls must stand in one message.
fn messages(request: &ModelRequest) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &request.messages {
        let blocks = blocks(message);
        if blocks.is_empty() {
            continue;
        }
        let side = if message.role == Role::Assistant {
            "assistant"
        } else {
            "user"
        };
        match turns.last_mut() {
            Some((last, turn)) if *last == side => turn.extend(blocks),
            _ => turns.push((side, blocks)),
        }
    }
    for (_, turn) in &mut turns {
        // Within a turn the API wants the results first.
        turn.sort_by_key(|block| block["type"] != "tool_result");
    }
    let turns = turns.into_iter();
    turns
        .map(|(side, content)| json!({"role": side, "content": content}))
        .collect()
}

fn blocks(message: &Message) -> Vec<Value> {
    let blocks = message.content.iter().filter_map(|part| match part {
        // The API refuses empty text.
        Part::Text { text } if text.trim().is_empty() => None,
        Part::Text { text } if message.role == Role::System => {
            Some(json!({"type": "text", "text": format!("<system>{text}</system>")}))
        }
        Part::Text { text } => Some(json!({"type": "text", "text": text})),
        Part::Image(image) => Some(json!({
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": image.media_type,
                "data": image.bytes_base64,
            },
        })),
        Part::ToolCall(call) => Some(json!({
            "type": "tool_use",
            "id": id(&call.id),
            "name": call.name,
            "input": call.arguments,
        })),
        Part::ToolResult { id, text, is_error } => Some(json!({
            "type": "tool_result",
            "tool_use_id": self::id(id),
            "content": text,
            "is_error": is_error,
        })),
    });
    blocks.collect()
}

fn tool(tool: &ToolSchema) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.parameters,
    })
}

/// The API allows few characters in an id, and after a fallback an id may be another provider's.
fn id(id: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    id.chars()
        .map(|letter| if allowed(letter) { letter } else { '_' })
        .collect()
}
