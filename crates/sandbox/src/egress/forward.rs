//! Carrying one request to its remote, and the answer back, both within budgets.
//!
//! Each request connects for itself, to an address that was judged for it. Redirects and
//! errors of the remote go to the sandbox as they are.

use super::budget::Direction;
use super::decision::Entry;
use super::flow::Flow;
use super::gate::{AnyStream, Gate, GitPush};
use super::git;
use super::host::Remote;
use super::message::{Failure, Payload, strip_hop_by_hop};
use super::refusal::Refusal;
use super::scan::{Scanner, Watched};
use super::swap::PutIn;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Uri, Version, request};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The least that hyper accepts.
const HEAD_BUFFER_MIN: u64 = 8192;

/// A request that was admitted.
pub(super) struct Job {
    pub remote: Remote,
    pub rule: String,
    /// Whether the remote is spoken to in TLS.
    pub secure: bool,
}

/// What the remote answered, and the connection that the rest of it comes over.
pub(super) struct Answer {
    response: Response<Watched<Incoming>>,
    line: JoinSet<()>,
    flow: Arc<Flow>,
}

pub(super) async fn forward(
    gate: &Gate,
    job: Job,
    request: Request<Incoming>,
    entry: &mut Entry,
) -> Result<Answer, Refusal> {
    let (mut head, body) = request.into_parts();
    if gate.scope().git_push == GitPush::Refused && git::pushes(&head) {
        return Err(Refusal::GitPush);
    }
    gate.spending
        .require(Direction::Up, body.size_hint().lower())?;
    let (stream, flow) = gate.connect(&job.remote).await?;
    entry.follow(flow.clone());
    let stream: AnyStream = match job.secure {
        true => secured(gate, &job.remote, Box::new(stream)).await?,
        false => Box::new(stream),
    };
    // Only now: a secret that is used once is not used up by a remote that is not there.
    let put_in = gate.swaps.put_in(&job, &mut head)?;
    entry.secrets(put_in.iter().map(|one| one.name.clone()).collect());
    entry.allow(job.rule.clone());
    rewrite(&mut head, &job, !put_in.is_empty())?;
    let misplaced = Scanner::new(gate.swaps.placeholders(), flow.clone());
    let request = Request::from_parts(head, Watched::new(body, misplaced).boxed_unsync());
    entry.sent();
    let exchanged = exchange(gate, stream, &flow, request).await;
    let failed = |_| flow.cut().unwrap_or(Refusal::Remote(job.remote.clone()));
    let (response, line) = exchanged.map_err(failed)?;
    entry.status(response.status());
    let response = inspect(gate, &job.remote, response, &put_in, &flow)?;
    Ok(Answer {
        response,
        line,
        flow,
    })
}

/// The head as the remote shall see it.
fn rewrite(head: &mut request::Parts, job: &Job, swapped: bool) -> Result<(), Refusal> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path
        .parse::<Uri>()
        .map_err(|_| Refusal::Malformed("the path is not valid"))?;
    head.version = Version::HTTP_11;
    strip_hop_by_hop(&mut head.headers);
    head.headers.remove(header::CONTENT_LENGTH);
    let default_port = if job.secure { 443 } else { 80 };
    let host = match job.remote.port == default_port {
        true => job.remote.host.to_string(),
        false => job.remote.to_string(),
    };
    let host = HeaderValue::from_str(&host);
    let host = host.map_err(|_| Refusal::Malformed("the host is not valid"))?;
    head.headers.insert(header::HOST, host);
    if swapped {
        // A compressed answer could repeat the secret unseen.
        let plain = HeaderValue::from_static("identity");
        head.headers.insert(header::ACCEPT_ENCODING, plain);
    }
    Ok(())
}

async fn secured(gate: &Gate, remote: &Remote, stream: AnyStream) -> Result<AnyStream, Refusal> {
    let refused = || Refusal::Certificate(remote.clone());
    let name = ServerName::try_from(remote.host.to_string()).map_err(|_| refused())?;
    let connector = TlsConnector::from(gate.remote_tls.clone());
    let attempt = timeout(
        gate.spending.budgets.connect_time,
        connector.connect(name, stream),
    );
    match attempt.await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        _ => Err(refused()),
    }
}

/// Sends the request and waits for the head of the answer. The connection works on in the
/// returned task, which ends it when it is overdue.
async fn exchange(
    gate: &Gate,
    stream: AnyStream,
    flow: &Arc<Flow>,
    request: Request<Payload>,
) -> Result<(Response<Incoming>, JoinSet<()>), hyper::Error> {
    let head_buffer = gate.spending.budgets.header_bytes.max(HEAD_BUFFER_MIN);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(head_buffer as usize)
        .handshake(TokioIo::new(stream))
        .await?;
    let watch = flow.clone();
    let mut line = JoinSet::new();
    line.spawn(async move {
        tokio::select! {
            _ = connection => {}
            _ = watch.overdue() => {}
        }
    });
    let response = sender.send_request(request).await?;
    Ok((response, line))
}

/// Refuses an answer that is too large in advance, or that tells a secret.
fn inspect(
    gate: &Gate,
    remote: &Remote,
    response: Response<Incoming>,
    put_in: &[PutIn],
    flow: &Arc<Flow>,
) -> Result<Response<Watched<Incoming>>, Refusal> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refusal::Remote(remote.clone()));
    }
    gate.spending
        .require(Direction::Down, response.body().size_hint().lower())?;
    let secrets = put_in.iter().flat_map(PutIn::traces).collect();
    let scanner = Scanner::new(secrets, flow.clone());
    let (mut head, body) = response.into_parts();
    for value in head.headers.values() {
        scanner.look_at(value.as_bytes())?;
    }
    strip_hop_by_hop(&mut head.headers);
    Ok(Response::from_parts(head, Watched::new(body, scanner)))
}

impl Answer {
    /// Hands the answer to the sandbox's connection; the entry is told when it has passed.
    pub fn into_response(self, entry: Entry) -> Response<Payload> {
        let (line, flow) = (self.line, self.flow);
        self.response.map(|body| {
            let passage = Passage {
                body,
                entry,
                flow,
                _line: line,
                ended: false,
            };
            passage.boxed_unsync()
        })
    }
}

/// The body of an answer on its way to the sandbox.
struct Passage {
    body: Watched<Incoming>,
    entry: Entry,
    flow: Arc<Flow>,
    /// Dropping it ends the connection to the remote.
    _line: JoinSet<()>,
    ended: bool,
}

impl Body for Passage {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            None => self.ended = true,
            Some(Err(_)) => {
                self.ended = true;
                let why = self.flow.cut().unwrap_or(Refusal::Closed);
                self.entry.refuse(why);
            }
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            let why = self.flow.cut().unwrap_or(Refusal::Closed);
            self.entry.refuse(why);
        }
    }
}
