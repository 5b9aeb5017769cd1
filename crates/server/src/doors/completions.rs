//! The coordinator with the face of an OpenAI model, so that any OpenAI client can talk to it.
//!
//! The conversation is ours: of what the client sends, the last user message counts. `user` is
//! only a conversation key; who speaks is said by the token.

use crate::app::App;
use crate::body::Body;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde_json::json;
use std::convert::Infallible;
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::chat_completion::{
    ChatAnswer, ChatChoice, ChatChunk, ChatCompletion, ChatCompletionRequest, ChatDelta,
    ChatDeltaChoice, ChatUsage, ModelCard, ModelList,
};
use wardroom_api::problem::{Code, MEDIA_TYPE, Problem};
use wardroom_coordinator::Saying;
use wardroom_domain::{Inbound, Principal};
use wardroom_store::InboxRow;

/// The name under which the coordinator is a model.
const MODEL: &str = "wardroom";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(chat_completions))
        .routes(routes!(list_models))
        .layer(axum::middleware::map_response(with_error))
}

/// A problem is a few sentences.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// OpenAI's clients look for `error.message`; a problem tells it there too.
async fn with_error(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != MEDIA_TYPE) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, PROBLEM_BYTES_MAX)
        .await
        .unwrap_or_default();
    let Ok(mut problem) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
        return Response::from_parts(parts, axum::body::Body::from(bytes));
    };
    problem["error"] = json!({
        "message": problem["detail"], "type": problem["title"], "code": problem["code"], "param": null,
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, axum::body::Body::from(problem.to_string()))
}

/// Says the last user message to the coordinator.
#[utoipa::path(post, path = "/v1/chat/completions", security(("token" = [])), request_body = ChatCompletionRequest,
    responses((status = 200, body = ChatCompletion), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn chat_completions(
    State(app): State<App>,
    Who(who): Who,
    Body(request): Body<ChatCompletionRequest>,
) -> Result<Response, Refusal> {
    let text = request
        .messages
        .iter()
        .rev()
        .find(|message| message.role == "user")
        .map(|message| message.text());
    let text = text
        .ok_or_else(|| Refusal::new(Code::InvalidBody, "there is no message of the role `user`"))?;
    let row =
        wardroom_coordinator::accept(&app.crew, &who, saying(&app, &who, &request, text.clone()))
            .await?;
    let head = Head {
        id: format!("chatcmpl-{:032x}", app.crew.clock.chance()),
        created: app.crew.clock.now().as_micros() / 1_000_000,
        model: request.model.clone(),
    };
    if request.stream == Some(true) {
        let wants_usage = request
            .stream_options
            .and_then(|options| options.include_usage)
            == Some(true);
        return Ok(stream(app, row, head, text, wants_usage).into_response());
    }
    let crew = app.crew.clone();
    let answer = tokio::spawn(async move { wardroom_coordinator::answer(&crew, row).await });
    let replied = answer
        .await
        .map_err(|_| Refusal::from(Problem::from(Code::Internal)))??;
    let reply = replied
        .message
        .map(|message| message.text)
        .unwrap_or_default();
    Ok(Json(head.completion(&text, reply)).into_response())
}

fn saying(app: &App, who: &Principal, request: &ChatCompletionRequest, text: String) -> Saying {
    let id = format!("{}:{:032x}", who.user, app.crew.clock.chance());
    let user = request.user.as_deref().unwrap_or("default");
    Saying {
        inbound: Inbound {
            connector: "openai".to_owned(),
            external_id: id,
            text,
            files: Vec::new(),
        },
        conversation: None,
        key: Some(format!(
            "openai:{}",
            user.chars().take(200).collect::<String>()
        )),
        workspace: None,
        is_forwarded: false,
    }
}

#[derive(Clone)]
struct Head {
    id: String,
    created: i64,
    model: String,
}

/// Tokens as a rough count: what the coordinator's model really used is in `/v1/usage`.
fn usage(prompt: &str, reply: &str) -> ChatUsage {
    let (prompt_tokens, completion_tokens) =
        (prompt.len() as u64 / 4 + 1, reply.len() as u64 / 4 + 1);
    ChatUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
    }
}

