//! Signing in with a browser: by a one-time link, or by name and password.

use crate::app::App;
use crate::body::{Body, Id};
use crate::who::{COOKIE, Current, Who};
use crate::wrong::Refusal;
use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde_json::json;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::{Code, Problem};
use wardroom_api::session::{CreateSession, Credentials, Session, SessionList};
use wardroom_coordinator::{Crew, mint};
use wardroom_domain::{AuditDraft, AuditKind, Chain, Digest, SessionId, User, UserStatus};
use wardroom_store::{EndSession, FailedAttempt, NewSession, UseLink, Write};

/// How long a browser stays signed in.
const SESSION_TIME_MAX: Duration = Duration::from_secs(14 * 24 * 3600);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_session, list_sessions))
        .routes(routes!(end_session))
}

/// 256 bits of chance that can stand in a link, a cookie and a header.
pub(crate) fn fresh_code(crew: &Crew) -> String {
    let bytes = [
        crew.clock.chance().to_be_bytes(),
        crew.clock.chance().to_be_bytes(),
    ]
    .concat();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Signs in, by the code of a one-time link or by name and password.
#[utoipa::path(post, path = "/v1/sessions", request_body = CreateSession,
    responses((status = 201, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn create_session(
    State(app): State<App>,
    headers: HeaderMap,
    Body(create): Body<CreateSession>,
) -> Result<Response, Refusal> {
    let (user, writes) = match create.credentials()? {
        Credentials::Code(code) => by_link(&app, &code).await?,
        Credentials::Password { name, password } => {
            (by_password(&app, &name, password).await?, Vec::new())
        }
    };
    begin(&app, user, writes, &headers).await
}

/// Signs somebody in who has proved himself, with whatever belongs to that.
pub(crate) async fn begin(
    app: &App,
    user: User,
    mut writes: Vec<Write>,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let now = app.crew.clock.now();
    let secret = fresh_code(&app.crew);
    let (id, expires_at) = (
        mint!(app.crew.clock, SessionId),
        now.after(SESSION_TIME_MAX),
    );
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("unknown");
    let label: String = agent.chars().take(120).collect();
    let hash = Digest::of_bytes(secret.as_bytes());
    writes.push(Write::AddSession(NewSession {
        id,
        user: user.id,
        hash,
        label,
        created_at: now,
        expires_at,
    }));
    writes.push(audit(
        app,
        AuditKind::SignedIn,
        user.id.to_string(),
        json!({"session": id}),
    ));
    app.crew.store.commit(app.crew.org, writes).await?;
    let seconds = SESSION_TIME_MAX.as_secs();
    let cookie =
        format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    let session = Session {
        id,
        user: user.into(),
        current: true,
        created_at: now,
        expires_at,
    };
    Ok((
        StatusCode::CREATED,
        [(header::SET_COOKIE, cookie)],
        Json(session),
    )
        .into_response())
}

fn audit(app: &App, kind: AuditKind, actor: String, body: serde_json::Value) -> Write {
    let at = app.crew.clock.now();
    Write::Audit(AuditDraft {
        chain: Chain::Org,
        at,
        kind,
        actor,
        tier: None,
        body,
    })
}

/// Nothing tells a stranger which part was wrong.
fn refused() -> Refusal {
    Refusal::new(
        Code::Unauthenticated,
        "the link, or the name and password, cannot be used",
    )
}

async fn by_link(app: &App, code: &str) -> Result<(User, Vec<Write>), Refusal> {
    let hash = Digest::of_bytes(code.as_bytes());
    let now = app.crew.clock.now();
    let link = app.crew.store.link(app.crew.org, hash).await?;
    let Some(link) = link.filter(|link| link.used_at.is_none() && link.expires_at > now) else {
        turned_away(app, "link", None).await?;
        return Err(refused());
    };
    let user = app.crew.store.user(app.crew.org, link.user).await?;
    let user = user
        .filter(|user| user.status == UserStatus::Active)
        .ok_or_else(refused)?;
    Ok((user, vec![Write::UseLink(UseLink { hash, at: now })]))
}

async fn by_password(app: &App, name: &str, password: String) -> Result<User, Refusal> {
    // Counted by name, wherever it comes from: this machine is no better than another.
    let subject = format!("password {}", name.chars().take(64).collect::<String>());
    let (store, org, now) = (&app.crew.store, app.crew.org, app.crew.clock.now());
    if let Some(until) = store.attempts_closed_until(org, &subject, now).await? {
        turned_away(app, "password", None).await?;
        let text = "too many passwords that did not fit; wait, or use a sign-in link";
        return Err(Refusal::new(Code::RateLimited, text).retry_after(until.since(now)));
    }
    let user = store.user_named(org, name).await?;
    let user = user.filter(|user| user.status == UserStatus::Active);
    let kept = match &user {
        Some(user) => app.crew.store.password(app.crew.org, user.id).await?,
        None => None,
    };
    // A name that nobody has takes as long as a wrong password.
    let hash = kept.unwrap_or_else(|| NOBODY.to_owned());
    let fits = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    });
    let fits = fits
        .await
        .map_err(|_| Refusal::from(Problem::from(Code::Internal)))?;
    match user {
        Some(user) if fits => Ok(user),
        _ => {
            turned_away(app, "password", Some(subject)).await?;
            Err(refused())
        }
    }
}

/// A hash that no password fits, with the cost of a real one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn turned_away(app: &App, by: &str, subject: Option<String>) -> Result<(), Refusal> {
    let actor = "stranger".to_owned();
    let mut writes = vec![audit(
        app,
        AuditKind::AccessRefused,
        actor,
        json!({"by": by}),
    )];
    let at = app.crew.clock.now();
    writes.extend(subject.map(|subject| Write::FailedAttempt(FailedAttempt { subject, at })));
    app.crew.store.commit(app.crew.org, writes).await?;
    Ok(())
}

/// The caller's signed-in browsers.
#[utoipa::path(get, path = "/v1/sessions", security(("token" = [])),
    responses((status = 200, body = SessionList), (status = 401, body = Problem)))]
async fn list_sessions(
    State(app): State<App>,
    Who(who): Who,
    current: Current,
) -> Result<Json<SessionList>, Refusal> {
    let user = app
        .crew
        .store
        .user(app.crew.org, who.user)
        .await?
        .ok_or_else(refused)?;
    let rows = app
        .crew
        .store
        .sessions(app.crew.org, who.user, app.crew.clock.now())
        .await?;
    let sessions = rows
        .into_iter()
        .map(|row| Session {
            id: row.id,
            user: user.clone().into(),
            current: current.0 == Some(row.id),
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
        .collect();
    Ok(Json(SessionList {
        sessions,
        next_cursor: None,
    }))
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/v1/sessions/{id}", security(("token" = [])), params(("id" = String, Path, description = "sess_…")),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn end_session(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Refusal> {
    let at = app.crew.clock.now();
    let mine = app.crew.store.sessions(app.crew.org, who.user, at).await?;
    if !mine.iter().any(|row| row.id == id) {
        return Err(Refusal::new(
            Code::NotFound,
            format!("there is no session {id}"),
        ));
    }
    let ended = audit(
        &app,
        AuditKind::SignedOut,
        who.user.to_string(),
        json!({"session": id}),
    );
    app.crew
        .store
        .commit(
            app.crew.org,
            vec![Write::EndSession(EndSession { id, at }), ended],
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
