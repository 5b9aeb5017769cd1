//! The Chat Completions dialect: OpenAI itself, and everyone who speaks like it.
//!
//! OpenRouter, z.ai, Gemini's compatible face, Ollama, vLLM and llama.cpp differ in small things;
//! [`Flavour`] holds those that we must know beforehand, tolerance the rest.

mod reply;
mod request;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::Value;

use crate::assemble::Draft;
use crate::failure::{malformed, without_key};
use crate::http::{Answer, Endpoint};
use crate::message::{ModelReply, ModelRequest};
use crate::model::{Model, ModelError, PreviewSink};

/// What we must know about a server before we speak to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    OpenAi,
    OpenRouter,
    Zai,
    Gemini,
    Ollama,
    /// Anyone else at the address that the operator gave.
    Compatible,
}

#[derive(Debug)]
pub(crate) struct OpenAiModel {
    pub name: String,
    pub model: String,
    pub flavour: Flavour,
    pub endpoint: Endpoint,
    pub sees_images: bool,
    pub temperature: Option<f32>,
    pub max_tokens: Option<u32>,
    /// The server has said that it does not know `stream_options`.
    pub is_without_stream_options: AtomicBool,
}

#[async_trait]
impl Model for OpenAiModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn sees_images(&self) -> bool {
        self.sees_images
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        preview: PreviewSink<'_>,
    ) -> Result<ModelReply, ModelError> {
        let key = self.endpoint.key(request.own_key.as_ref());
        let reply = async {
            let answer = self.ask(request).await?;
            let draft = if answer.is_event_stream() {
                read_stream(answer, preview).await?
            } else {
                read_whole(answer, preview).await?
            };
            draft.finish(request)
        };
        reply
            .await
            .map_err(|error| without_key(error, key.as_ref()))
    }
}

impl OpenAiModel {
    async fn ask(&self, request: &ModelRequest) -> Result<Answer, ModelError> {
        let key = self.endpoint.key(request.own_key.as_ref());
        let mut body = self.body(request);
        match self.endpoint.post(&body, key.as_ref()).await {
            Err(ModelError::BadRequest { detail, .. }) if detail.contains("stream_options") => {
                self.is_without_stream_options
                    .store(true, Ordering::Relaxed);
                if let Value::Object(body) = &mut body {
                    body.remove("stream_options");
                }
                self.endpoint.post(&body, key.as_ref()).await
            }
            answer => answer,
        }
    }
}

async fn read_stream(answer: Answer, preview: PreviewSink<'_>) -> Result<Draft, ModelError> {
    let mut draft = Draft::default();
    let mut events = Box::pin(answer.events());
    while let Some(event) = events.next().await {
        let Some(data) = event?.data else { continue };
        if data.trim() == "[DONE]" {
            return Ok(draft);
        }
        let chunk = serde_json::from_str(&data)
            .map_err(|error| malformed(format!("a chunk of it is not JSON ({error})")))?;
        reply::add_chunk(&mut draft, &chunk, preview)?;
    }
    // Some servers close without [DONE]; the finish reason then tells a whole reply from a cut one.
    match draft.finish {
        Some(_) => Ok(draft),
        None => Err(malformed("it ended before it was complete")),
    }
}

async fn read_whole(answer: Answer, preview: PreviewSink<'_>) -> Result<Draft, ModelError> {
    let body = answer.whole().await?;
    let body = serde_json::from_slice(&body)
        .map_err(|error| malformed(format!("it is not JSON ({error})")))?;
    let mut draft = Draft::default();
    reply::add_chunk(&mut draft, &body, preview)?;
    Ok(draft)
}
