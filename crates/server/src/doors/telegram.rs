//! Telegram calls: an update is kept, and only then answered. What comes of it goes another way.

use crate::app::App;
use crate::wrong::Refusal;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::{Code, Problem};
use wardroom_domain::{AuditDraft, AuditKind, Chain};
use wardroom_gateway::Taken;
use wardroom_store::Write;

/// The header in which Telegram brings the secret that it was given.
const SECRET: &str = "x-telegram-bot-api-secret-token";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(webhook))
        .routes(routes!(webhook_of))
}

/// An update of Telegram for the one bot that is called this way, or for the one called `main`.
#[utoipa::path(post, path = "/telegram/webhook", request_body(content = Object, description = "An Update of the Telegram Bot API.", content_type = "application/json"),
    responses((status = 200), (status = 401, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
async fn webhook(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    bring(&app, None, &headers, &body).await
}

/// An update of Telegram for one bot.
#[utoipa::path(post, path = "/telegram/webhook/{instance}", params(("instance" = String, Path, description = "The bot's name in the configuration.")),
    request_body(content = Object, description = "An Update of the Telegram Bot API.", content_type = "application/json"),
    responses((status = 200), (status = 401, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
async fn webhook_of(
    State(app): State<App>,
    instance: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    // A name that is no text is the name of no bot.
    let instance = instance.map_or_else(|_| String::new(), |Path(instance)| instance);
    bring(&app, Some(&instance), &headers, &body).await
}

async fn bring(
    app: &App,
    named: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<StatusCode, Refusal> {
    let none = || Refusal::new(Code::NotFound, "there is no bot that is called here");
    let instance = app.webhooks.instance(named).ok_or_else(none)?;
    let offered = headers.get(SECRET).map(|value| value.as_bytes());
    if !app.webhooks.is_known(instance, offered) {
        write_down(app, instance).await;
        let text = "the secret of this webhook is missing or wrong";
        return Err(Refusal::new(Code::Unauthenticated, text));
    }
    let connector = format!("telegram:{instance}");
    match app.gateway.bring(&connector, body).await? {
        Taken::Kept => Ok(StatusCode::OK),
        Taken::NoDoor => Err(none()),
        Taken::Nonsense(why) => Err(Refusal::new(Code::InvalidBody, why)),
    }
}

async fn write_down(app: &App, instance: &str) {
    // A flood must not fill the log.
    if app.refusals.check().is_err() {
        return;
    }
    let draft = AuditDraft {
        chain: Chain::Org,
        at: app.crew.clock.now(),
        kind: AuditKind::AccessRefused,
        actor: "stranger".to_owned(),
        tier: None,
        body: json!({"by": "webhook", "connector": format!("telegram:{instance}")}),
    };
    let line = app
        .crew
        .store
        .commit(app.crew.org, vec![Write::Audit(draft)]);
    if let Err(error) = line.await {
        tracing::warn!(%error, "a wrong webhook secret was not written down");
    }
}
