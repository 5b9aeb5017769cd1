//! The HTTP side towards the sandbox: every request is judged, carried out and recorded.
//!
//! hyper reads and frames the messages; what is decided here is where a request may go.

use super::decision::{Entry, Road};
use super::flow::{Flow, Metered};
use super::forward::{self, Answer};
use super::gate::{AnyStream, Gate};
use super::greeting::rewound;
use super::host::Remote;
use super::message::{Payload, refused, target};
use super::refusal::Refusal;
use super::tunnel::{self, Tunnel};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// hyper answers larger heads by itself, with a bare status; below, the answer has words.
const HEAD_BUFFER_FACTOR: u64 = 4;
/// Says of a refusal that the request was on its way already, so that its host may have heard it.
const REFUSED_LATE: &str = "x-egress-sent";
/// The least that hyper accepts.
const HEAD_BUFFER_MIN: u64 = 8192;
/// How long and how much is still read from a sandbox whose request was refused halfway:
/// closing at once would destroy the answer before it is read.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 256 * 1024;

/// By which way a request came in, which decides how its target is read.
#[derive(Debug, Clone)]
pub(super) enum Door {
    /// The listener for programs with proxy settings.
    Proxy,
    /// Port 80 of a stand-in address.
    Capture,
    /// Plain requests inside a tunnel to this remote.
    Tunnel(Remote),
    /// Requests inside TLS that ends here.
    Intercepted(Remote),
}

impl Door {
    fn road(&self, method: &Method) -> Road {
        match self {
            Self::Proxy if method == Method::CONNECT => Road::Connect,
            Self::Proxy | Self::Tunnel(_) => Road::Http,
            Self::Capture => Road::CaptureHttp,
            Self::Intercepted(_) => Road::Intercepted,
        }
    }
}

/// Serves one connection of the proxy's listener, tunnels included.
pub(super) async fn converse(gate: &Arc<Gate>, stream: AnyStream) {
    if let Some((tunnel, stream)) = serve(gate, stream, Door::Proxy).await {
        tunnel::run(gate, tunnel, stream).await;
    }
}

/// One connection that carries requests, and the tunnel that the last of them opened.
struct Conversation {
    gate: Arc<Gate>,
    door: Door,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: u64,
    tunnel: Option<Tunnel>,
}

/// Serves requests until the connection ends or becomes a tunnel.
pub(super) async fn serve(
    gate: &Arc<Gate>,
    stream: AnyStream,
    door: Door,
) -> Option<(Tunnel, AnyStream)> {
    let budgets = gate.spending.budgets;
    let flow = Flow::to_sandbox(&gate.spending);
    let conversation = Arc::new(Conversation {
        gate: gate.clone(),
        door,
        state: Mutex::default(),
    });
    let service = service_fn(|request| {
        let conversation = conversation.clone();
        Box::pin(async move { Ok::<_, Infallible>(conversation.answer(request).await) })
    });
    let head_buffer = (budgets.header_bytes * HEAD_BUFFER_FACTOR).max(HEAD_BUFFER_MIN);
    let stream: AnyStream = Box::new(Metered::new(stream, flow.clone()));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(budgets.header_time)
        .max_buf_size(head_buffer as usize)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => ended,
        _ = flow.overdue() => return None,
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    let state = conversation.take_state();
    if let Some(tunnel) = state.tunnel {
        return Some((tunnel, rewound(parts.read_buf, stream)));
    }
    if let Err(error) = ended
        && state.requests == 0
    {
        conversation.no_request(&error, &mut stream).await;
    }
    let _ = timeout(LINGER, linger(stream)).await;
    None
}

async fn linger(mut stream: AnyStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

impl Conversation {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_state(&self) -> State {
        std::mem::take(&mut self.state())
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Payload> {
        self.state().requests += 1;
        let road = self.door.road(request.method());
        let mut entry = match self.gate.entry(road).await {
            Ok(entry) => entry,
            Err(refusal) => return refused(&refusal),
        };
        match self.judge(request, &mut entry).await {
            Ok(Outcome::Answer(answer)) => answer.into_response(entry),
            Ok(Outcome::Tunnel(remote, rule, connection)) => {
                self.state().tunnel = Some(Tunnel {
                    entry,
                    remote,
                    rule,
                    connection,
                });
                Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync())
            }
            Err(refusal) => {
                let mut response = refused(&refusal);
                if entry.was_sent() {
                    let late = HeaderValue::from_static("1");
                    response.headers_mut().insert(REFUSED_LATE, late);
                }
                entry.refuse(refusal);
                response
            }
        }
    }

    async fn judge(
        &self,
        request: Request<Incoming>,
        entry: &mut Entry,
    ) -> Result<Outcome, Refusal> {
        let connects = matches!(self.door, Door::Proxy) && request.method() == Method::CONNECT;
        let path = if connects { "" } else { request.uri().path() };
        entry.request(request.method(), path);
        self.gate.pace().await?;
        let remote = target(&self.door, &request)?;
        entry.remote(&remote);
        let limit = self.gate.spending.budgets.header_bytes;
        if head_bytes(&request) > limit {
            return Err(Refusal::HeaderTooLarge(limit));
        }
        if connects {
            let (rule, connection) = tunnel::open(&self.gate, &remote).await?;
            return Ok(Outcome::Tunnel(remote, rule, connection));
        }
        let rule = self.gate.admit(&remote)?;
        let secure = matches!(self.door, Door::Intercepted(_));
        let job = forward::Job {
            remote,
            rule,
            secure,
        };
        Ok(Outcome::Answer(
            forward::forward(&self.gate, job, request, entry).await?,
        ))
    }

    /// The connection ended before there was a request to answer; it is recorded, and
    /// answered if nobody has.
    async fn no_request(&self, error: &hyper::Error, stream: &mut AnyStream) {
        let budgets = &self.gate.spending.budgets;
        let refusal = if error.is_timeout() {
            Refusal::HeaderTooSlow(budgets.header_time)
        } else if error.is_parse_too_large() {
            Refusal::HeaderTooLarge(budgets.header_bytes)
        } else if error.is_parse() || error.is_parse_version_h2() {
            Refusal::Malformed("it is not HTTP/1.1")
        } else {
            return;
        };
        let _ = self.gate.pace().await;
        if error.is_timeout() || error.is_parse_version_h2() {
            let words = format!("{refusal}\n");
            let answer = format!(
                "HTTP/1.1 {}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{words}",
                refusal.status(),
                words.len()
            );
            let _ = timeout(LINGER, stream.write_all(answer.as_bytes())).await;
        }
        if let Ok(mut entry) = self.gate.entry(self.door.road(&Method::GET)).await {
            entry.refuse(refusal);
        }
    }
}

enum Outcome {
    Answer(Answer),
    Tunnel(
        Remote,
        String,
        Option<(Metered<tokio::net::TcpStream>, Arc<Flow>)>,
    ),
}

/// As they were sent, near enough: a name, a value and four signs each line.
fn head_bytes(request: &Request<Incoming>) -> u64 {
    let line = request.method().as_str().len() + request.uri().to_string().len() + 12;
    let headers = request.headers().iter();
    let fields = headers.map(|(name, value)| name.as_str().len() + value.len() + 4);
    (line + fields.sum::<usize>()) as u64
}
