//! Calls of the Bot API, and what its refusals mean.

use crate::Fault;
use bytes::{Bytes, BytesMut};
use frankenstein::response::{ErrorResponse, MethodResponse};
use reqwest::{Url, multipart, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use wardroom_domain::LiveSecret;

/// How long Telegram holds a request for updates open.
pub const LONG_POLL: Duration = Duration::from_secs(25);
/// How long a call may take. Long, because a call that is given up may still have done its work.
const CALL_TIME_MAX: Duration = Duration::from_secs(45);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a file may take in either direction.
const FILE_TIME_MAX: Duration = Duration::from_secs(180);
/// The longest answer to a call that is not a file: a hundred updates of the longest kind.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long to wait where Telegram asks for a pause and does not say how long.
const PAUSE_DEFAULT: Duration = Duration::from_secs(5);

/// The connector cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientSetupError {
    /// No client could be made.
    #[error(
        "the HTTP client cannot be set up; install the system's CA certificates (Debian: ca-certificates)"
    )]
    Client(#[source] reqwest::Error),
    /// The address makes no sense.
    #[error(
        "api_base `{0}` is no http or https address; Telegram's own is https://api.telegram.org"
    )]
    Address(String),
}

/// One bot's way to the Bot API.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: LiveSecret,
}

impl Client {
    pub fn new(api_base: &str, token: LiveSecret) -> Result<Self, ClientSetupError> {
        let url = Url::parse(api_base).ok();
        let is_fit = url
            .as_ref()
            .is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url.filter(|_| is_fit) else {
            return Err(ClientSetupError::Address(api_base.to_owned()));
        };
        // An error only says that some other part has installed the provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = builder(&url).build().map_err(ClientSetupError::Client)?;
        let base = api_base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, token })
    }

    /// Calls a method.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + Sync),
    ) -> Result<R, Fault> {
        let request = self.http.post(self.url(method)?).json(params);
        answer(request.timeout(CALL_TIME_MAX)).await
    }

    /// Calls a method that Telegram answers when something happens.
    pub async fn wait<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + Sync),
    ) -> Result<R, Fault> {
        let request = self.http.post(self.url(method)?).json(params);
        answer(request.timeout(LONG_POLL + CALL_TIME_MAX)).await
    }

    /// Calls a method that takes a file.
    pub async fn upload<R: DeserializeOwned>(
        &self,
        method: &str,
        fields: Vec<(&'static str, String)>,
        (field, name, bytes): (&'static str, &str, Bytes),
    ) -> Result<R, Fault> {
        let length = bytes.len() as u64;
        let part = multipart::Part::stream_with_length(bytes, length).file_name(name.to_owned());
        let form = fields
            .into_iter()
            .fold(multipart::Form::new(), |form, (name, value)| {
                form.text(name, value)
            });
        let request = self
            .http
            .post(self.url(method)?)
            .multipart(form.part(field, part));
        answer(request.timeout(FILE_TIME_MAX)).await
    }

    /// Fetches a file that `getFile` has named.
    pub async fn download(&self, path: &str, bytes_max: u64) -> Result<Bytes, Fault> {
        let is_plain = !path.contains("..") && !path.starts_with('/') && !path.contains(['?', '#']);
        if !is_plain {
            let why = "Telegram named a file in a way that makes no sense".to_owned();
            return Err(Fault::Refused { why });
        }
        let token = self.token()?;
        let url = format!("{}/file/bot{}/{path}", self.base, token.expose_secret());
        let response = self.http.get(url).timeout(FILE_TIME_MAX).send().await;
        let response = response.map_err(away)?;
        let status = response.status();
        if !status.is_success() {
            let body = collect(response, ANSWER_BYTES_MAX)
                .await
                .unwrap_or_default();
            return Err(refusal(status.as_u16(), &body));
        }
        collect(response, bytes_max).await
    }

    fn url(&self, method: &str) -> Result<String, Fault> {
        let token = self.token()?;
        Ok(format!(
            "{}/bot{}/{method}",
            self.base,
            token.expose_secret()
        ))
    }

    /// The token as it is now: read for every call, so that a new version counts for the next.
    fn token(&self) -> Result<SecretString, Fault> {
        let why = || "its token is not set any more".to_owned();
        self.token
            .current()
            .ok_or_else(|| Fault::Unauthorised { why: why() })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the client factory of the crate"
)]
fn builder(url: &Url) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .user_agent(concat!("wardroom/", env!("CARGO_PKG_VERSION")));
    let is_local = url
        .host_str()
        .is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
    // A stand-in on this machine needs no certificates, and no proxy of the environment.
    if url.scheme() == "http" && is_local {
        builder.no_proxy().tls_certs_only([])
    } else {
        builder
    }
}

