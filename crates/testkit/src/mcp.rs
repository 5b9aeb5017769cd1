//! A stand-in for an MCP server behind an address, over real HTTP on this machine.
//!
//! It answers what it is told to and can be told to misbehave. What servers are really like is
//! tried with the official SDK, in `tests/python`.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use futures_util::stream;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How the next call of a tool goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// No answer ever.
    Hang,
    /// The connection breaks in the middle of the answer.
    Break,
    /// The server says that it failed.
    Fail(String),
}

/// A call as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub tool: String,
    pub arguments: Value,
}

/// A running stand-in; it stops when dropped.
pub struct McpStandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// How often a stand-in was called.
#[derive(Clone)]
pub struct Counter(Arc<Shared>);

impl Counter {
    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        lock(&self.0.calls).len()
    }
}

#[derive(Default)]
struct Shared {
    tools: Mutex<Vec<Value>>,
    answers: Mutex<BTreeMap<String, String>>,
    mishaps: Mutex<VecDeque<Mishap>>,
    calls: Mutex<Vec<Call>>,
    headers: Mutex<Vec<BTreeMap<String, String>>>,
    /// Where every request is sent on to, if anywhere.
    redirect: Mutex<Option<String>>,
}

/// A tool's definition; its arguments are a `path` and a `text`.
pub fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {
        "type": "object", "additionalProperties": false,
        "properties": {"path": {"type": "string"}, "text": {"type": "string"}}}})
}

impl McpStandIn {
    /// Starts on a free port of loopback.
    pub async fn start(tools: Vec<Value>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        *lock(&shared.tools) = tools;
        let router = axum::Router::new()
            .route("/mcp", any(answer))
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

    /// What to configure as `url`.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What it says of its tools from now on.
    pub fn says(&self, tools: Vec<Value>) {
        *lock(&self.shared.tools) = tools;
    }

    /// What a tool answers; without this, its own name.
    pub fn answers(&self, tool: &str, text: &str) {
        lock(&self.shared.answers).insert(tool.to_owned(), text.to_owned());
    }

    /// Queues mishaps; each of the next calls takes one.
    pub fn will(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        lock(&self.shared.mishaps).extend(mishaps);
    }

    /// Sends every request on to another address.
    pub fn redirects_to(&self, url: &str) {
        *lock(&self.shared.redirect) = Some(url.to_owned());
    }

    /// Counts the calls, for somebody who watches from another task.
    pub fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.shared))
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// The headers of every request so far, names in lower case.
    pub fn headers(&self) -> Vec<BTreeMap<String, String>> {
        lock(&self.shared.headers).clone()
    }
}

impl Drop for McpStandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let seen = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    lock(&shared.headers).push(seen.collect());
    if let Some(url) = lock(&shared.redirect).clone() {
        let mut response = respond(StatusCode::TEMPORARY_REDIRECT, Body::empty());
        if let Ok(url) = url.parse() {
            response.headers_mut().insert(header::LOCATION, url);
        }
        return response;
    }
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return respond(StatusCode::METHOD_NOT_ALLOWED, Body::empty());
    };
    if asked.get("id").is_none() {
        return respond(StatusCode::ACCEPTED, Body::empty());
    }
    match asked["method"].as_str() {
        Some("tools/call") => called(&shared, &asked).await,
        Some("tools/list") => {
            let tools = lock(&shared.tools).clone();
            result(&asked, &json!({"tools": tools}))
        }
        Some("initialize") => result(
            &asked,
            &json!({"protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": {"tools": {}}, "serverInfo": {"name": "stand-in", "version": "1"}}),
        ),
        _ => result(&asked, &json!({})),
    }
}

async fn called(shared: &Shared, asked: &Value) -> Response {
    let tool = asked["params"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    lock(&shared.calls).push(Call {
        tool: tool.clone(),
        arguments: asked["params"]["arguments"].clone(),
    });
    let mishap = lock(&shared.mishaps).pop_front();
    let says = |text: &str, is_error: bool| {
        result(
            asked,
            &json!({"content": [{"type": "text", "text": text}], "isError": is_error}),
        )
    };
    match mishap {
        Some(Mishap::Hang) => std::future::pending().await,
        Some(Mishap::Break) => broken(),
        Some(Mishap::Fail(why)) => says(&why, true),
        None => {
            let text = lock(&shared.answers).get(&tool).cloned();
            says(&text.unwrap_or(tool), false)
        }
    }
}

/// The beginning of an answer, and then nothing.
fn broken() -> Response {
    let pieces = stream::unfold(0, |piece| async move {
        match piece {
            0 => Some((Ok(Bytes::from_static(b"{\"jsonrpc\"")), 1)),
            _ => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), 2))
            }
        }
    });
    respond(StatusCode::OK, Body::from_stream(pieces))
}

fn result(asked: &Value, result: &Value) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result});
    respond(StatusCode::OK, Body::from(body.to_string()))
}

fn respond(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
