//! The least that could answer a message: a handler that asks the same model once and keeps nothing.
//!
//! It runs as a process of its own, like the product, and sends the very bytes that the product
//! sent for a first "hi", so that the model has the same work.

use crate::failure::{Failure, Outcome};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use wardroom_api::message::{PostMessage, Reply};
use wardroom_domain::{ConversationId, Timestamp};

/// The word by which this program becomes the handler.
pub const ROLE: &str = "bare";

#[derive(Clone)]
struct Bare {
    http: reqwest::Client,
    url: String,
    prompt: String,
}

/// Reads the prompt from standard input, prints where it listens, and serves for ever.
pub async fn serve(model: &str) -> Outcome<()> {
    let mut prompt = String::new();
    std::io::stdin()
        .read_to_string(&mut prompt)
        .map_err(Failure::to("read the prompt"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(Failure::to("listen on loopback"))?;
    let address = listener
        .local_addr()
        .map_err(Failure::to("listen on loopback"))?;
    println!("http://{address}");
    let bare = Bare {
        http: client()?,
        url: format!("{model}/chat/completions"),
        prompt,
    };
    let router = Router::new()
        .route("/v1/messages", post(answer))
        .with_state(bare);
    let served = axum::serve(listener, router).await;
    served.map_err(Failure::to("serve"))
}

async fn answer(
    State(bare): State<Bare>,
    Json(message): Json<PostMessage>,
) -> Result<Json<Reply>, StatusCode> {
    let reply = ask(&bare.http, &bare.url, bare.prompt.clone()).await;
    let conversation = message
        .conversation
        .unwrap_or_else(|| ConversationId::mint(Timestamp::from_micros(0), 1));
    Ok(Json(Reply {
        conversation,
        reply: reply.map_err(|_| StatusCode::BAD_GATEWAY)?,
        tasks: Vec::new(),
    }))
}

/// One request to the model, read to its end.
pub async fn ask(http: &reqwest::Client, url: &str, prompt: String) -> reqwest::Result<String> {
    let request = http
        .post(url)
        .header("content-type", "application/json")
        .body(prompt);
    let response = request.send().await?.error_for_status()?;
    response.text().await
}

/// A client for loopback.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the client factory of the crate"
)]
pub fn client() -> Outcome<reqwest::Client> {
    // An error only says that some other part has installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    builder.build().map_err(Failure::to("set up HTTP"))
}

/// The handler, running.
pub struct Running {
    child: Child,
    pub url: String,
}

impl Running {
    pub fn start(model: &str, prompt: &str) -> Outcome<Self> {
        let starting = "start the bare handler";
        let itself = std::env::current_exe().map_err(Failure::to(starting))?;
        let mut child = Command::new(itself)
            .args([ROLE, model])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::to(starting))?;
        if let Some(mut input) = child.stdin.take() {
            std::io::Write::write_all(&mut input, prompt.as_bytes())
                .map_err(Failure::to(starting))?;
        }
        let mut url = String::new();
        let output = child.stdout.take();
        let output = output.ok_or_else(|| Failure::new("the bare handler has no output"))?;
        BufReader::new(output)
            .read_line(&mut url)
            .map_err(Failure::to(starting))?;
        let url = url.trim().to_owned();
        Ok(Self { child, url })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
