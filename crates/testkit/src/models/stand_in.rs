//! The server behind every dialect: records, misbehaves when told to, and answers.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wardroom_llm::Usage;

use super::anthropic::AnthropicManners;
use super::brain::{Asked, Brain, Said};
use super::dialect::{Dialect, Frame, Manners, Outgoing, Refusal};
use super::fault::{Fault, HUGE_BYTES};
use super::openai::OpenAiManners;

/// How a stand-in is set up.
#[derive(Debug, Clone)]
pub struct Options {
    pub dialect: Dialect,
    /// The keys that are accepted; none at all means that none is asked for.
    pub keys: Vec<String>,
    /// Answers in one piece whatever was asked for, as some servers do.
    pub never_streams: bool,
    /// Refuses `stream_options`, as older servers do.
    pub refuses_stream_options: bool,
    /// Refuses `tools`, as Ollama does for models without function calling.
    pub refuses_tools: bool,
    /// Reports no usage.
    pub hides_usage: bool,
}

impl Options {
    /// A stand-in that accepts one key.
    pub fn new(dialect: Dialect, key: &str) -> Self {
        Self {
            dialect,
            keys: vec![key.to_owned()],
            never_streams: false,
            refuses_stream_options: false,
            refuses_tools: false,
            hides_usage: false,
        }
    }

    /// A stand-in that asks for no key.
    pub fn open(dialect: Dialect) -> Self {
        Self {
            keys: Vec::new(),
            ..Self::new(dialect, "")
        }
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub bytes: usize,
    /// Null where the body was not JSON.
    pub body: Value,
}

/// A running stand-in; it stops when dropped.
pub struct ModelStandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    options: Options,
    manners: Box<dyn Manners>,
    brain: Box<dyn Brain>,
    faults: Mutex<VecDeque<Fault>>,
    recorded: Mutex<Vec<Recorded>>,
    usage: Mutex<Usage>,
}

impl ModelStandIn {
    /// Starts on a free port of loopback.
    pub async fn start(options: Options, brain: impl Brain) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", options, brain).await
    }

    pub async fn start_at(address: &str, options: Options, brain: impl Brain) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(options, brain));
        let dialect = shared.options.dialect;
        let router = axum::Router::new()
            .route(
                &format!("{}{}", dialect.base_path(), dialect.path()),
                post(answer),
            )
            .route(&format!("{}/models", dialect.base_path()), get(models))
            .route("/api/tags", get(tags))
            .layer(axum::extract::DefaultBodyLimit::max(64 * 1024 * 1024))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Serving ends with the task; there is nobody to report an accept error to.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to configure as `base_url`.
    pub fn base_url(&self) -> String {
        format!(
            "http://{}{}",
            self.address,
            self.shared.options.dialect.base_path()
        )
    }

    /// Queues faults; each of the next requests takes one.
    pub fn will(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.shared.faults).extend(faults);
    }

    pub fn recorded(&self) -> Vec<Recorded> {
        lock(&self.shared.recorded).clone()
    }

    /// The sum of all usage reported in complete replies.
    pub fn usage(&self) -> Usage {
        *lock(&self.shared.usage)
    }

    /// Waits for the server, which is forever.
    pub async fn serve(mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for ModelStandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(options: Options, brain: impl Brain) -> Self {
        let manners: Box<dyn Manners> = match options.dialect {
            Dialect::Anthropic => Box::new(AnthropicManners),
            flavour => Box::new(OpenAiManners {
                flavour,
                refuses_stream_options: options.refuses_stream_options,
                refuses_tools: options.refuses_tools,
                hides_usage: options.hides_usage,
            }),
        };
        Self {
            options,
            manners,
            brain: Box::new(brain),
            faults: Mutex::default(),
            recorded: Mutex::default(),
            usage: Mutex::default(),
        }
    }

    fn record(&self, headers: &HeaderMap, body: &[u8]) -> Value {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let headers = headers.iter().map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        });
        let headers = headers.collect();
        lock(&self.recorded).push(Recorded {
            headers,
            bytes: body.len(),
            body: value.clone(),
        });
        value
    }

    fn check(&self, headers: &HeaderMap, body: &Value) -> Result<Asked, Refusal> {
        if !self.options.keys.is_empty() {
            let key = self.manners.key(headers)?;
            if !self.options.keys.contains(&key) {
                return Err(Refusal::unauthorized("invalid api key"));
            }
        }
        self.manners.check_headers(headers)?;
        self.manners.read(body)
    }

    fn refuse(&self, refusal: &Refusal) -> Response {
        respond(
            refusal.status,
            "application/json",
            self.manners.error(refusal).to_string(),
        )
    }

    fn count(&self, outgoing: &Outgoing<'_>) {
        let mut usage = lock(&self.usage);
        usage.input_tokens += outgoing.input_tokens;
        usage.output_tokens += outgoing.output_tokens;
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let value = shared.record(&headers, &body);
    let fault = lock(&shared.faults).pop_front();
    if let Some(response) = instead(&shared, fault.as_ref()).await {
        return response;
    }
    let asked = match shared.check(&headers, &value) {
        Ok(asked) => asked,
        Err(refusal) => return shared.refuse(&refusal),
    };
    let said = said_under(fault.as_ref(), &asked).unwrap_or_else(|| shared.brain.answer(&asked));
    let outgoing = Outgoing {
        asked: &asked,
        said: &said,
        input_tokens: body.len().div_ceil(4) as u64,
        output_tokens: output_tokens(&said),
        broken_arguments: match fault {
            Some(Fault::BrokenToolArguments) => Some("{\"command\": \"ls"),
            _ => None,
        },
    };
    if value["stream"] != true || shared.options.never_streams {
        shared.count(&outgoing);
        let whole = shared.manners.whole(&outgoing).to_string();
        return respond(200, "application/json", whole);
    }
    let mut frames = shared.manners.stream(&outgoing, &value);
    match fault {
        Some(fault) => spoil(&mut frames, &fault, shared.manners.as_ref()),
        None => shared.count(&outgoing),
    }
    respond(200, "text/event-stream; charset=utf-8", flowing(frames))
}

