//! The one place where this crate makes HTTP clients and reads answers from the network.
//!
//! Every answer is read under three clocks (first byte, next chunk, whole reply) and one size
//! limit. Redirects are never followed, because they would carry the key to another host. Proxies
//! of the environment (`HTTPS_PROXY` and its kin) are honoured for hosts outside this machine.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sse_stream::{Sse, SseByteStream};
use tokio::time::{Instant, timeout};
use wardroom_domain::LiveSecret;

use crate::failure;
use crate::limits;
use crate::model::{ModelError, WaitPhase};

/// The clients that all models share, made when the first model needs one.
///
/// Reading the system's CA certificates costs time and memory, so a Wardroom that only talks to
/// this machine does without them.
#[derive(Debug, Default)]
pub struct Clients {
    loopback: OnceLock<Client>,
    outside: OnceLock<Client>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the HTTP client cannot be set up; install the system's CA certificates (Debian: \
     ca-certificates) and check the proxy variables"
)]
pub struct ClientSetupError {
    #[source]
    source: reqwest::Error,
}

impl Clients {
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn for_url(&self, url: &Url) -> Result<Client, ClientSetupError> {
        if url.scheme() == "http" && is_loopback(url) {
            kept(&self.loopback, || builder().no_proxy().tls_certs_only([]))
        } else {
            kept(&self.outside, builder)
        }
    }
}

fn kept(
    slot: &OnceLock<Client>,
    make: impl Fn() -> reqwest::ClientBuilder,
) -> Result<Client, ClientSetupError> {
    if let Some(client) = slot.get() {
        return Ok(client.clone());
    }
    // An error only says that some other part has installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = make().build();
    let client = client.map_err(|source| ClientSetupError { source })?;
    Ok(slot.get_or_init(|| client).clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the client factory of the crate"
)]
fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(limits::TIMEOUT_CONNECT)
        .user_agent(concat!("wardroom/", env!("CARGO_PKG_VERSION")))
}

/// Does this address stay on the machine?
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// How long we wait for which part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub first_byte: Duration,
    pub idle: Duration,
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_byte: limits::TIMEOUT_FIRST_BYTE,
            idle: limits::TIMEOUT_IDLE,
            whole: limits::TIMEOUT_WHOLE,
        }
    }
}

/// The header in which a provider expects its key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyHeader {
    Bearer,
    XApiKey,
}

/// Where one model's requests go, and with what.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub client: Client,
    pub url: Url,
    pub headers: HeaderMap,
    pub key_header: KeyHeader,
    pub key: LiveSecret,
    pub patience: Patience,
}

impl Endpoint {
    /// The key of this request: the person's own one before the configured one.
    pub fn key(&self, own_key: Option<&SecretString>) -> Option<SecretString> {
        own_key.cloned().or_else(|| self.key.current())
    }

    /// Sends the body; an error status has already become a [`ModelError`].
    pub async fn post(
        &self,
        body: &Value,
        key: Option<&SecretString>,
    ) -> Result<Answer, ModelError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone());
        if let Some(key) = key {
            let (name, value) = self.key_header.with(key)?;
            request = request.header(name, value);
        }
        let deadline = Instant::now() + self.patience.whole;
        let wait = self.patience.first_byte.min(self.patience.whole);
        let response = timeout(wait, request.json(body).send())
            .await
            .map_err(|_| timed_out(WaitPhase::FirstByte, wait))?
            .map_err(|error| failure::of_transport(&error))?;
        let answer = Answer {
            response,
            patience: self.patience,
            deadline,
        };
        if answer.response.status().is_success() {
            Ok(answer)
        } else {
            Err(answer.refusal().await)
        }
    }
}

