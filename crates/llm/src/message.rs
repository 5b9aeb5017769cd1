//! A conversation as we speak of it, whatever the provider calls it.
//!
//! The dialects translate from and to these types; nothing outside this crate sees a provider's
//! JSON.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything one model turn needs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ModelRequest {
    pub system: String,
    pub messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSchema>,
    /// Overrides the temperature configured for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Overrides the output limit configured for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// An opaque key by which the provider may tell our users apart, never a name or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_key: Option<String>,
    /// A person's own key for this provider, sent instead of the configured one.
    #[serde(skip)]
    pub own_key: Option<SecretString>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text {
        text: String,
    },
    Image(Image),
    ToolCall(ToolCall),
    ToolResult {
        id: String,
        text: String,
        is_error: bool,
    },
}

/// A picture, already in the base64 that every dialect wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub media_type: String,
    pub bytes_base64: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id, or one that we made where it sent none; unique in the conversation.
    pub id: String,
    pub name: String,
    /// INVARIANT: a JSON object. Whether it fits the tool's schema is for the caller to check.
    pub arguments: Value,
}

/// A tool as the model is told of it; `parameters` is a JSON schema of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSchema {
    pub name: String,
    pub description: String,
    pub parameters: Value,
}

/// What a model said in one turn, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub usage: Usage,
    /// The model that answered, in the provider's words.
    pub model: String,
    pub finish: Finish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, those served from the provider's cache included.
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_tokens: u64,
    /// The server reported nothing, so the figures are reckoned from the length of the text.
    #[serde(default)]
    pub is_estimated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    Stop,
    ToolCalls,
    /// The output limit cut the reply.
    Length,
    /// The provider withheld the reply.
    Filtered,
}

/// A piece of a reply that is still being written: a preview, never the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Delta {
    Text {
        text: String,
    },
    /// The model has begun to call this tool; its arguments are still coming.
    CallStarted {
        name: String,
    },
}

impl Message {
    pub fn new(role: Role, content: Vec<Part>) -> Self {
        Self { role, content }
    }

    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, vec![Part::text(text)])
    }

    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::text(text)])
    }

    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::text(text)])
    }

    /// The answer to one tool call.
    pub fn tool_result(id: impl Into<String>, text: impl Into<String>, is_error: bool) -> Self {
        let part = Part::ToolResult {
            id: id.into(),
            text: text.into(),
            is_error,
        };
        Self::new(Role::Tool, vec![part])
    }

    /// All text parts, joined by line breaks.
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    pub fn has_images(&self) -> bool {
        self.content
            .iter()
            .any(|part| matches!(part, Part::Image(_)))
    }
}

impl Part {
    pub fn text(text: impl Into<String>) -> Self {
        Part::Text { text: text.into() }
    }
}

impl ModelReply {
    /// The reply as the next message of the conversation.
    pub fn to_message(&self) -> Message {
        let mut content = Vec::with_capacity(1 + self.calls.len());
        if !self.text.is_empty() {
            content.push(Part::text(&self.text));
        }
        content.extend(self.calls.iter().cloned().map(Part::ToolCall));
        Message::new(Role::Assistant, content)
    }
}

impl Usage {
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            is_estimated: self.is_estimated || other.is_estimated,
        }
    }
}