/// The faults that come instead of any answer.
async fn instead(shared: &Shared, fault: Option<&Fault>) -> Option<Response> {
    let refusal = match fault? {
        Fault::Hang => std::future::pending().await,
        Fault::RateLimited { retry_after_s } => return Some(rate_limited(shared, *retry_after_s)),
        Fault::BadGateway => {
            return Some(respond(
                502,
                "text/html",
                "<html><h1>502 Bad Gateway</h1></html>",
            ));
        }
        Fault::ServerError => Refusal {
            status: 500,
            kind: "api_error",
            message: "The server had an error while processing your request".into(),
        },
        Fault::Overloaded => shared.manners.overloaded(),
        Fault::ErrorInsideOk => {
            let error = shared.manners.error(&Refusal {
                status: 502,
                kind: "api_error",
                message: "Provider returned error".into(),
            });
            return Some(respond(200, "application/json", error.to_string()));
        }
        _ => return None,
    };
    Some(shared.refuse(&refusal))
}

fn rate_limited(shared: &Shared, retry_after_s: Option<f64>) -> Response {
    let message = "Rate limit reached, please slow down".into();
    let refusal = Refusal {
        status: 429,
        kind: "rate_limit_error",
        message,
    };
    let mut response = shared.refuse(&refusal);
    if let Some(seconds) = retry_after_s
        && let Ok(value) = seconds.to_string().parse()
    {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// What is said under faults that concern the content.
fn said_under(fault: Option<&Fault>, asked: &Asked) -> Option<Said> {
    let first = asked
        .request
        .tools
        .first()
        .map_or("shell", |tool| tool.name.as_str());
    match fault? {
        Fault::Empty => Some(Said::default()),
        Fault::BrokenToolArguments => Some(Said::call(first, json!({}))),
        Fault::WrongToolArguments => Some(Said::call(first, json!({"unheard_of": 42}))),
        Fault::UnknownTool => Some(Said::call("launch_rockets", json!({"count": 2}))),
        _ => None,
    }
}

/// The faults that befall a stream.
fn spoil(frames: &mut Vec<Frame>, fault: &Fault, manners: &dyn Manners) {
    let middle = frames.len() / 2;
    match fault {
        Fault::SlowFirstByte(wait) => frames.insert(0, Frame::Pause(*wait)),
        Fault::HangMidStream => {
            frames.truncate(middle);
            frames.push(Frame::Forever);
        }
        Fault::Reset => {
            frames.truncate(middle);
            frames.push(Frame::Break);
        }
        Fault::CutStream => frames.truncate(middle),
        Fault::ErrorMidStream => {
            frames.truncate(middle);
            frames.push(Frame::Text(manners.error_event()));
        }
        Fault::MalformedJson => {
            frames.insert(
                middle,
                Frame::Text("data: {\"choices\": [{\"del\n\n".into()),
            );
        }
        Fault::Huge => {
            let filler = "x".repeat(HUGE_BYTES);
            frames.insert(middle, Frame::Text(format!("data: \"{filler}\"\n\n")));
        }
        _ => {}
    }
}

fn flowing(frames: Vec<Frame>) -> Body {
    let chunks = stream::iter(frames).then(|frame| async move {
        match frame {
            Frame::Text(text) => Some(Ok(Bytes::from(text))),
            Frame::Pause(wait) => {
                tokio::time::sleep(wait).await;
                None
            }
            Frame::Forever => std::future::pending().await,
            Frame::Break => {
                // What was sent before should arrive before the connection goes.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some(Err(io::Error::from(io::ErrorKind::ConnectionReset)))
            }
        }
    });
    Body::from_stream(chunks.filter_map(|chunk| async move { chunk }))
}

fn output_tokens(said: &Said) -> u64 {
    let calls = said
        .calls
        .iter()
        .map(|call| call.name.len() + call.arguments.to_string().len());
    (said.text.len() + calls.sum::<usize>()).div_ceil(4) as u64
}

async fn models() -> Result<axum::Json<Value>, Infallible> {
    let model = json!({"id": "stand-in", "object": "model", "created": 0, "owned_by": "testkit"});
    Ok(axum::Json(json!({"object": "list", "data": [model]})))
}

async fn tags() -> Result<axum::Json<Value>, Infallible> {
    let tag = json!({"name": "stand-in:latest", "model": "stand-in:latest", "size": 1});
    Ok(axum::Json(json!({"models": [tag]})))
}

fn respond(status: u16, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
