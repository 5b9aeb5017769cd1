//! The events of a streamed Messages reply.

use serde_json::Value;

use crate::assemble::{CallPiece, Draft};
use crate::failure::{self, ErrorBody};
use crate::message::{Finish, Usage};
use crate::model::{ModelError, PreviewSink};

#[derive(Default)]
pub(super) struct Reader {
    pub draft: Draft,
    usage: Usage,
}

#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    Going,
    Complete,
}

impl Reader {
    pub fn add(&mut self, event: &Value, preview: PreviewSink<'_>) -> Result<Progress, ModelError> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.start(&event["message"]),
            "content_block_start" => self.block(event, preview)?,
            "content_block_delta" => self.delta(event, preview)?,
            "message_delta" => self.finish(event),
            "message_stop" => return Ok(Progress::Complete),
            "error" => {
                let error = ErrorBody::find(event).unwrap_or_default();
                return Err(failure::of_error_inside(&error));
            }
            // `ping`, `content_block_stop`, and what the API may yet invent.
            _ => {}
        }
        Ok(Progress::Going)
    }

    fn start(&mut self, message: &Value) {
        self.draft.model = message["model"].as_str().unwrap_or_default().to_owned();
        self.count(&message["usage"]);
    }

    fn block(&mut self, event: &Value, preview: PreviewSink<'_>) -> Result<(), ModelError> {
        let block = &event["content_block"];
        match block["type"].as_str() {
            Some("text") => {
                self.draft
                    .add_text(block["text"].as_str().unwrap_or_default(), preview);
                Ok(())
            }
            Some("tool_use") => {
                let piece = CallPiece {
                    index: event["index"].as_u64(),
                    id: block["id"].as_str().unwrap_or_default(),
                    name: block["name"].as_str().unwrap_or_default(),
                    arguments: "",
                };
                self.draft.add_call(&piece, preview)
            }
            _ => Ok(()),
        }
    }

    fn delta(&mut self, event: &Value, preview: PreviewSink<'_>) -> Result<(), ModelError> {
        let delta = &event["delta"];
        match delta["type"].as_str() {
            Some("text_delta") => {
                self.draft
                    .add_text(delta["text"].as_str().unwrap_or_default(), preview);
                Ok(())
            }
            Some("input_json_delta") => {
                let piece = CallPiece {
                    index: event["index"].as_u64(),
                    arguments: delta["partial_json"].as_str().unwrap_or_default(),
                    ..CallPiece::default()
                };
                self.draft.add_call(&piece, preview)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, event: &Value) {
        self.count(&event["usage"]);
        self.draft.finish = event["delta"]["stop_reason"]
            .as_str()
            .map(|reason| match reason {
                "tool_use" => Finish::ToolCalls,
                "max_tokens" | "model_context_window_exceeded" => Finish::Length,
                "refusal" => Finish::Filtered,
                _ => Finish::Stop,
            });
    }

    /// The figures are totals so far; a later report replaces an earlier one.
    fn count(&mut self, usage: &Value) {
        if let Some(fresh) = usage["input_tokens"].as_u64() {
            let read = usage["cache_read_input_tokens"].as_u64().unwrap_or(0);
            let written = usage["cache_creation_input_tokens"].as_u64().unwrap_or(0);
            self.usage.input_tokens = fresh + read + written;
            self.usage.cached_tokens = read;
        }
        if let Some(written) = usage["output_tokens"].as_u64() {
            self.usage.output_tokens = written;
        }
        if !usage.is_null() {
            self.draft.usage = Some(self.usage);
        }
    }
}
