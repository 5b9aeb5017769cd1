//! Who is speaking: by token, by session, or by holding the data directory's socket.
//!
//! Never by what the client says of itself, and never because it comes from this machine.

use crate::app::App;
use crate::listen::Caller;
use crate::wrong::Refusal;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use wardroom_api::problem::{Code, Problem};
use wardroom_domain::{Digest, Principal, SessionId, User};

/// The cookie of a signed-in browser.
pub(crate) const COOKIE: &str = "__Host-wardroom";

/// An identified person.
pub(crate) struct Who(pub(crate) Principal);

/// A person of the org's own, holding the data directory's socket.
pub(crate) struct Local(pub(crate) Principal);

/// The session that a request came with, if it came with one.
pub(crate) struct Current(pub(crate) Option<SessionId>);

impl FromRequestParts<App> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        if let Some(ConnectInfo(Caller::Socket { uid, name })) = parts.extensions.get() {
            let via = format!("socket, uid {uid} ({name})");
            return local(app, via).await.map(Self);
        }
        if let Some(token) = bearer(&parts.headers) {
            return by_token(app, &token).await.map(Self);
        }
        if let Some(cookie) = cookie(&parts.headers) {
            return by_session(app, &cookie).await.map(|(who, _)| Self(who));
        }
        Err(Problem::from(Code::Unauthenticated).into())
    }
}

impl FromRequestParts<App> for Local {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let is_local = matches!(
            parts.extensions.get(),
            Some(ConnectInfo(Caller::Socket { .. }))
        );
        let who = Who::from_request_parts(parts, app).await?;
        if is_local {
            Ok(Self(who.0))
        } else {
            Err(Problem::from(Code::LocalOnly).into())
        }
    }
}

impl FromRequestParts<App> for Current {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Some(cookie) = cookie(&parts.headers) else {
            return Ok(Self(None));
        };
        Ok(Self(
            by_session(app, &cookie)
                .await
                .ok()
                .map(|(_, session)| session),
        ))
    }
}

/// The same person as he stands now, if he may still speak: for what outlives a request.
pub(crate) async fn again(
    app: &App,
    who: &Principal,
    headers: &HeaderMap,
) -> Result<Principal, Refusal> {
    if let Some(token) = bearer(headers) {
        return by_token(app, &token).await;
    }
    if let Some(cookie) = cookie(headers) {
        return by_session(app, &cookie).await.map(|(who, _)| who);
    }
    // He holds the socket.
    local(app, who.via.clone()).await
}

async fn local(app: &App, via: String) -> Result<Principal, Refusal> {
    let owner = app.crew.store.user(app.crew.org, app.owner).await?;
    let owner = owner.ok_or_else(|| Refusal::from(Problem::from(Code::Unauthenticated)))?;
    Ok(principal(app, owner, via))
}

async fn by_token(app: &App, token: &str) -> Result<Principal, Refusal> {
    let hash = Digest::of_bytes(token.as_bytes());
    match app.crew.store.token_owner(app.crew.org, hash).await? {
        Some((row, user)) => Ok(principal(app, user, format!("token {}", row.id))),
        None => Err(Refusal::new(
            Code::Unauthenticated,
            "the token is unknown or revoked",
        )),
    }
}

async fn by_session(app: &App, cookie: &str) -> Result<(Principal, SessionId), Refusal> {
    let hash = Digest::of_bytes(cookie.as_bytes());
    let now = app.crew.clock.now();
    match app
        .crew
        .store
        .session_owner(app.crew.org, hash, now)
        .await?
    {
        Some((row, user)) => Ok((principal(app, user, format!("session {}", row.id)), row.id)),
        None => Err(Refusal::new(
            Code::Unauthenticated,
            "the session has ended; sign in again",
        )),
    }
}

fn principal(app: &App, user: User, via: String) -> Principal {
    Principal {
        org: app.crew.org,
        user: user.id,
        name: user.name,
        role: user.role,
        via,
    }
}

/// The token that a request brings.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// The session that a request brings.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = all
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}
