//! Chat Completions as its providers answer it.

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::brain::Asked;
use super::dialect::{Dialect, Frame, Manners, Outgoing, Refusal, pieces};
use super::openai_check;

pub(crate) struct OpenAiManners {
    pub flavour: Dialect,
    pub refuses_stream_options: bool,
    pub refuses_tools: bool,
    pub hides_usage: bool,
}

impl Manners for OpenAiManners {
    fn key(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some(given) = given else {
            return Err(Refusal::unauthorized("You didn't provide an API key."));
        };
        let key = given.strip_prefix("Bearer ");
        key.map(str::to_owned)
            .ok_or_else(|| Refusal::unauthorized("You must use the Bearer scheme."))
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        match kind {
            Some(kind) if kind.starts_with("application/json") => Ok(()),
            _ => Err(Refusal::bad_request(
                "you must provide a JSON body with its content type",
            )),
        }
    }

    fn read(&self, body: &Value) -> Result<Asked, Refusal> {
        if self.refuses_stream_options && !body["stream_options"].is_null() {
            let message = "Unrecognized request argument supplied: stream_options";
            return Err(Refusal::bad_request(message));
        }
        if self.refuses_tools && !body["tools"].is_null() {
            return Err(Refusal::bad_request(
                "registry/stand-in does not support tools",
            ));
        }
        openai_check::read(body, self.flavour)
    }

    fn error(&self, refusal: &Refusal) -> Value {
        let message = &refusal.message;
        match self.flavour {
            Dialect::OpenRouter => json!({
                "error": {"code": refusal.status, "message": message, "metadata": {"provider_name": "Stand-in"}},
                "user_id": "user_stand_in",
            }),
            // z.ai numbers its errors, in strings.
            Dialect::Zai => {
                json!({"error": {"code": zai_code(refusal.status), "message": message}})
            }
            Dialect::Gemini => json!([{
                "error": {"code": refusal.status, "message": message, "status": gemini_status(refusal.status)},
            }]),
            _ => json!({
                "error": {"message": message, "type": refusal.kind, "param": null, "code": null},
            }),
        }
    }

    fn stream(&self, outgoing: &Outgoing<'_>, body: &Value) -> Vec<Frame> {
        let mut frames = Vec::new();
        if self.flavour == Dialect::OpenRouter {
            frames.push(Frame::Text(": OPENROUTER PROCESSING\n\n".into()));
        }
        let chunk = |choices: Value| self.chunk(outgoing, choices);
        let delta = |delta: Value| {
            event(&chunk(
                json!([{"index": 0, "delta": delta, "finish_reason": null}]),
            ))
        };
        frames.push(delta(json!({"role": "assistant", "content": ""})));
        frames.extend(pieces(&outgoing.said.text).map(|text| delta(json!({"content": text}))));
        for number in 0..outgoing.said.calls.len() {
            frames.extend(self.call_deltas(outgoing, number).into_iter().map(delta));
        }
        let last = json!([{"index": 0, "delta": {}, "finish_reason": finish_reason(outgoing)}]);
        frames.push(event(&chunk(last)));
        if body["stream_options"]["include_usage"] == true && !self.hides_usage {
            let mut last = chunk(json!([]));
            last["usage"] = usage(outgoing);
            frames.push(event(&last));
        }
        frames.push(Frame::Text("data: [DONE]\n\n".into()));
        frames
    }

    fn whole(&self, outgoing: &Outgoing<'_>) -> Value {
        let said = outgoing.said;
        let mut message = json!({"role": "assistant", "content": said.text});
        if !said.calls.is_empty() {
            let calls = (0..said.calls.len()).map(|number| whole_call(outgoing, number));
            message["tool_calls"] = calls.collect();
            message["content"] = if said.text.is_empty() {
                Value::Null
            } else {
                json!(said.text)
            };
        }
        let choice = json!({
            "index": 0,
            "message": message,
            "finish_reason": finish_reason(outgoing),
        });
        let mut whole = json!({
            "id": "chatcmpl-stand-in",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": outgoing.asked.model,
            "choices": [choice],
        });
        if !self.hides_usage {
            whole["usage"] = usage(outgoing);
        }
        whole
    }

    fn error_event(&self) -> String {
        let error = json!({
            "id": "gen-stand-in",
            "object": "chat.completion.chunk",
            "error": {"code": 502, "message": "Provider disconnected unexpectedly"},
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        });
        format!("data: {error}\n\n")
    }

    fn overloaded(&self) -> Refusal {
        let message = "That model is currently overloaded with other requests.".into();
        Refusal {
            status: 503,
            kind: "server_error",
            message,
        }
    }
}

impl OpenAiManners {
    fn chunk(&self, outgoing: &Outgoing<'_>, choices: Value) -> Value {
        json!({
            "id": "chatcmpl-stand-in",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": outgoing.asked.model,
            "choices": choices,
        })
    }

    /// OpenAI streams arguments in pieces; Gemini and Ollama send a call whole, the one without
    /// its number, the other numbering every call 0.
    fn call_deltas(&self, outgoing: &Outgoing<'_>, number: usize) -> Vec<Value> {
        let mut call = whole_call(outgoing, number);
        match self.flavour {
            Dialect::Gemini => return vec![json!({"tool_calls": [call]})],
            Dialect::Ollama => {
                call["index"] = json!(0);
                return vec![json!({"tool_calls": [call]})];
            }
            _ => {}
        }
        let arguments = call["function"]["arguments"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        call["index"] = json!(number);
        call["function"]["arguments"] = json!("");
        let rest = pieces(&arguments).map(
            |piece| json!({"tool_calls": [{"index": number, "function": {"arguments": piece}}]}),
        );
        std::iter::once(json!({"tool_calls": [call]}))
            .chain(rest)
            .collect()
    }
}

fn whole_call(outgoing: &Outgoing<'_>, number: usize) -> Value {
    let call = &outgoing.said.calls[number];
    let arguments = match outgoing.broken_arguments {
        Some(broken) => broken.to_owned(),
        None => call.arguments.to_string(),
    };
    let turn = outgoing.asked.request.messages.len();
    json!({
        "id": format!("call_{turn}_{number}"),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

fn finish_reason(outgoing: &Outgoing<'_>) -> &'static str {
    match (outgoing.said.is_cut, outgoing.said.calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    }
}

fn usage(outgoing: &Outgoing<'_>) -> Value {
    json!({
        "prompt_tokens": outgoing.input_tokens,
        "completion_tokens": outgoing.output_tokens,
        "total_tokens": outgoing.input_tokens + outgoing.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    })
}

fn event(value: &Value) -> Frame {
    Frame::Text(format!("data: {value}\n\n"))
}

fn zai_code(status: u16) -> &'static str {
    match status {
        401 => "1001",
        400 => "1214",
        429 => "1302",
        _ => "1234",
    }
}

fn gemini_status(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}
