//! Tools for models without function calling: told in the prompt, read from the reply.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::assemble::{made_up_id, parse_arguments};
use crate::failure::malformed;
use crate::message::{
    Delta, Finish, Message, ModelReply, ModelRequest, Part, Role, ToolCall, ToolSchema,
};
use crate::model::{Model, ModelError, PreviewSink};

/// A model that is told of its tools in words.
pub(crate) struct PromptedModel {
    inner: Arc<dyn Model>,
}

impl PromptedModel {
    pub fn new(inner: Arc<dyn Model>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl Model for PromptedModel {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn sees_images(&self) -> bool {
        self.inner.sees_images()
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        preview: PreviewSink<'_>,
    ) -> Result<ModelReply, ModelError> {
        let mut gate = Gate::default();
        let mut shown = |delta: Delta| {
            if let Delta::Text { text } = delta {
                let open = gate.pass(&text);
                if !open.is_empty() {
                    preview(Delta::Text { text: open });
                }
            }
        };
        let reply = self.inner.complete(&in_words(request), &mut shown).await?;
        let reply = with_calls(reply, request)?;
        for call in &reply.calls {
            preview(Delta::CallStarted {
                name: call.name.clone(),
            });
        }
        Ok(reply)
    }
}

/// The request without a trace of function calling.
fn in_words(request: &ModelRequest) -> ModelRequest {
    let mut request = request.clone();
    if !request.tools.is_empty() {
        request.system.push_str(&instructions(&request.tools));
        request.tools.clear();
    }
    for message in &mut request.messages {
        message.content = message.content.drain(..).map(part_in_words).collect();
        if message.role == Role::Tool {
            message.role = Role::User;
        }
    }
    request.messages = joined(request.messages);
    request
}

/// Some servers insist that sides take turns, so the results of one turn become one message.
fn joined(messages: Vec<Message>) -> Vec<Message> {
    let mut joined: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match joined.last_mut() {
            Some(last) if last.role == message.role => last.content.extend(message.content),
            _ => joined.push(message),
        }
    }
    joined
}

fn part_in_words(part: Part) -> Part {
    match part {
        Part::ToolCall(call) => Part::text(block(&call)),
        Part::ToolResult { id, text, is_error } => {
            let word = if is_error { "failed" } else { "returned" };
            Part::text(format!("[{id} {word}]\n{text}"))
        }
        other => other,
    }
}

fn block(call: &ToolCall) -> String {
    format!(
        "```tool\n{}\n```",
        json!({"name": call.name, "arguments": call.arguments})
    )
}

fn instructions(tools: &[ToolSchema]) -> String {
    let mut text = String::from(
        "\n\n# Tools\nTo call a tool, write a block exactly like this and end your message:\n\
         ```tool\n{\"name\": \"NAME\", \"arguments\": {}}\n```\n\
         Several blocks call several tools. You will be shown what each returned. A message \
         without such a block is your final answer.\n",
    );
    for tool in tools {
        text.push_str(&format!(
            "\n## {}\n{}\nArguments: {}\n",
            tool.name, tool.description, tool.parameters
        ));
    }
    text
}

/// The same reply with the calls taken out of its text.
fn with_calls(mut reply: ModelReply, request: &ModelRequest) -> Result<ModelReply, ModelError> {
    let (text, blocks) = split(&reply.text);
    let mut calls = Vec::new();
    let mut said = text;
    for block in blocks {
        match block.read(&request.tools) {
            Read::Call(name, arguments) => {
                let id = made_up_id(request.messages.len(), calls.len());
                calls.push(ToolCall {
                    id,
                    name,
                    arguments,
                });
            }
            Read::Plain => said.push_str(block.whole),
            // The output limit cut the block, and the finish says so.
            Read::Broken(_) if reply.finish == Finish::Length => {}
            Read::Broken(reason) => return Err(malformed(reason)),
        }
    }
    if !calls.is_empty() {
        reply.finish = Finish::ToolCalls;
    }
    reply.text = said.trim().to_owned();
    reply.calls = calls;
    Ok(reply)
}

/// What may be a call, with the text that it was found as.
struct Block<'a> {
    whole: &'a str,
    body: &'a str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Marked as a call beyond doubt.
    Marked,
    /// JSON that may be a call or an example.
    Maybe,
}

enum Read {
    Call(String, Value),
    Plain,
    Broken(String),
}

/// How calls begin and end, ours first, then the habits of models trained otherwise.
const MARKS: &[(&str, &str, Kind)] = &[
    ("```tool\n", "```", Kind::Marked),
    ("<tool_call>", "</tool_call>", Kind::Marked),
    ("```json\n", "```", Kind::Maybe),
    ("```\n", "```", Kind::Maybe),
];

/// Takes the blocks out of a text. A text that is one bare object is one block.
fn split(text: &str) -> (String, Vec<Block<'_>>) {
    let trimmed = text.trim();
    if trimmed.starts_with('{') && trimmed.ends_with('}') {
        return (
            String::new(),
            vec![Block {
                whole: text,
                body: trimmed,
                kind: Kind::Maybe,
            }],
        );
    }
    let mut outside = String::new();
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((at, (open, close, kind))) = next_mark(rest) {
        outside.push_str(&rest[..at]);
        let inside = &rest[at + open.len()..];
        // Many models forget the closing mark of their last block.
        let length = inside.find(close).unwrap_or(inside.len());
        let end = (at + open.len() + length + close.len()).min(rest.len());
        blocks.push(Block {
            whole: &rest[at..end],
            body: inside[..length].trim(),
            kind: *kind,
        });
        rest = &rest[end..];
    }
    outside.push_str(rest);
    (outside, blocks)
}

