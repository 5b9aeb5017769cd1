//! The checks that the Messages API makes of a request, with its sentences.

use serde_json::Value;
use wardroom_llm::{Image, Message, ModelRequest, Part, Role, ToolCall, ToolSchema};

use super::brain::Asked;
use super::dialect::{Refusal, is_tool_name, unknown_field};

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "stream",
    "thinking",
];

pub(super) fn read(body: &Value) -> Result<Asked, Refusal> {
    if !body.is_object() {
        return Err(bad("The request body is not valid JSON"));
    }
    if let Some(field) = unknown_field(body, FIELDS) {
        return Err(bad(format!("{field}: Extra inputs are not permitted")));
    }
    let model = body["model"].as_str().filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| bad("model: Field required"))?;
    if body["max_tokens"].as_u64().is_none_or(|tokens| tokens == 0) {
        return Err(bad("max_tokens: Field required"));
    }
    let temperature = &body["temperature"];
    if !temperature.is_null()
        && !temperature
            .as_f64()
            .is_some_and(|t| (0.0..=1.0).contains(&t))
    {
        return Err(bad("temperature: range: 0..1"));
    }
    let request = ModelRequest {
        system: system(&body["system"])?,
        messages: messages(&body["messages"])?,
        tools: tools(&body["tools"])?,
        ..ModelRequest::default()
    };
    Ok(Asked {
        model: model.to_owned(),
        request,
    })
}

fn system(system: &Value) -> Result<String, Refusal> {
    match system {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(blocks) if blocks.iter().all(|block| block["type"] == "text") => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            Ok(texts.collect::<Vec<_>>().join("\n"))
        }
        _ => Err(bad(
            "system: Input should be a string or a list of text blocks",
        )),
    }
}

fn messages(messages: &Value) -> Result<Vec<Message>, Refusal> {
    let Some(wire) = messages.as_array().filter(|messages| !messages.is_empty()) else {
        return Err(bad("messages: at least one message is required"));
    };
    if wire[0]["role"] != "user" {
        return Err(bad("messages: first message must use the \"user\" role"));
    }
    let mut read = Vec::with_capacity(wire.len());
    let mut open: Vec<String> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for (at, message) in wire.iter().enumerate() {
        let message = read_message(message, at)?;
        answered(&message, at, &open)?;
        open = calls(&message);
        if let Some(twice) = open.iter().find(|id| ids.contains(id)) {
            return Err(bad(format!(
                "messages.{at}: `tool_use` ids must be unique: {twice}"
            )));
        }
        ids.extend(open.iter().cloned());
        read.push(message);
    }
    if !open.is_empty() {
        return Err(without_result(wire.len() - 1, &open));
    }
    Ok(read)
}

fn calls(message: &Message) -> Vec<String> {
    let calls = message.content.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.id.clone()),
        _ => None,
    });
    calls.collect()
}

/// Every call of the message before must find its result in this one, before any other block.
fn answered(message: &Message, at: usize, open: &[String]) -> Result<(), Refusal> {
    let mut results = Vec::new();
    let mut has_other = false;
    for part in &message.content {
        match part {
            Part::ToolResult { id, .. } if !open.contains(id) => {
                return Err(bad(format!(
                    "messages.{at}.content: unexpected `tool_use_id` found in `tool_result` \
                     blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` \
                     block in the previous message."
                )));
            }
            Part::ToolResult { .. } if has_other => {
                let message = "`tool_result` blocks must come first in the content";
                return Err(bad(format!("messages.{at}.content: {message}")));
            }
            Part::ToolResult { id, .. } => results.push(id),
            _ => has_other = true,
        }
    }
    let missing: Vec<_> = open
        .iter()
        .filter(|id| !results.contains(id))
        .cloned()
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(without_result(at - 1, &missing))
    }
}

