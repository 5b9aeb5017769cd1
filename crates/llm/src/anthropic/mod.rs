//! The native Messages dialect of Anthropic.

mod reply;
mod request;

use async_trait::async_trait;
use futures_util::StreamExt;

use crate::failure::{malformed, without_key};
use crate::http::{Answer, Endpoint};
use crate::message::{ModelReply, ModelRequest};
use crate::model::{Model, ModelError, PreviewSink};

use reply::{Progress, Reader};

#[derive(Debug)]
pub(crate) struct AnthropicModel {
    pub name: String,
    pub model: String,
    pub endpoint: Endpoint,
    pub sees_images: bool,
    pub temperature: Option<f32>,
    pub max_tokens: Option<u32>,
}

#[async_trait]
impl Model for AnthropicModel {
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
            let answer = self
                .endpoint
                .post(&self.body(request), key.as_ref())
                .await?;
            if !answer.is_event_stream() {
                return Err(malformed("it is not an event stream"));
            }
            read(answer, preview).await?.finish(request)
        };
        reply
            .await
            .map_err(|error| without_key(error, key.as_ref()))
    }
}

async fn read(
    answer: Answer,
    preview: PreviewSink<'_>,
) -> Result<crate::assemble::Draft, ModelError> {
    let mut reader = Reader::default();
    let mut events = Box::pin(answer.events());
    while let Some(event) = events.next().await {
        let Some(data) = event?.data else { continue };
        let event = serde_json::from_str(&data)
            .map_err(|error| malformed(format!("an event of it is not JSON ({error})")))?;
        if reader.add(&event, preview)? == Progress::Complete {
            return Ok(reader.draft);
        }
    }
    Err(malformed("it ended before it was complete"))
}
