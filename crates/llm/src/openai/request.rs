//! Our conversation in the words of Chat Completions.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{Flavour, OpenAiModel};
use crate::message::{Message, ModelRequest, Part, Role, ToolCall, ToolSchema};

impl OpenAiModel {
    pub(super) fn body(&self, request: &ModelRequest) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": messages(request),
            "stream": true,
        });
        if !self.is_without_stream_options.load(Ordering::Relaxed) {
            body["stream_options"] = json!({"include_usage": true});
        }
        if !request.tools.is_empty() {
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        if let Some(temperature) = request.temperature.or(self.temperature) {
            body["temperature"] = json!(temperature);
        }
        if let Some(max_tokens) = request.max_tokens.or(self.max_tokens) {
            body[self.flavour.output_limit_key()] = json!(max_tokens);
        }
        if !request.stop.is_empty() {
            body["stop"] = json!(request.stop);
        }
        if let (Some(user_key), Some(name)) = (&request.user_key, self.flavour.user_key_name()) {
            body[name] = json!(user_key);
        }
        body
    }
}

impl Flavour {
    /// OpenAI's newer models refuse the old name; the others know no other.
    fn output_limit_key(self) -> &'static str {
        match self {
            Flavour::OpenAi => "max_completion_tokens",
            _ => "max_tokens",
        }
    }

    fn user_key_name(self) -> Option<&'static str> {
        match self {
            Flavour::OpenAi | Flavour::OpenRouter => Some("user"),
            Flavour::Zai => Some("user_id"),
            Flavour::Gemini | Flavour::Ollama | Flavour::Compatible => None,
        }
    }
}

fn messages(request: &ModelRequest) -> Vec<Value> {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    for message in &request.messages {
        add_message(message, &mut messages);
    }
    messages
}

fn add_message(message: &Message, messages: &mut Vec<Value>) {
    messages.extend(message.content.iter().filter_map(tool_result));
    let calls = calls(message);
    let content = content(message);
    if content.is_null() && calls.is_empty() {
        return;
    }
    let mut wire = json!({"role": role(message.role), "content": content});
    if !calls.is_empty() {
        wire["tool_calls"] = Value::Array(calls);
    }
    messages.push(wire);
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Assistant => "assistant",
        // A tool's results have left as messages of their own; what else it holds is for the model
        // to see as if a person had shown it.
        Role::User | Role::Tool => "user",
    }
}

/// Each result is a message of its own. The dialect has no flag for failure, so a word says it.
fn tool_result(part: &Part) -> Option<Value> {
    let Part::ToolResult { id, text, is_error } = part else {
        return None;
    };
    let content = if *is_error {
        format!("Error: {text}")
    } else {
        text.clone()
    };
    Some(json!({"role": "tool", "tool_call_id": id, "content": content}))
}

fn content(message: &Message) -> Value {
    if !message.has_images() {
        let text = message.text();
        return if text.is_empty() {
            Value::Null
        } else {
            Value::String(text)
        };
    }
    let parts = message.content.iter().filter_map(|part| match part {
        Part::Text { text } => Some(json!({"type": "text", "text": text})),
        Part::Image(image) => {
            let url = format!("data:{};base64,{}", image.media_type, image.bytes_base64);
            Some(json!({"type": "image_url", "image_url": {"url": url}}))
        }
        Part::ToolCall(_) | Part::ToolResult { .. } => None,
    });
    parts.collect()
}

fn calls(message: &Message) -> Vec<Value> {
    let calls = message.content.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(wire_call(call)),
        _ => None,
    });
    calls.collect()
}

fn wire_call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments.to_string()},
    })
}

fn tool(tool: &ToolSchema) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    })
}
