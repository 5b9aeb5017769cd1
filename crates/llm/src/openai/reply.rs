//! Chunks and whole answers of Chat Completions, read with tolerance.
//!
//! A chunk holds a `delta`, a whole answer a `message`; all else is alike, so one reader does both.

use serde_json::Value;

use crate::assemble::{CallPiece, Draft};
use crate::failure::{self, ErrorBody};
use crate::message::{Finish, Usage};
use crate::model::{ModelError, PreviewSink};

pub(super) fn add_chunk(
    draft: &mut Draft,
    chunk: &Value,
    preview: PreviewSink<'_>,
) -> Result<(), ModelError> {
    if chunk.get("error").is_some_and(|error| !error.is_null()) {
        let error = ErrorBody::find(chunk).unwrap_or_default();
        return Err(failure::of_error_inside(&error));
    }
    if let Some(model) = chunk["model"].as_str().filter(|_| draft.model.is_empty()) {
        draft.model.push_str(model);
    }
    if let Some(usage) = usage(&chunk["usage"]) {
        draft.usage = Some(usage);
    }
    let choice = &chunk["choices"][0];
    let said = choice.get("delta").unwrap_or(&choice["message"]);
    add_said(draft, said, preview)?;
    if let Some(reason) = choice["finish_reason"].as_str() {
        draft.finish = Some(finish(reason)?);
    }
    Ok(())
}

fn add_said(draft: &mut Draft, said: &Value, preview: PreviewSink<'_>) -> Result<(), ModelError> {
    match &said["content"] {
        Value::String(text) => draft.add_text(text, preview),
        Value::Array(parts) => {
            for text in parts.iter().filter_map(|part| part["text"].as_str()) {
                draft.add_text(text, preview);
            }
        }
        _ => {}
    }
    if let Some(refusal) = said["refusal"].as_str() {
        draft.add_text(refusal, preview);
    }
    for call in said["tool_calls"].as_array().into_iter().flatten() {
        add_call(draft, call, preview)?;
    }
    Ok(())
}

fn add_call(draft: &mut Draft, call: &Value, preview: PreviewSink<'_>) -> Result<(), ModelError> {
    let function = &call["function"];
    // Ollama's own words give arguments as an object; the dialect says a string.
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        object => object.to_string(),
    };
    let piece = CallPiece {
        index: call["index"].as_u64(),
        id: call["id"].as_str().unwrap_or_default(),
        name: function["name"].as_str().unwrap_or_default(),
        arguments: &arguments,
    };
    draft.add_call(&piece, preview)
}

fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        input_tokens: usage["prompt_tokens"].as_u64()?,
        output_tokens: usage["completion_tokens"].as_u64().unwrap_or(0),
        cached_tokens: usage["prompt_tokens_details"]["cached_tokens"]
            .as_u64()
            .unwrap_or(0),
        is_estimated: false,
    })
}

fn finish(reason: &str) -> Result<Finish, ModelError> {
    match reason {
        "tool_calls" | "function_call" => Ok(Finish::ToolCalls),
        "length" => Ok(Finish::Length),
        "content_filter" | "sensitive" => Ok(Finish::Filtered),
        "error" | "network_error" => Err(ModelError::Overloaded {
            status: 502,
            detail: "the upstream of the provider failed in mid-reply".into(),
            retry_after: None,
        }),
        _ => Ok(Finish::Stop),
    }
}
