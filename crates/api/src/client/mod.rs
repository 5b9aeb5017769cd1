//! A client for this contract: over TCP with a bearer token, or over the Unix socket of a data
//! directory, where the operating system says who is calling.

mod endpoints;
mod error;
mod stream;

pub use error::ClientError;
pub use stream::EventStream;

use crate::problem::Problem;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the Unix socket in a data directory.
pub const SOCKET_NAME: &str = "wardroom.sock";
/// How long a connection may take to stand: a server on the machine answers at once, one behind a
/// sleeping link within seconds.
const TIMEOUT_CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take: a turn of a slow model, with its retries.
const TIMEOUT_ANSWER: Duration = Duration::from_secs(900);
/// Where requests over a socket pretend to go: HTTP wants a host name.
const SOCKET_BASE: &str = "http://wardroom.localhost/";

/// Where a server is.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// On this machine, by the socket of its data directory.
    Socket(PathBuf),
    /// Anywhere, by URL, with the token that says who is calling.
    Url {
        /// `http://host:port` or `https://host`.
        url: String,
        /// The token's secret.
        token: Option<String>,
    },
}

impl Address {
    /// The server that runs in a data directory.
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self::Socket(data_dir.join(SOCKET_NAME))
    }
}

/// The address as people read it; a token is never shown.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Url { url, .. } => f.write_str(url),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    address: Address,
}

impl Client {
    /// A client for the server at an address. Nothing is sent yet.
    pub fn new(address: Address) -> Result<Self, ClientError> {
        let base = base_url(&address)?;
        let http = http_client(&address)?;
        Ok(Self {
            http,
            base,
            address,
        })
    }

    /// Where the server is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn url(&self, path: &str) -> Result<Url, ClientError> {
        self.base.join(path).map_err(|error| ClientError::BadUrl {
            url: format!("{}{path}", self.base),
            reason: error.to_string(),
        })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        let request = self
            .http
            .get(self.url(path)?)
            .query(query)
            .timeout(TIMEOUT_ANSWER);
        self.read(self.send(request).await?).await
    }

    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
    ) -> Result<T, ClientError> {
        let mut request = self
            .http
            .request(method, self.url(path)?)
            .timeout(TIMEOUT_ANSWER);
        if let Some(key) = idempotency_key {
            request = request.header(HeaderName::from_static("idempotency-key"), key);
        }
        self.read(self.send(request.json(body)).await?).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change(Method::POST, path, body, None).await
    }

    async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(self.http.delete(self.url(path)?).timeout(TIMEOUT_ANSWER))
            .await
            .map(drop)
    }

    async fn bytes(&self, path: &str) -> Result<bytes::Bytes, ClientError> {
        let request = self.http.get(self.url(path)?).header(ACCEPT, "*/*");
        let response = self.send(request.timeout(TIMEOUT_ANSWER)).await?;
        response.bytes().await.map_err(|source| self.broken(source))
    }

    /// Sends; an error status has become a [`ClientError::Refused`].
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|source| self.unsent(source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response
            .bytes()
            .await
            .map_err(|source| self.broken(source))?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(ClientError::NotWardroom {
                address: self.address.to_string(),
                status,
            }),
        }
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = response
            .bytes()
            .await
            .map_err(|source| self.broken(source))?;
        serde_json::from_slice(&body).map_err(|source| ClientError::Unreadable {
            address: self.address.to_string(),
            source,
        })
    }

    fn unsent(&self, source: reqwest::Error) -> ClientError {
        if source.is_connect() {
            return ClientError::NoServer {
                address: self.address.clone(),
                source,
            };
        }
        self.broken(source)
    }

    fn broken(&self, source: reqwest::Error) -> ClientError {
        ClientError::Broken {
            address: self.address.to_string(),
            source,
        }
    }
}

/// The URL that paths are joined to, always with a slash at its end.
fn base_url(address: &Address) -> Result<Url, ClientError> {
    let text = match address {
        Address::Socket(_) => SOCKET_BASE,
        Address::Url { url, .. } => url.as_str(),
    };
    let bad = |reason: &str| ClientError::BadUrl {
        url: text.to_owned(),
        reason: reason.to_owned(),
    };
    let mut base = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(bad("it begins with neither http:// nor https://"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(bad(
            "it holds a name or password; give a token in WARDROOM_TOKEN instead",
        ));
    }
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the client factory of the crate"
)]
fn http_client(address: &Address) -> Result<reqwest::Client, ClientError> {
    // An error only says that some other part has installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(TIMEOUT_CONNECT)
        .user_agent(concat!("wardroom/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(address)?);
    let builder = match address {
        Address::Socket(path) => builder.no_proxy().unix_socket(path.as_path()),
        Address::Url { .. } => builder,
    };
    builder
        .build()
        .map_err(|source| ClientError::Setup { source })
}

fn headers(address: &Address) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Address::Url {
        token: Some(token), ..
    } = address
    {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| ClientError::BadToken)?;
        value.set_sensitive(true);
        headers.insert(reqwest::header::AUTHORIZATION, value);
    }
    Ok(headers)
}
