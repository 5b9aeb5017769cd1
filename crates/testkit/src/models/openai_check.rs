//! The checks that Chat Completions makes of a request, with its sentences.

use serde_json::Value;
use wardroom_llm::{Image, Message, ModelRequest, Part, Role, ToolCall, ToolSchema};

use super::brain::Asked;
use super::dialect::{Dialect, Refusal, is_tool_name, unknown_field};

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "user",
    "user_id",
    "n",
    "seed",
    "response_format",
    "parallel_tool_calls",
    "frequency_penalty",
    "presence_penalty",
    "metadata",
];

pub(super) fn read(body: &Value, flavour: Dialect) -> Result<Asked, Refusal> {
    if !body.is_object() {
        return Err(bad("We could not parse the JSON body of your request."));
    }
    // OpenRouter drops what it does not know; the others refuse it.
    if flavour != Dialect::OpenRouter
        && let Some(field) = unknown_field(body, FIELDS)
    {
        return Err(bad(format!(
            "Unrecognized request argument supplied: {field}"
        )));
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(bad("you must provide a model parameter"));
    };
    check_numbers(body)?;
    if !body["stream_options"].is_null() && body["stream"] != true {
        return Err(bad(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ));
    }
    let request = ModelRequest {
        messages: messages(body)?,
        tools: tools(&body["tools"])?,
        ..ModelRequest::default()
    };
    Ok(Asked {
        model: model.to_owned(),
        request,
    })
}

fn check_numbers(body: &Value) -> Result<(), Refusal> {
    let temperature = &body["temperature"];
    let is_degree = temperature
        .as_f64()
        .is_some_and(|degree| (0.0..=2.0).contains(&degree));
    if !temperature.is_null() && !is_degree {
        return Err(bad(
            "Invalid 'temperature': expected a number between 0 and 2.",
        ));
    }
    for limit in ["max_tokens", "max_completion_tokens"] {
        if !body[limit].is_null() && body[limit].as_u64().is_none_or(|tokens| tokens == 0) {
            return Err(bad(format!(
                "Invalid '{limit}': integer below minimum value."
            )));
        }
    }
    Ok(())
}

fn messages(body: &Value) -> Result<Vec<Message>, Refusal> {
    let Some(wire) = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
    else {
        return Err(bad(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
        ));
    };
    let mut messages = Vec::with_capacity(wire.len());
    let mut unanswered: Vec<String> = Vec::new();
    for (at, message) in wire.iter().enumerate() {
        if message["role"] != "tool" && !unanswered.is_empty() {
            return Err(without_response(&unanswered));
        }
        let message = read_message(message, at, &mut unanswered)?;
        messages.push(message);
    }
    if !unanswered.is_empty() {
        return Err(without_response(&unanswered));
    }
    Ok(messages)
}

fn without_response(ids: &[String]) -> Refusal {
    bad(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        ids.join(", ")
    ))
}

fn read_message(
    message: &Value,
    at: usize,
    unanswered: &mut Vec<String>,
) -> Result<Message, Refusal> {
    let role = message["role"].as_str().unwrap_or_default();
    match role {
        "system" | "developer" => Ok(Message::new(Role::System, content(message, at)?)),
        "user" => Ok(Message::new(Role::User, content(message, at)?)),
        "assistant" => assistant(message, at, unanswered),
        "tool" => tool_result(message, at, unanswered),
        _ => Err(bad(format!(
            "Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', \
             'function', 'tool', and 'developer'. (messages[{at}].role)"
        ))),
    }
}

fn assistant(message: &Value, at: usize, open: &mut Vec<String>) -> Result<Message, Refusal> {
    let calls = message["tool_calls"].as_array();
    if calls.is_some_and(Vec::is_empty) {
        return Err(bad(format!(
            "Invalid 'messages[{at}].tool_calls': empty array."
        )));
    }
    let mut parts = match (&message["content"], calls) {
        (Value::Null, Some(_)) => Vec::new(),
        _ => content(message, at)?,
    };
    for call in calls.into_iter().flatten() {
        let call = read_call(call, at)?;
        if open.contains(&call.id) {
            return Err(bad(format!(
                "Duplicate value for 'tool_call_id' of '{}'",
                call.id
            )));
        }
        open.push(call.id.clone());
        parts.push(Part::ToolCall(call));
    }
    Ok(Message::new(Role::Assistant, parts))
}