impl KeyHeader {
    fn with(self, key: &SecretString) -> Result<(HeaderName, HeaderValue), ModelError> {
        let (name, text) = match self {
            KeyHeader::Bearer => (
                reqwest::header::AUTHORIZATION,
                format!("Bearer {}", key.expose_secret()),
            ),
            KeyHeader::XApiKey => (
                HeaderName::from_static("x-api-key"),
                key.expose_secret().to_owned(),
            ),
        };
        let mut value = HeaderValue::from_str(text.trim()).map_err(|_| ModelError::Refused {
            status: 0,
            detail: "the key holds characters that no header can carry".into(),
        })?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// An answer whose status was good and whose body is still to be read.
pub(crate) struct Answer {
    response: Response,
    patience: Patience,
    deadline: Instant,
}

impl Answer {
    pub fn is_event_stream(&self) -> bool {
        let kind = self.response.headers().get(CONTENT_TYPE);
        kind.and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The whole body, for an answer that does not stream.
    pub async fn whole(self) -> Result<Bytes, ModelError> {
        collect(self.chunks(limits::REPLY_BYTES_MAX)).await
    }

    /// The data of each server-sent event, as it arrives.
    pub fn events(self) -> impl Stream<Item = Result<Sse, ModelError>> + Send {
        let chunks = self.chunks(limits::REPLY_BYTES_MAX).map_err(ChunkError);
        SseByteStream::new(Box::pin(chunks)).map_err(failure::of_event_stream)
    }

    async fn refusal(self) -> ModelError {
        let status = self.response.status().as_u16();
        let retry_after = retry_after(self.response.headers());
        let location = self
            .response
            .headers()
            .get(reqwest::header::LOCATION)
            .cloned();
        let body = collect(self.chunks(limits::ERROR_BODY_BYTES_MAX))
            .await
            .unwrap_or_default();
        match location
            .as_ref()
            .and_then(|location| location.to_str().ok())
        {
            Some(location) if (300..400).contains(&status) => {
                failure::of_redirect(status, location)
            }
            _ => failure::of_status(status, retry_after, &body),
        }
    }

    fn chunks(self, bytes_max: usize) -> impl Stream<Item = Result<Bytes, ModelError>> + Send {
        let state = Reading {
            answer: self,
            bytes: 0,
            bytes_max,
        };
        stream::try_unfold(state, |mut reading| async move {
            let chunk = reading.next().await?;
            Ok(chunk.map(|chunk| (chunk, reading)))
        })
    }
}

struct Reading {
    answer: Answer,
    bytes: usize,
    bytes_max: usize,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, ModelError> {
        let (phase, wait) = self.wait();
        let chunk = timeout(wait, self.answer.response.chunk())
            .await
            .map_err(|_| timed_out(phase, wait))?
            .map_err(|error| failure::of_transport(&error))?;
        self.bytes += chunk.as_ref().map_or(0, Bytes::len);
        if self.bytes > self.bytes_max {
            return Err(ModelError::Malformed {
                detail: format!("it is longer than {} bytes", self.bytes_max),
            });
        }
        Ok(chunk)
    }

    /// Which clock runs out first, and when.
    fn wait(&self) -> (WaitPhase, Duration) {
        let left = self
            .answer
            .deadline
            .saturating_duration_since(Instant::now());
        let patience = self.answer.patience;
        let (phase, wait) = match self.bytes {
            0 => (WaitPhase::FirstByte, patience.first_byte),
            _ => (WaitPhase::NextChunk, patience.idle),
        };
        if left < wait {
            (WaitPhase::WholeReply, left)
        } else {
            (phase, wait)
        }
    }
}

/// Carries our own error through the event parser and back.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct ChunkError(pub ModelError);

async fn collect(
    chunks: impl Stream<Item = Result<Bytes, ModelError>> + Send,
) -> Result<Bytes, ModelError> {
    let mut chunks = Box::pin(chunks);
    let mut body = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
    }
    Ok(body.freeze())
}

fn timed_out(phase: WaitPhase, waited: Duration) -> ModelError {
    ModelError::TimedOut { phase, waited }
}

/// `Retry-After` in seconds. The form with a date is left to the backoff: clocks disagree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = headers
        .get("retry-after-ms")
        .and_then(number)
        .map(|ms| ms / 1000.0);
    let seconds = milliseconds.or_else(|| headers.get(RETRY_AFTER).and_then(number))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn number(value: &HeaderValue) -> Option<f64> {
    value.to_str().ok()?.trim().parse().ok()
}
