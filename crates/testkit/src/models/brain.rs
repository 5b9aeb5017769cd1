//! What a stand-in answers.

use serde_json::Value;
use wardroom_llm::{ModelRequest, Story, ToolCall};

/// A request that a stand-in found to be correct.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The model, in the provider's words.
    pub model: String,
    pub request: ModelRequest,
}

/// What a stand-in is to say; it adds ids, usage and everything else of its dialect.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    pub text: String,
    pub calls: Vec<ToolCall>,
    /// The reply is cut by the output limit.
    pub is_cut: bool,
}

impl Said {
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// One call; the dialect makes its id.
    pub fn call(tool: &str, arguments: Value) -> Self {
        Self::default().and_call(tool, arguments)
    }

    pub fn and_call(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push(ToolCall {
            id: String::new(),
            name: tool.to_owned(),
            arguments,
        });
        self
    }
}

/// Decides what a stand-in says. Closures are brains too.
pub trait Brain: Send + Sync + 'static {
    fn answer(&self, asked: &Asked) -> Said;
}

impl<F: Fn(&Asked) -> Said + Send + Sync + 'static> Brain for F {
    fn answer(&self, asked: &Asked) -> Said {
        self(asked)
    }
}

/// Plays a story, by the same engine as the scripted model.
pub struct StoryBrain(pub Story);

impl Brain for StoryBrain {
    fn answer(&self, asked: &Asked) -> Said {
        let turn = self.0.next(&asked.request);
        Said {
            text: turn.text,
            calls: turn.calls,
            is_cut: false,
        }
    }
}
