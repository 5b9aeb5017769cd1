//! The Messages API as Anthropic answers it.

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::anthropic_check;
use super::brain::Asked;
use super::dialect::{Frame, Manners, Outgoing, Refusal, pieces};

pub(crate) struct AnthropicManners;

impl Manners for AnthropicManners {
    fn key(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let key = headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok());
        key.map(str::to_owned)
            .ok_or_else(|| Refusal::unauthorized("x-api-key header is required"))
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match headers
            .get("anthropic-version")
            .and_then(|value| value.to_str().ok())
        {
            Some("2023-06-01") => Ok(()),
            Some(other) => Err(Refusal::bad_request(format!(
                "anthropic-version: \"{other}\" is not a valid version"
            ))),
            None => Err(Refusal::bad_request(
                "anthropic-version: header is required",
            )),
        }
    }

    fn read(&self, body: &Value) -> Result<Asked, Refusal> {
        anthropic_check::read(body)
    }

    fn error(&self, refusal: &Refusal) -> Value {
        json!({
            "type": "error",
            "error": {"type": refusal.kind, "message": refusal.message},
            "request_id": "req_stand_in",
        })
    }

    fn stream(&self, outgoing: &Outgoing<'_>, _body: &Value) -> Vec<Frame> {
        let mut message = self.whole(outgoing);
        message["content"] = json!([]);
        message["stop_reason"] = Value::Null;
        message["usage"]["output_tokens"] = json!(1);
        let mut frames = vec![
            event(&json!({"type": "message_start", "message": message})),
            event(&json!({"type": "ping"})),
        ];
        for (index, block) in blocks(outgoing).iter().enumerate() {
            frames.extend(streamed(index, block, outgoing));
        }
        frames.push(event(&json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(outgoing), "stop_sequence": null},
            "usage": {"output_tokens": outgoing.output_tokens},
        })));
        frames.push(event(&json!({"type": "message_stop"})));
        frames
    }

    fn whole(&self, outgoing: &Outgoing<'_>) -> Value {
        json!({
            "id": "msg_stand_in",
            "type": "message",
            "role": "assistant",
            "model": outgoing.asked.model,
            "content": blocks(outgoing),
            "stop_reason": stop_reason(outgoing),
            "stop_sequence": null,
            "usage": {
                "input_tokens": outgoing.input_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": outgoing.output_tokens,
            },
        })
    }

    fn error_event(&self) -> String {
        let error = json!({
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded"},
        });
        format!("event: error\ndata: {error}\n\n")
    }

    fn overloaded(&self) -> Refusal {
        Refusal {
            status: 529,
            kind: "overloaded_error",
            message: "Overloaded".into(),
        }
    }
}

fn blocks(outgoing: &Outgoing<'_>) -> Vec<Value> {
    let said = outgoing.said;
    let text = (!said.text.is_empty()).then(|| json!({"type": "text", "text": said.text}));
    let turn = outgoing.asked.request.messages.len();
    let calls = said.calls.iter().enumerate().map(|(number, call)| {
        json!({
            "type": "tool_use",
            "id": format!("toolu_{turn}_{number}"),
            "name": call.name,
            "input": call.arguments,
        })
    });
    text.into_iter().chain(calls).collect()
}

/// One block as its start, its pieces and its stop.
fn streamed(index: usize, block: &Value, outgoing: &Outgoing<'_>) -> Vec<Frame> {
    let mut opening = block.clone();
    let (key, deltas) = match block["type"].as_str() {
        Some("text") => {
            opening["text"] = json!("");
            let text = block["text"].as_str().unwrap_or_default().to_owned();
            (("text_delta", "text"), text)
        }
        _ => {
            opening["input"] = json!({});
            let whole = block["input"].to_string();
            let input = outgoing.broken_arguments.map_or(whole, str::to_owned);
            (("input_json_delta", "partial_json"), input)
        }
    };
    let start = json!({"type": "content_block_start", "index": index, "content_block": opening});
    let mut frames = vec![event(&start)];
    frames.extend(pieces(&deltas).map(|piece| {
        let delta = json!({"type": key.0, key.1: piece});
        event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
    }));
    frames.push(event(
        &json!({"type": "content_block_stop", "index": index}),
    ));
    frames
}

fn stop_reason(outgoing: &Outgoing<'_>) -> &'static str {
    match (outgoing.said.is_cut, outgoing.said.calls.is_empty()) {
        (true, _) => "max_tokens",
        (false, true) => "end_turn",
        (false, false) => "tool_use",
    }
}

fn event(value: &Value) -> Frame {
    let name = value["type"].as_str().unwrap_or_default();
    Frame::Text(format!("event: {name}\ndata: {value}\n\n"))
}