impl Head {
    fn completion(self, prompt: &str, reply: String) -> ChatCompletion {
        let usage = usage(prompt, &reply);
        let message = ChatAnswer {
            role: "assistant".to_owned(),
            content: reply,
            refusal: None,
        };
        let choice = ChatChoice {
            index: 0,
            message,
            finish_reason: "stop".to_owned(),
            logprobs: None,
        };
        ChatCompletion {
            id: self.id,
            object: "chat.completion".to_owned(),
            created: self.created,
            model: self.model,
            choices: vec![choice],
            usage,
        }
    }

    fn chunk(
        &self,
        role: Option<&str>,
        content: Option<String>,
        finish: Option<&str>,
    ) -> ChatChunk {
        let delta = ChatDelta {
            role: role.map(str::to_owned),
            content,
        };
        let choice = ChatDeltaChoice {
            index: 0,
            delta,
            finish_reason: finish.map(str::to_owned),
        };
        self.chunk_of(vec![choice], None)
    }

    fn chunk_of(&self, choices: Vec<ChatDeltaChoice>, usage: Option<ChatUsage>) -> ChatChunk {
        ChatChunk {
            id: self.id.clone(),
            object: "chat.completion.chunk".to_owned(),
            created: self.created,
            model: self.model.clone(),
            choices,
            usage,
        }
    }
}

type Chunks = mpsc::Sender<Result<Event, Infallible>>;

fn stream(
    app: App,
    row: InboxRow,
    head: Head,
    prompt: String,
    wants_usage: bool,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, receiver) = mpsc::channel(256);
    tokio::spawn(async move { tell(app, row, head, prompt, wants_usage, sender).await });
    let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (event, receiver))
    });
    Sse::new(events)
}

async fn tell(
    app: App,
    row: InboxRow,
    head: Head,
    prompt: String,
    wants_usage: bool,
    chunks: Chunks,
) {
    let subject = row.conversation.to_string();
    let mut live = app.crew.bus.listen();
    let crew = app.crew.clone();
    let mut answer = tokio::spawn(async move { wardroom_coordinator::answer(&crew, row).await });
    send(
        &chunks,
        &head.chunk(Some("assistant"), Some(String::new()), None),
    )
    .await;
    let (mut told, mut attempt) = (String::new(), None);
    let replied = loop {
        tokio::select! {
            replied = &mut answer => break replied,
            said = live.recv() => {
                let Ok(said) = said else { continue };
                if said.stream != subject || said.event != "preview" { continue; }
                // This protocol cannot take words back, so only the first attempt is previewed.
                let of = said.data["attempt"].as_str().map(str::to_owned);
                if attempt.is_none() { attempt.clone_from(&of); }
                if attempt == of {
                    let text = said.data["text"].as_str().unwrap_or_default().to_owned();
                    told.push_str(&text);
                    send(&chunks, &head.chunk(None, Some(text), None)).await;
                }
            }
        }
    };
    let reply = match replied {
        Ok(Ok(replied)) => replied
            .message
            .map(|message| message.text)
            .unwrap_or_default(),
        Ok(Err(wrong)) => wrong.to_string(),
        Err(_) => "the turn was cut off; ask again".to_owned(),
    };
    let rest = match reply.strip_prefix(told.as_str()) {
        Some(rest) => rest.to_owned(),
        None => format!("\n\n{reply}"),
    };
    if !rest.is_empty() {
        send(&chunks, &head.chunk(None, Some(rest), None)).await;
    }
    send(&chunks, &head.chunk(None, None, Some("stop"))).await;
    if wants_usage {
        send(
            &chunks,
            &head.chunk_of(Vec::new(), Some(usage(&prompt, &reply))),
        )
        .await;
    }
    let _ = chunks.send(Ok(Event::default().data("[DONE]"))).await;
}

async fn send(chunks: &Chunks, chunk: &ChatChunk) {
    // A client that hangs up does not stop the turn: it was taken in.
    let data = serde_json::to_string(chunk).unwrap_or_default();
    let _ = chunks.send(Ok(Event::default().data(data))).await;
}

/// The one model that this server has for OpenAI clients.
#[utoipa::path(get, path = "/v1/models", security(("token" = [])),
    responses((status = 200, body = ModelList), (status = 401, body = Problem)))]
async fn list_models(State(_app): State<App>, Who(_who): Who) -> Json<ModelList> {
    let card = ModelCard {
        id: MODEL.to_owned(),
        object: "model".to_owned(),
        created: 0,
        owned_by: MODEL.to_owned(),
    };
    Json(ModelList {
        object: "list".to_owned(),
        data: vec![card],
    })
}
