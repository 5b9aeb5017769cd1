//! Before any door: what no page of ours and no honest client would send is refused, every request
//! has an id that its log lines carry, and a wrong key is written down.

use crate::app::App;
use crate::listen::Caller;
use crate::who::{bearer, cookie};
use crate::wrong::Refusal;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::json;
use std::num::NonZeroU32;
use tracing::Instrument;
use wardroom_api::problem::Code;
use wardroom_domain::{AuditDraft, AuditKind, Chain};
use wardroom_store::Write;

/// How many refused keys are written down per second: a flood must not fill the log.
const REFUSALS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Counts the refused keys that are written down.
pub(crate) fn refusals() -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(REFUSALS_PER_SECOND))
}

/// Stands before every door.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = format!("{:016x}", app.crew.clock.chance() as u64);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id, %method, path);
    let brought_key = bearer(request.headers()).is_some() || cookie(request.headers()).is_some();
    let mut response = match check(&request) {
        Ok(()) => next.run(request).instrument(span).await,
        Err(refusal) => refusal.into_response(),
    };
    if response.status() == StatusCode::UNAUTHORIZED && brought_key {
        write_down(&app, &method, &path).await;
    }
    let status = response.status().as_u16().to_string();
    metrics::counter!("wardroom_http_requests_total", "method" => method.to_string(), "status" => status)
        .increment(1);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

async fn write_down(app: &App, method: &Method, path: &str) {
    if app.refusals.check().is_err() {
        return;
    }
    let draft = AuditDraft {
        chain: Chain::Org,
        at: app.crew.clock.now(),
        kind: AuditKind::AccessRefused,
        actor: "stranger".to_owned(),
        tier: None,
        body: json!({"by": "key", "method": method.as_str(), "path": path.chars().take(200).collect::<String>()}),
    };
    if let Err(error) = app
        .crew
        .store
        .commit(app.crew.org, vec![Write::Audit(draft)])
        .await
    {
        tracing::warn!(%error, "a refused key was not written down");
    }
}

fn check(request: &Request) -> Result<(), Refusal> {
    let Some(ConnectInfo(Caller::Network { address })) = request.extensions().get() else {
        return Ok(());
    };
    let host = host_of(request);
    if address.ip().is_loopback() && !host.as_deref().is_none_or(is_loopback_name) {
        let text = format!("`{}` is no name of this server", host.unwrap_or_default());
        return Err(Refusal::new(Code::OriginRefused, text));
    }
    let Some(origin) = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok())
    else {
        return nameless(request);
    };
    let has_token = bearer(request.headers()).is_some();
    let is_harmless = looks_only(request) && cookie(request.headers()).is_none();
    let is_ours = origin.split_once("://").map(|(_, rest)| rest) == host_header(request).as_deref();
    if is_ours || has_token || is_harmless {
        return Ok(());
    }
    Err(Refusal::new(
        Code::OriginRefused,
        format!("a page of {} asked", shown(origin)),
    ))
}

fn looks_only(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Every browser names the page that wants something changed; a cookie without one comes from none.
fn nameless(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    if looks_only(request) || cookie(headers).is_none() || bearer(headers).is_some() {
        return Ok(());
    }
    let text = "a cookie changes something only for a page of ours; programs use a token";
    Err(Refusal::new(Code::OriginRefused, text))
}

fn shown(origin: &str) -> String {
    origin
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect()
}

fn host_header(request: &Request) -> Option<String> {
    let header = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    header
        .map(str::to_owned)
        .or_else(|| request.uri().authority().map(ToString::to_string))
}

/// The host without its port.
fn host_of(request: &Request) -> Option<String> {
    let header = host_header(request)?;
    let end = header
        .rfind(':')
        .filter(|at| !header[*at..].contains(']'))
        .unwrap_or(header.len());
    Some(header[..end].trim_end_matches('.').to_owned())
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
