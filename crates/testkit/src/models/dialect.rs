//! What the dialects have in common, and what each must say for itself.

use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value;

use super::brain::{Asked, Said};

/// The dialects, and the flavours of Chat Completions that differ in what we can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    OpenAi,
    OpenRouter,
    Zai,
    Gemini,
    Ollama,
    Anthropic,
}

impl Dialect {
    pub fn parse(name: &str) -> Option<Dialect> {
        let dialects = [
            ("openai", Dialect::OpenAi),
            ("openrouter", Dialect::OpenRouter),
            ("zai", Dialect::Zai),
            ("gemini", Dialect::Gemini),
            ("ollama", Dialect::Ollama),
            ("anthropic", Dialect::Anthropic),
        ];
        dialects
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, dialect)| dialect)
    }

    /// What comes before the method's own path, as in the real address.
    pub(crate) fn base_path(self) -> &'static str {
        match self {
            Dialect::OpenAi | Dialect::Ollama | Dialect::Anthropic => "/v1",
            Dialect::OpenRouter => "/api/v1",
            Dialect::Zai => "/api/paas/v4",
            Dialect::Gemini => "/v1beta/openai",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Dialect::Anthropic => "/messages",
            _ => "/chat/completions",
        }
    }
}

/// A refusal in the making: status, the dialect's kind of error, and its sentence.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            message: message.into(),
        }
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self {
            status: 401,
            kind: "authentication_error",
            message: message.into(),
        }
    }
}

/// A piece of a streamed answer, or what happens instead of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Text(String),
    Pause(Duration),
    Forever,
    Break,
}

/// A reply with the figures that the dialect reports.
pub(crate) struct Outgoing<'a> {
    pub asked: &'a Asked,
    pub said: &'a Said,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Sent in place of the first call's arguments.
    pub broken_arguments: Option<&'a str>,
}

/// One provider's manners.
pub(crate) trait Manners: Send + Sync {
    /// The key that came with the request, or the provider's refusal of a request without one.
    fn key(&self, headers: &HeaderMap) -> Result<String, Refusal>;

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal>;

    /// Checks the body as strictly as the provider does, and reads it.
    fn read(&self, body: &Value) -> Result<Asked, Refusal>;

    fn error(&self, refusal: &Refusal) -> Value;

    /// The answer as server-sent events.
    fn stream(&self, outgoing: &Outgoing<'_>, body: &Value) -> Vec<Frame>;

    /// The answer as one object.
    fn whole(&self, outgoing: &Outgoing<'_>) -> Value;

    /// An error in mid-stream, as the provider sends it.
    fn error_event(&self) -> String;

    /// The status of "too busy".
    fn overloaded(&self) -> Refusal;
}

/// Cuts a text into the small pieces in which models speak.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(7).map_or(rest.len(), |(at, _)| at);
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A name as every provider accepts it.
pub(crate) fn is_tool_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    (1..=64).contains(&name.len()) && name.chars().all(is_letter)
}

pub(crate) fn unknown_field(body: &Value, known: &[&str]) -> Option<String> {
    let fields = body.as_object()?.keys();
    fields
        .into_iter()
        .find(|field| !known.contains(&field.as_str()))
        .cloned()
}
