//! One HTTP exchange through the only way out: the proxy on the host's side.
//!
//! No redirect is followed here, no cookie kept, no encoding asked for.

use crate::egress::CA_INSIDE;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;
use wardroom_sandbox::EGRESS_PROXY_URL;

/// In which the proxy says why it refused, as a short word.
const REFUSAL: &str = "x-egress-refusal";
/// Beside it, where the request was on its way already.
const REFUSED_LATE: &str = "x-egress-sent";
/// The answer of the proxy to a wish for a tunnel is short.
const TUNNEL_ANSWER_BYTES_MAX: usize = 16 * 1024;
/// A download stops here: what is longer is a file, not a page.
pub(crate) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Incame {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether there was more than is kept.
    pub(crate) is_cut: bool,
}

/// Why nothing came back, as a sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("nothing may leave this sandbox: no host is open from here")]
    NoWayOut,
    #[error("{0}")]
    Refused(String),
    #[error("TLS to {host} failed: {cause}")]
    Tls { host: String, cause: std::io::Error },
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// How it began says that it was heard.
    #[error("the host answered {status}, and the rest of its answer broke off: {cause}")]
    Cut { status: StatusCode, cause: String },
    #[error("TLS cannot be set up in here: {0}")]
    Setup(String),
}

/// How remotes are verified: by the certificates that every program inside trusts.
pub(crate) struct Client {
    tls: Arc<ClientConfig>,
    /// Of the last request: whether its host may have heard it.
    sent: AtomicBool,
}

impl Client {
    pub(crate) fn new() -> Result<Self, NoAnswer> {
        let setup = |error: &dyn std::fmt::Display| NoAnswer::Setup(error.to_string());
        let pem = std::fs::read(CA_INSIDE).map_err(|_| NoAnswer::NoWayOut)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: Arc::new(tls),
            sent: AtomicBool::new(false),
        })
    }

    /// Whether the host of the last request may have heard it, whatever came back.
    pub(crate) fn may_have_arrived(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// Asks, and reads the answer up to its limit.
    pub(crate) async fn ask(&self, outgoing: &Outgoing) -> Result<Incame, NoAnswer> {
        self.sent.store(false, Ordering::Relaxed);
        let proxy = EGRESS_PROXY_URL.trim_start_matches("http://");
        let stream = TcpStream::connect(proxy).await;
        let stream = stream.map_err(|_| NoAnswer::NoWayOut)?;
        if outgoing.url.scheme() == "http" {
            let request = request(outgoing, outgoing.url.as_str())?;
            return self.converse(stream, request).await;
        }
        let host = outgoing.url.host_str().unwrap_or_default();
        let port = outgoing.url.port_or_known_default().unwrap_or(443);
        let stream = tunnel(stream, &format!("{host}:{port}")).await?;
        let failed = |cause| NoAnswer::Tls {
            host: host.to_owned(),
            cause,
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let stream = TlsConnector::from(self.tls.clone())
            .connect(name, stream)
            .await;
        let stream = stream.map_err(failed)?;
        let target = &outgoing.url[url::Position::BeforePath..];
        self.converse(stream, request(outgoing, target)?).await
    }

    async fn converse<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Incame, NoAnswer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let broken = |error: hyper::Error| NoAnswer::Broken(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let connection = tokio::spawn(connection);
        self.sent.store(true, Ordering::Relaxed);
        let received = match sender.send_request(request).await {
            Ok(response) => self.receive(response).await,
            Err(error) => Err(broken(error)),
        };
        connection.abort();
        received
    }

    async fn receive(&self, response: Response<Incoming>) -> Result<Incame, NoAnswer> {
        let (head, mut rest) = response.into_parts();
        let is_refused = head.headers.contains_key(REFUSAL);
        // The proxy knows whether it had sent anything when it refused.
        if is_refused && !head.headers.contains_key(REFUSED_LATE) {
            self.sent.store(false, Ordering::Relaxed);
        }
        let (mut body, mut is_cut) = (Vec::new(), false);
        while let Some(frame) = rest.frame().await {
            let frame = frame.map_err(|error| NoAnswer::Cut {
                status: head.status,
                cause: error.to_string(),
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let room = BODY_BYTES_MAX - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                is_cut = true;
                break;
            }
        }
        if is_refused {
            return Err(NoAnswer::Refused(sentence(&body)));
        }
        Ok(Incame {
            status: head.status,
            headers: head.headers,
            body,
            is_cut,
        })
    }
}

/// Wishes for a tunnel; what the proxy says instead is why there is none.
async fn tunnel(mut stream: TcpStream, to: &str) -> Result<TcpStream, NoAnswer> {
    let broken = |error: std::io::Error| NoAnswer::Broken(error.to_string());
    let wish = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    stream.write_all(wish.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < TUNNEL_ANSWER_BYTES_MAX {
        answer.push(stream.read_u8().await.map_err(broken)?);
    }
    if answer.starts_with(b"HTTP/1.1 200") {
        return Ok(stream);
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut words = vec![0; length.unwrap_or(0).min(TUNNEL_ANSWER_BYTES_MAX)];
    stream.read_exact(&mut words).await.map_err(broken)?;
    Err(NoAnswer::Refused(sentence(&words)))
}

fn request(outgoing: &Outgoing, target: &str) -> Result<Request<Full<Bytes>>, NoAnswer> {
    let host = &outgoing.url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::builder()
        .method(&outgoing.method)
        .uri(target)
        .header(HOST, host)
        .header(USER_AGENT, concat!("wardroom/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT_ENCODING, "identity");
    if !outgoing.headers.iter().any(|(name, _)| name == ACCEPT) {
        request = request.header(ACCEPT, "*/*");
    }
    for (name, value) in &outgoing.headers {
        if name != ACCEPT_ENCODING {
            request = request.header(name, value);
        }
    }
    let body = outgoing.body.clone().unwrap_or_default();
    if !body.is_empty() || outgoing.method == Method::POST || outgoing.method == Method::PUT {
        request = request.header(CONTENT_LENGTH, body.len());
    }
    let request = request.body(Full::from(body));
    request.map_err(|error| NoAnswer::Broken(error.to_string()))
}

fn sentence(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    words.trim().chars().take(500).collect()
}