fn without_result(at: usize, ids: &[String]) -> Refusal {
    bad(format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: \
         {}. Each `tool_use` block must have a corresponding `tool_result` block in the next \
         message.",
        ids.join(", ")
    ))
}

fn read_message(message: &Value, at: usize) -> Result<Message, Refusal> {
    let role = match message["role"].as_str() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        other => {
            let given = other.unwrap_or_default();
            return Err(bad(format!(
                "messages: Unexpected role \"{given}\". Allowed roles are \"user\" or \
                 \"assistant\"."
            )));
        }
    };
    let content = match &message["content"] {
        Value::String(text) if !text.is_empty() => vec![Part::text(text)],
        Value::Array(blocks) if !blocks.is_empty() => blocks
            .iter()
            .map(|block| read_block(block, role, at))
            .collect::<Result<_, _>>()?,
        _ => {
            return Err(bad(format!(
                "messages.{at}: all messages must have non-empty content"
            )));
        }
    };
    Ok(Message::new(role, content))
}

fn read_block(block: &Value, role: Role, at: usize) -> Result<Part, Refusal> {
    match (block["type"].as_str(), role) {
        (Some("text"), _) => match block["text"].as_str() {
            Some(text) if !text.trim().is_empty() => Ok(Part::text(text)),
            _ => Err(bad(format!(
                "messages.{at}: text content blocks must be non-empty"
            ))),
        },
        (Some("image"), Role::User) => image(&block["source"], at),
        (Some("tool_use"), Role::Assistant) => tool_use(block, at),
        (Some("tool_result"), Role::User) => tool_result(block, at),
        (kind, _) => Err(bad(format!(
            "messages.{at}.content: unexpected block {kind:?}"
        ))),
    }
}

fn image(source: &Value, at: usize) -> Result<Part, Refusal> {
    let media_type = source["media_type"].as_str().unwrap_or_default();
    let known = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    match source["data"].as_str() {
        Some(data) if source["type"] == "base64" && known.contains(&media_type) => {
            let bytes_base64 = data.to_owned();
            Ok(Part::Image(Image {
                media_type: media_type.to_owned(),
                bytes_base64,
            }))
        }
        _ => Err(bad(format!(
            "messages.{at}.content.image.source: Input is invalid"
        ))),
    }
}

fn tool_use(block: &Value, at: usize) -> Result<Part, Refusal> {
    let id = block["id"].as_str().filter(|id| is_tool_name(id));
    match (id, block["name"].as_str(), block["input"].is_object()) {
        (Some(id), Some(name), true) => Ok(Part::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: block["input"].clone(),
        })),
        (None, ..) => Err(bad(format!(
            "messages.{at}.content.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        ))),
        _ => Err(bad(format!(
            "messages.{at}.content.tool_use.input: Input should be an object"
        ))),
    }
}

fn tool_result(block: &Value, at: usize) -> Result<Part, Refusal> {
    let Some(id) = block["tool_use_id"].as_str() else {
        return Err(bad(format!(
            "messages.{at}.content.tool_result.tool_use_id: Field required"
        )));
    };
    let text = match &block["content"] {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    let is_error = block["is_error"] == true;
    Ok(Part::ToolResult {
        id: id.to_owned(),
        text,
        is_error,
    })
}

fn tools(tools: &Value) -> Result<Vec<ToolSchema>, Refusal> {
    let tools = tools.as_array().into_iter().flatten().enumerate();
    let tools = tools.map(|(at, tool)| {
        let name = tool["name"].as_str().unwrap_or_default();
        if !is_tool_name(name) {
            return Err(bad(format!(
                "tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        if tool["input_schema"]["type"] != "object" {
            return Err(bad(format!(
                "tools.{at}.custom.input_schema.type: Field required"
            )));
        }
        Ok(ToolSchema {
            name: name.to_owned(),
            description: tool["description"].as_str().unwrap_or_default().to_owned(),
            parameters: tool["input_schema"].clone(),
        })
    });
    tools.collect()
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::bad_request(message)
}
