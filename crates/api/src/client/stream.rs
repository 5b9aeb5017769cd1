//! Server-sent events, resumed where they broke.

use super::{Client, ClientError, TIMEOUT_CONNECT};
use crate::event::{Event, EventBody};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{RequestBuilder, Url};
use serde::Serialize;
use sse_stream::{Sse, SseByteStream};
use std::time::Duration;

/// How long to wait before the first new attempt; it doubles from there.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// The longest pause: a restarted server is found again within it.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The server says something at least every 15 s; three times that is silence.
const SILENCE_MAX: Duration = Duration::from_secs(45);

type Blocks = BoxStream<'static, Result<Sse, Box<dyn std::error::Error + Send + Sync>>>;

/// What to ask for on every attempt.
enum Ask {
    /// A subject's events, from after the last one seen.
    Subject(Url),
    /// The reply to one message: asked again with the same key, it is not said twice.
    Message { url: Url, body: Bytes, key: String },
}

/// Events as they happen.
///
/// `next` answers an error when the stream breaks; where the error is transient, calling `next`
/// again waits a little, connects anew and goes on after the last event seen.
pub struct EventStream {
    client: Client,
    ask: Ask,
    last_seq: Option<i64>,
    pause: Duration,
    state: State,
}

enum State {
    Fresh,
    Open(Blocks),
    Broken,
    Done,
}

impl EventStream {
    pub(super) fn of_subject(client: Client, url: Url, after: Option<i64>) -> Self {
        Self::new(client, Ask::Subject(url), after)
    }

    pub(super) fn of_message(
        client: Client,
        url: Url,
        message: &impl Serialize,
        key: &str,
    ) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(message).map_err(|source| ClientError::Unreadable {
            address: client.address().to_string(),
            source,
        })?;
        let ask = Ask::Message {
            url,
            body: body.into(),
            key: key.to_owned(),
        };
        Ok(Self::new(client, ask, None))
    }

    fn new(client: Client, ask: Ask, last_seq: Option<i64>) -> Self {
        Self {
            client,
            ask,
            last_seq,
            pause: PAUSE_MIN,
            state: State::Fresh,
        }
    }

    /// The `seq` of the last kept event seen.
    pub fn last_seq(&self) -> Option<i64> {
        self.last_seq
    }

    /// The next event; none after `done`. May be dropped while it waits without losing an event.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            match &mut self.state {
                State::Done => return Ok(None),
                State::Fresh => self.connect().await?,
                State::Broken => {
                    tokio::time::sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(PAUSE_MAX);
                    self.connect().await?;
                }
                State::Open(blocks) => {
                    let block = tokio::time::timeout(SILENCE_MAX, blocks.next()).await;
                    if let Some(event) = self.take(block.unwrap_or(None))? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        // A refusal that will not change ends the stream; anything else may be tried again.
        let sending = self.client.send(self.request());
        let sent = match tokio::time::timeout(TIMEOUT_CONNECT, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(self.broken(None)),
        };
        self.state = match &sent {
            Err(error) if !error.is_transient() => State::Done,
            _ => State::Broken,
        };
        let chunks = sent?.bytes_stream();
        let blocks = SseByteStream::new(chunks).map(|block| block.map_err(Into::into));
        self.state = State::Open(blocks.boxed());
        Ok(())
    }

    fn request(&self) -> RequestBuilder {
        let request = match &self.ask {
            Ask::Subject(url) => self.client.http.get(url.clone()),
            Ask::Message { url, body, key } => self
                .client
                .http
                .post(url.clone())
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .header(HeaderName::from_static("idempotency-key"), key)
                .body(body.clone()),
        };
        let request = request.header(ACCEPT, "text/event-stream");
        match self.last_seq {
            Some(seq) => request.header(HeaderName::from_static("last-event-id"), seq),
            None => request,
        }
    }

    /// What a block of the stream says; none for a comment or keep-alive.
    fn take(
        &mut self,
        block: Option<Result<Sse, Box<dyn std::error::Error + Send + Sync>>>,
    ) -> Result<Option<Event>, ClientError> {
        let sse = match block {
            Some(Ok(sse)) => sse,
            Some(Err(source)) => return Err(self.breaks(Some(source))),
            None => return Err(self.breaks(None)),
        };
        let Some(data) = sse.data else {
            return Ok(None);
        };
        let event: Event = match serde_json::from_str(&data) {
            Ok(event) => event,
            // A newer server may send kinds of events that this client does not know.
            Err(_) => return Ok(None),
        };
        self.pause = PAUSE_MIN;
        if event.body.is_kept() {
            self.last_seq = Some(event.seq);
        }
        if matches!(event.body, EventBody::Done(_)) {
            self.state = State::Done;
        }
        Ok(Some(event))
    }

    fn breaks(&mut self, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        self.state = State::Broken;
        self.broken(source)
    }

    fn broken(&self, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::StreamBroken {
            address: self.client.address().to_string(),
            source,
        }
    }
}