fn next_mark(text: &str) -> Option<(usize, &'static (&'static str, &'static str, Kind))> {
    let found = MARKS
        .iter()
        .filter_map(|mark| Some((text.find(mark.0)?, mark)));
    found.min_by_key(|(at, _)| *at)
}

impl Block<'_> {
    fn read(&self, tools: &[ToolSchema]) -> Read {
        let broken = |reason: String| match self.kind {
            Kind::Marked => Read::Broken(format!("a tool block {reason}")),
            Kind::Maybe => Read::Plain,
        };
        let Ok(value) = serde_json::from_str::<Value>(self.body) else {
            return broken("is not JSON".into());
        };
        let Some(name) = first(&value, &["name", "tool"]).and_then(Value::as_str) else {
            return broken("names no tool".into());
        };
        if self.kind == Kind::Maybe && !tools.iter().any(|tool| tool.name == name) {
            return Read::Plain;
        }
        let arguments = match first(&value, &["arguments", "parameters", "args"]) {
            None => Ok(json!({})),
            Some(Value::String(text)) => parse_arguments(text),
            Some(value) => parse_arguments(&value.to_string()),
        };
        match arguments {
            Ok(arguments) => Read::Call(name.to_owned(), arguments),
            Err(reason) => broken(format!("holds arguments that {reason}")),
        }
    }
}

fn first<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| value.get(key))
}

/// What a call may begin with.
const SIGNS: [&str; 2] = ["```", "<tool_call"];

/// How much of the end of a text may be the beginning of a sign.
fn begun_sign_bytes(text: &str) -> usize {
    let beginnings = SIGNS
        .iter()
        .flat_map(|sign| (1..sign.len()).map(|end| &sign[..end]));
    let begun = beginnings.filter(|beginning| text.ends_with(beginning));
    begun.map(str::len).max().unwrap_or(0)
}

/// Lets the preview through until something begins that may be a call.
#[derive(Default)]
struct Gate {
    held: String,
    has_passed: bool,
    is_shut: bool,
}

impl Gate {
    fn pass(&mut self, text: &str) -> String {
        if self.is_shut {
            return String::new();
        }
        self.held.push_str(text);
        let bare_object = !self.has_passed && self.held.trim_start().starts_with('{');
        let mark = SIGNS.iter().filter_map(|sign| self.held.find(sign)).min();
        let open = match mark {
            _ if bare_object => 0,
            Some(at) => at,
            None => self.held.len() - begun_sign_bytes(&self.held),
        };
        self.is_shut = bare_object || mark.is_some();
        let rest = self.held.split_off(open);
        let passed = std::mem::replace(&mut self.held, rest);
        self.has_passed |= !passed.trim().is_empty();
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Usage;

    fn asking_with_shell() -> ModelRequest {
        let shell = ToolSchema {
            name: "shell".into(),
            description: "".into(),
            parameters: json!({"type": "object"}),
        };
        ModelRequest {
            tools: vec![shell],
            ..ModelRequest::default()
        }
    }

    fn read(text: &str) -> Result<(String, Vec<String>), ModelError> {
        let reply = ModelReply {
            text: text.into(),
            calls: vec![],
            usage: Usage::default(),
            model: "m".into(),
            finish: Finish::Stop,
        };
        let reply = with_calls(reply, &asking_with_shell())?;
        let calls = reply
            .calls
            .iter()
            .map(|call| format!("{} {}", call.name, call.arguments));
        Ok((reply.text.clone(), calls.collect()))
    }

    #[test]
    fn calls_are_found_however_a_model_writes_them() {
        let ls = r#"shell {"command":"ls"}"#.to_string();
        let table = [
            "I look.\n```tool\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls\"}}\n```",
            "I look.\n```tool\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls\"}}",
            "I look.\n```json\n{\"tool\": \"shell\", \"args\": {\"command\": \"ls\"}}\n```",
            "I look.<tool_call>{\"name\":\"shell\",\"arguments\":\"{\\\"command\\\":\\\"ls\\\"}\"}</tool_call>",
        ];
        for text in table {
            assert_eq!(
                read(text).unwrap(),
                ("I look.".into(), vec![ls.clone()]),
                "{text}"
            );
        }
        let bare = r#"{"name": "shell", "parameters": {"command": "ls"}}"#;
        assert_eq!(read(bare).unwrap(), (String::new(), vec![ls]));
    }

    #[test]
    fn examples_stay_text_and_broken_blocks_are_refused() {
        let example = "Like this:\n```json\n{\"name\": \"Ada\"}\n```";
        assert_eq!(read(example).unwrap().1, Vec::<String>::new());
        assert!(read(example).unwrap().0.contains("Ada"));
        assert!(read("```tool\n{\"name\": shell}\n```").is_err());
    }

    #[test]
    fn the_preview_stops_where_a_call_begins() {
        let mut gate = Gate::default();
        let shown: String = ["I ", "look `here`", " now.\n``", "`tool\n{\"name\"", ": 1}"]
            .into_iter()
            .map(|piece| gate.pass(piece))
            .collect();
        assert_eq!(shown, "I look `here` now.\n");
    }
}
