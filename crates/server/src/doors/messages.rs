//! Saying something to the coordinator, and reading what was said.

use crate::app::App;
use crate::body::{Body, Id, Query};
use crate::doors::{events, idempotency};
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::message::{
    Conversation, ConversationList, Message, MessageList, PostMessage, Reply,
};
use wardroom_api::page::Page;
use wardroom_api::problem::{Code, Problem};
use wardroom_coordinator::{Replied, Saying};
use wardroom_domain::{ConversationId, Inbound, Principal};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_message))
        .routes(routes!(list_conversations))
        .routes(routes!(list_messages))
        .routes(routes!(events::conversation_events))
}

/// Says something to the coordinator. Answers once it has answered or delegated; with
/// `Accept: text/event-stream` the reply streams.
#[utoipa::path(post, path = "/v1/messages", security(("token" = [])), request_body = PostMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "Visible ASCII, at most 255 characters.")),
    responses((status = 200, body = Reply), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn post_message(
    State(app): State<App>,
    Who(who): Who,
    headers: HeaderMap,
    Body(post): Body<PostMessage>,
) -> Result<Response, Refusal> {
    let key = idempotency::key(&headers)?;
    let saying = saying(&app, &who, &post, key);
    let streams = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let row = wardroom_coordinator::accept(&app.crew, &who, saying).await?;
    // What is kept is without its secrets.
    if row.inbound.text != app.crew.redactor.redact(&post.text) {
        let text = "this Idempotency-Key was used for another message";
        return Err(Refusal::new(Code::IdempotencyMismatch, text));
    }
    if streams.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(events::reply_stream(app, row).into_response());
    }
    // The turn goes on when the client hangs up: it was taken in.
    let crew = app.crew.clone();
    let answer = tokio::spawn(async move { wardroom_coordinator::answer(&crew, row).await });
    let replied = answer
        .await
        .map_err(|_| Refusal::from(Problem::from(Code::Internal)))??;
    Ok(Json(reply(replied)).into_response())
}

fn saying(app: &App, who: &Principal, post: &PostMessage, key: Option<String>) -> Saying {
    let id = key.unwrap_or_else(|| format!("{:032x}", app.crew.clock.chance()));
    Saying {
        inbound: Inbound {
            connector: "api".to_owned(),
            // A key belongs to the person who sent it.
            external_id: format!("{}:{id}", who.user),
            text: post.text.clone(),
            files: post.files.clone(),
        },
        conversation: post.conversation,
        key: None,
        workspace: post.workspace,
        is_forwarded: false,
    }
}

pub(crate) fn reply(replied: Replied) -> Reply {
    let text = replied
        .message
        .map(|message| message.text)
        .unwrap_or_default();
    Reply {
        conversation: replied.conversation,
        reply: text,
        tasks: replied.tasks,
    }
}

/// The caller's conversations, newest first.
#[utoipa::path(get, path = "/v1/conversations", security(("token" = [])), params(Page),
    responses((status = 200, body = ConversationList), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_conversations(
    State(app): State<App>,
    Who(who): Who,
    Query(page): Query<Page>,
) -> Result<Json<ConversationList>, Refusal> {
    let rows = app
        .crew
        .store
        .conversations(app.crew.org, who.user, page.rows())
        .await?;
    let mut conversations = Vec::with_capacity(rows.len());
    for row in rows {
        let first = app.crew.store.first_words(app.crew.org, row.id).await?;
        conversations.push(Conversation::titled(row, &first));
    }
    Ok(Json(ConversationList {
        conversations,
        next_cursor: None,
    }))
}

/// What was said in a conversation, oldest first.
#[utoipa::path(get, path = "/v1/conversations/{id}/messages", security(("token" = [])),
    params(("id" = String, Path, description = "conv_…"), Page),
    responses((status = 200, body = MessageList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn list_messages(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<ConversationId>,
    Query(page): Query<Page>,
) -> Result<Json<MessageList>, Refusal> {
    own(&app, &who, id).await?;
    let after = match &page.cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| {
            Refusal::new(
                Code::InvalidQuery,
                "the cursor is not one of ours; start the list from its beginning",
            )
        })?,
    };
    let rows = page.rows();
    let mut messages = app
        .crew
        .store
        .messages_after(app.crew.org, id, after, rows + 1)
        .await?;
    let more = messages.len() > rows as usize;
    messages.truncate(rows as usize);
    let next_cursor = messages
        .last()
        .filter(|_| more)
        .map(|last| last.seq.to_string());
    let messages = messages.into_iter().map(Message::from).collect();
    Ok(Json(MessageList {
        messages,
        next_cursor,
    }))
}

/// A conversation belongs to one person; to everybody else it is not there.
pub(crate) async fn own(app: &App, who: &Principal, id: ConversationId) -> Result<(), Refusal> {
    let found = app.crew.store.conversation(app.crew.org, id).await?;
    match found {
        Some(conversation) if conversation.owner == who.user => Ok(()),
        _ => Err(Refusal::new(
            Code::NotFound,
            format!("there is no conversation {id}"),
        )),
    }
}