async fn answer<R: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<R, Fault> {
    let response = request.send().await.map_err(away)?;
    let status = response.status();
    let body = collect(response, ANSWER_BYTES_MAX).await?;
    if !status.is_success() {
        return Err(refusal(status.as_u16(), &body));
    }
    let read = serde_json::from_slice::<MethodResponse<R>>(&body);
    read.map(|answer| answer.result)
        .map_err(|error| Fault::Refused {
            why: format!("the answer cannot be read: {error}"),
        })
}

async fn collect(mut response: reqwest::Response, bytes_max: u64) -> Result<Bytes, Fault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > bytes_max {
            let why = format!("it is larger than {bytes_max} bytes");
            return Err(Fault::Refused { why });
        }
    }
    Ok(body.freeze())
}

/// The address holds the token, so it is never part of what is told.
fn away(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    Fault::Away { why }
}

/// What a refusal means. Telegram tells the kinds of 400 and 403 apart by their words only.
fn refusal(status: u16, body: &[u8]) -> Fault {
    let told: Option<ErrorResponse> = serde_json::from_slice(body).ok();
    let why = told.as_ref().map_or_else(
        || format!("status {status}"),
        |told| told.description.clone(),
    );
    let parameters = told.and_then(|told| told.parameters);
    if let Some(to) = parameters.and_then(|it| it.migrate_to_chat_id) {
        return Fault::Moved { to: to.to_string() };
    }
    let words = why.to_lowercase();
    let is_closed = [
        "bot was blocked",
        "user is deactivated",
        "chat not found",
        "bot was kicked",
        "bot is not a member",
        "bot can't initiate conversation",
        "not enough rights to send",
        "have no rights to send",
        "group chat was deactivated",
        "peer_id_invalid",
    ];
    match status {
        429 => {
            let after = parameters.and_then(|it| it.retry_after);
            let after = after.map(|seconds| Duration::from_secs(seconds.into()));
            Fault::Wait {
                after: after.unwrap_or(PAUSE_DEFAULT),
            }
        }
        401 | 404 => Fault::Unauthorised { why },
        409 => Fault::Rivalled { why },
        500.. => Fault::Away { why },
        _ if is_closed.iter().any(|words_of| words.contains(words_of)) => Fault::Closed { why },
        403 => Fault::Closed { why },
        _ => Fault::Refused { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let told = |status: u16, description: &str, parameters: &str| {
            let body = format!(
                r#"{{"ok":false,"error_code":{status},"description":"{description}"{parameters}}}"#
            );
            refusal(status, body.as_bytes())
        };
        let wait = told(
            429,
            "Too Many Requests",
            r#","parameters":{"retry_after":7}"#,
        );
        assert_eq!(
            wait,
            Fault::Wait {
                after: Duration::from_secs(7)
            }
        );
        let moved = told(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            r#","parameters":{"migrate_to_chat_id":-1001}"#,
        );
        assert_eq!(
            moved,
            Fault::Moved {
                to: "-1001".to_owned()
            }
        );
        let blocked = told(403, "Forbidden: bot was blocked by the user", "");
        assert!(matches!(blocked, Fault::Closed { .. }));
        assert!(matches!(
            told(401, "Unauthorized", ""),
            Fault::Unauthorised { .. }
        ));
        assert!(matches!(told(409, "Conflict", ""), Fault::Rivalled { .. }));
        assert!(matches!(
            told(400, "Bad Request: message is too long", ""),
            Fault::Refused { .. }
        ));
        assert!(refusal(502, b"<html>").is_passing());
    }
}
