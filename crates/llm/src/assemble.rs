//! Builds one reply from the pieces in which a provider sends it, and refuses half replies.

use serde_json::{Map, Value};

use crate::failure::malformed;
use crate::limits;
use crate::message::{Delta, Finish, ModelReply, ModelRequest, Part, ToolCall, Usage};
use crate::model::{ModelError, PreviewSink};

/// A reply in the making.
#[derive(Default)]
pub(crate) struct Draft {
    pub text: String,
    pub model: String,
    pub usage: Option<Usage>,
    pub finish: Option<Finish>,
    calls: Vec<CallDraft>,
}

#[derive(Default)]
struct CallDraft {
    /// The provider's number of this call, where it counts.
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// One piece of a tool call; every field may be missing.
#[derive(Default)]
pub(crate) struct CallPiece<'a> {
    pub index: Option<u64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
}

impl Draft {
    pub fn add_text(&mut self, text: &str, preview: PreviewSink<'_>) {
        if !text.is_empty() {
            self.text.push_str(text);
            preview(Delta::Text {
                text: text.to_owned(),
            });
        }
    }

    pub fn add_call(
        &mut self,
        piece: &CallPiece<'_>,
        preview: PreviewSink<'_>,
    ) -> Result<(), ModelError> {
        let slot = self.slot(piece)?;
        let was_named = !slot.name.is_empty();
        if slot.id.is_empty() {
            slot.id.push_str(piece.id);
        }
        if !was_named {
            slot.name.push_str(piece.name);
        }
        slot.arguments.push_str(piece.arguments);
        if !was_named && !slot.name.is_empty() {
            preview(Delta::CallStarted {
                name: slot.name.clone(),
            });
        }
        Ok(())
    }

    /// The call that a piece belongs to. Some servers number every call 0 and some number none, so
    /// an id that differs from the one we have begins a new call.
    fn slot(&mut self, piece: &CallPiece<'_>) -> Result<&mut CallDraft, ModelError> {
        let begun = match piece.index {
            Some(_) => self
                .calls
                .iter()
                .rposition(|call| call.index == piece.index),
            None => self.calls.len().checked_sub(1),
        };
        let begun = begun.filter(|&at| {
            let call = &self.calls[at];
            let is_new_id = !piece.id.is_empty() && !call.id.is_empty() && call.id != piece.id;
            let is_new_whole =
                piece.index.is_none() && piece.id.is_empty() && !piece.name.is_empty();
            !is_new_id && !is_new_whole
        });
        if begun.is_none() && self.calls.len() == limits::CALLS_MAX {
            return Err(malformed(format!(
                "it holds more than {} calls",
                limits::CALLS_MAX
            )));
        }
        let at = begun.unwrap_or(self.calls.len());
        if at == self.calls.len() {
            self.calls.push(CallDraft {
                index: piece.index,
                ..CallDraft::default()
            });
        }
        Ok(&mut self.calls[at])
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.calls.is_empty()
    }

    /// The finished reply, or why it cannot be used.
    pub fn finish(self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let finish = self.finish.unwrap_or(Finish::Stop);
        if self.is_empty() && matches!(finish, Finish::Stop | Finish::ToolCalls) {
            return Err(malformed("it is empty"));
        }
        let usage = self.usage.unwrap_or_else(|| self.estimate(request));
        let turn = request.messages.len();
        let mut calls = Vec::with_capacity(self.calls.len());
        for (number, call) in self.calls.into_iter().enumerate() {
            match call.finish(turn, number) {
                Ok(call) => calls.push(call),
                // The output limit cut this call in two; what came before it stands.
                Err(_) if finish == Finish::Length => break,
                Err(error) => return Err(error),
            }
        }
        let finish = match finish {
            Finish::Stop if !calls.is_empty() => Finish::ToolCalls,
            Finish::ToolCalls if calls.is_empty() => Finish::Stop,
            other => other,
        };
        Ok(ModelReply {
            text: self.text,
            calls,
            usage,
            model: self.model,
            finish,
        })
    }

    fn estimate(&self, request: &ModelRequest) -> Usage {
        let written = self
            .calls
            .iter()
            .map(|call| call.name.len() + call.arguments.len());
        estimated_usage(request, self.text.len() + written.sum::<usize>())
    }
}

impl CallDraft {
    fn finish(self, turn: usize, number: usize) -> Result<ToolCall, ModelError> {
        if self.name.is_empty() {
            return Err(malformed("it calls a tool without saying which"));
        }
        let arguments = parse_arguments(&self.arguments)
            .map_err(|reason| malformed(format!("the arguments of {} {reason}", self.name)))?;
        let id = if self.id.is_empty() {
            made_up_id(turn, number)
        } else {
            self.id
        };
        Ok(ToolCall {
            id,
            name: self.name,
            arguments,
        })
    }
}

/// An id for a call that came without one, unlike any other of the same conversation.
pub(crate) fn made_up_id(turn: usize, number: usize) -> String {
    format!("call_{turn}_{number}")
}

/// Arguments as an object; nothing at all stands for an object without members.
pub(crate) fn parse_arguments(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(Value::Null) => Ok(Value::Object(Map::new())),
        // Some small models wrap the object into a string once more.
        Ok(Value::String(inner)) if inner.trim_start().starts_with('{') => parse_arguments(&inner),
        Ok(_) => Err("are not an object".into()),
        Err(error) => Err(format!("are not JSON ({error})")),
    }
}

/// Four bytes to a token, which is close for English and errs on the dear side for code.
pub(crate) fn estimated_usage(request: &ModelRequest, output_bytes: usize) -> Usage {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len());
    let input_bytes =
        request.system.len() + parts.map(bytes_of).sum::<usize>() + tools.sum::<usize>();
    Usage {
        input_tokens: input_bytes.div_ceil(4) as u64,
        output_tokens: output_bytes.div_ceil(4) as u64,
        cached_tokens: 0,
        is_estimated: true,
    }
}

fn bytes_of(part: &Part) -> usize {
    match part {
        Part::Text { text } | Part::ToolResult { text, .. } => text.len(),
        // Providers reckon a picture by its size in pixels; a thousand tokens is a usual price.
        Part::Image(_) => 4_000,
        Part::ToolCall(call) => call.name.len() + call.arguments.to_string().len(),
    }
}