fn read_call(call: &Value, at: usize) -> Result<ToolCall, Refusal> {
    let missing = |what: &str| {
        bad(format!(
            "Missing required parameter: 'messages[{at}].tool_calls[].{what}'."
        ))
    };
    if call["type"] != "function" {
        return Err(missing("type"));
    }
    let id = call["id"]
        .as_str()
        .filter(|id| !id.is_empty())
        .ok_or_else(|| missing("id"))?;
    let function = &call["function"];
    let name = function["name"]
        .as_str()
        .ok_or_else(|| missing("function.name"))?;
    let arguments = function["arguments"]
        .as_str()
        .ok_or_else(|| missing("function.arguments"))?;
    let arguments = serde_json::from_str(arguments).map_err(|_| {
        bad(format!(
            "Invalid 'messages[{at}]': tool call arguments are not JSON"
        ))
    })?;
    Ok(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
    })
}

fn tool_result(message: &Value, at: usize, open: &mut Vec<String>) -> Result<Message, Refusal> {
    let Some(id) = message["tool_call_id"].as_str() else {
        return Err(bad(format!(
            "Missing required parameter: 'messages[{at}].tool_call_id'."
        )));
    };
    let Some(asked) = open.iter().position(|open| open == id) else {
        return Err(bad(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
             message with 'tool_calls'.",
        ));
    };
    open.remove(asked);
    let text = content(message, at)?;
    let text = Message::new(Role::Tool, text).text();
    Ok(Message::tool_result(id, text, false))
}

fn content(message: &Value, at: usize) -> Result<Vec<Part>, Refusal> {
    match &message["content"] {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(parts) if !parts.is_empty() => {
            parts.iter().map(|part| read_part(part, at)).collect()
        }
        _ => Err(bad(format!(
            "Invalid value for 'content': expected a string, got null. (messages[{at}].content)"
        ))),
    }
}

fn read_part(part: &Value, at: usize) -> Result<Part, Refusal> {
    match part["type"].as_str() {
        Some("text") => match part["text"].as_str() {
            Some(text) => Ok(Part::text(text)),
            None => Err(bad(format!(
                "Missing required parameter: 'messages[{at}].content[].text'."
            ))),
        },
        Some("image_url") => {
            let url = part["image_url"]["url"].as_str().unwrap_or_default();
            let data = url
                .strip_prefix("data:")
                .and_then(|rest| rest.split_once(";base64,"));
            let Some((media_type, bytes)) = data.filter(|(kind, _)| kind.starts_with("image/"))
            else {
                return Err(bad(
                    "Invalid image_url: expected a base64 data URL of an image.",
                ));
            };
            let image = Image {
                media_type: media_type.into(),
                bytes_base64: bytes.into(),
            };
            Ok(Part::Image(image))
        }
        other => Err(bad(format!(
            "Invalid value: '{other:?}'. (messages[{at}].content[].type)"
        ))),
    }
}

fn tools(tools: &Value) -> Result<Vec<ToolSchema>, Refusal> {
    if tools.is_null() {
        return Ok(Vec::new());
    }
    let Some(tools) = tools.as_array().filter(|tools| !tools.is_empty()) else {
        return Err(bad("[] is too short - 'tools'"));
    };
    tools
        .iter()
        .enumerate()
        .map(|(at, tool)| read_tool(tool, at))
        .collect()
}

fn read_tool(tool: &Value, at: usize) -> Result<ToolSchema, Refusal> {
    if tool["type"] != "function" {
        return Err(bad(format!(
            "Missing required parameter: 'tools[{at}].type'."
        )));
    }
    let function = &tool["function"];
    let name = function["name"].as_str().unwrap_or_default();
    if !is_tool_name(name) {
        return Err(bad(format!(
            "Invalid 'tools[{at}].function.name': string does not match pattern. Expected a \
             string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )));
    }
    let parameters = &function["parameters"];
    if !parameters.is_null() && parameters["type"] != "object" {
        return Err(bad(format!(
            "Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \
             \"object\"'."
        )));
    }
    Ok(ToolSchema {
        name: name.to_owned(),
        description: function["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        parameters: parameters.clone(),
    })
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::bad_request(message)
}
