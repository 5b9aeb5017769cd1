//! People and their tokens.

use crate::app::App;
use crate::body::{Body, Id, Query};
use crate::who::Who;
use crate::wrong::Refusal;
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::page::Page;
use wardroom_api::problem::{Code, Problem};
use wardroom_api::token::{CreateToken, CreatedToken, Token, TokenList};
use wardroom_api::user::{
    Bypass, CreateUser, Identity, SetBypassMode, Standing, UpdateUser, User, UserList,
};
use wardroom_coordinator::{arrive, bypass, mint, people};
use wardroom_domain::{
    AuditDraft, AuditKind, Capability, Chain, Digest, Principal, TokenId, UserId,
};
use wardroom_store::{NewToken, RevokeToken, Write};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(update_user))
        .routes(routes!(set_bypass_mode))
        .routes(routes!(user_standing))
        .routes(routes!(unlink_identity))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(revoke_token))
}

fn audit(app: &App, who: &Principal, kind: AuditKind, mut body: serde_json::Value) -> Write {
    body["via"] = json!(who.via);
    Write::Audit(AuditDraft {
        chain: Chain::Org,
        at: app.crew.clock.now(),
        kind,
        actor: who.user.to_string(),
        tier: None,
        body,
    })
}

/// The people of the org.
#[utoipa::path(get, path = "/v1/users", security(("token" = [])), params(Page),
    responses((status = 200, body = UserList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list_users(
    State(app): State<App>,
    Who(who): Who,
    Query(_page): Query<Page>,
) -> Result<Json<UserList>, Refusal> {
    who.require(Capability::SeePeople)?;
    let rows = app.crew.store.users(app.crew.org).await?;
    Ok(Json(UserList {
        users: rows.into_iter().map(User::from).collect(),
        next_cursor: None,
    }))
}

/// Adds a person, with a role no higher than the caller's own.
#[utoipa::path(post, path = "/v1/users", security(("token" = [])), request_body = CreateUser,
    responses((status = 201, body = User), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn create_user(
    State(app): State<App>,
    Who(who): Who,
    Body(create): Body<CreateUser>,
) -> Result<Response, Refusal> {
    let user = people::add(&app.crew, &who, create.name.trim(), create.role).await?;
    Ok((StatusCode::CREATED, Json(User::from(user))).into_response())
}

/// Changes a person's role, status or password.
#[utoipa::path(patch, path = "/v1/users/{id}", security(("token" = [])), request_body = UpdateUser,
    params(("id" = String, Path, description = "user_…")),
    responses((status = 200, body = User), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn update_user(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<UserId>,
    Body(update): Body<UpdateUser>,
) -> Result<Json<User>, Refusal> {
    let mut change = people::Change {
        role: update.role,
        status: update.status,
        scopes: update.scopes,
        password_hash: None,
    };
    // Hashing takes long on purpose: only for somebody who may.
    people::may_change(&app.crew, &who, id, &change).await?;
    if let Some(password) = update.password {
        change.password_hash = Some(hashed(password).await?);
    }
    Ok(Json(
        people::change(&app.crew, &who, id, change).await?.into(),
    ))
}

/// Switches a person's bypass: one's own, or another's as an admin.
#[utoipa::path(post, path = "/v1/users/{id}/bypass-mode", security(("token" = [])), request_body = SetBypassMode,
    params(("id" = String, Path, description = "user_…")),
    responses((status = 200, body = Bypass), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn set_bypass_mode(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<UserId>,
    Body(set): Body<SetBypassMode>,
) -> Result<Json<Bypass>, Refusal> {
    let mode = bypass::switch(&app.crew, &who, id, set.mode).await?;
    Ok(Json(Bypass { user: id, mode }))
}

/// Where a person's role holds, how his bypass stands, and how networks know him.
#[utoipa::path(get, path = "/v1/users/{id}/standing", security(("token" = [])),
    params(("id" = String, Path, description = "user_…")),
    responses((status = 200, body = Standing), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn user_standing(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<UserId>,
) -> Result<Json<Standing>, Refusal> {
    let identities = arrive::identities(&app.crew, &who, Some(id)).await?;
    Ok(Json(Standing {
        user: id,
        bypass: bypass::mode(&app.crew, id).await?,
        scopes: app.crew.store.scopes(app.crew.org, id).await?,
        identities: identities.into_iter().map(Identity::from).collect(),
    }))
}

/// Takes an identity from its person; the next message from it comes from a stranger.
#[utoipa::path(delete, path = "/v1/identities/{connector}/{external_id}", security(("token" = [])),
    params(("connector" = String, Path, description = "telegram, …"), ("external_id" = String, Path, description = "The network's id")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn unlink_identity(
    State(app): State<App>,
    Who(who): Who,
    Path((connector, external_id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let identity = wardroom_domain::Identity {
        connector,
        external_id,
    };
    arrive::unlink(&app.crew, &who, identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn hashed(password: String) -> Result<String, Refusal> {
    if password.len() < 12 {
        return Err(Refusal::new(
            Code::InvalidBody,
            "a password has at least 12 characters",
        ));
    }
    let hash = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
    });
    let hash = hash
        .await
        .map_err(|_| Refusal::from(Problem::from(Code::Internal)))?;
    hash.map_err(|error| {
        Refusal::new(
            Code::Internal,
            format!("the password could not be hashed: {error}"),
        )
    })
}

/// API tokens: the caller's own, or everybody's for an admin.
#[utoipa::path(get, path = "/v1/tokens", security(("token" = [])), params(Page),
    responses((status = 200, body = TokenList), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_tokens(
    State(app): State<App>,
    Who(who): Who,
    Query(_page): Query<Page>,
) -> Result<Json<TokenList>, Refusal> {
    let whose = (!who.may(Capability::ManagePeople)).then_some(who.user);
    let rows = app.crew.store.tokens(app.crew.org, whose).await?;
    Ok(Json(TokenList {
        tokens: rows.into_iter().map(token).collect(),
        next_cursor: None,
    }))
}

fn token(row: wardroom_store::TokenRow) -> Token {
    Token {
        id: row.id,
        user: row.user,
        name: row.name,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

/// Makes a token: for the caller himself, or for another as an admin. The secret is told once.
#[utoipa::path(post, path = "/v1/tokens", security(("token" = [])), request_body = CreateToken,
    responses((status = 201, body = CreatedToken), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn create_token(
    State(app): State<App>,
    Who(who): Who,
    Body(create): Body<CreateToken>,
) -> Result<Response, Refusal> {
    let user = match &create.user {
        Some(name) if *name != who.name => {
            who.require(Capability::ManagePeople)?;
            let found = app.crew.store.user_named(app.crew.org, name).await?;
            let found = found.ok_or_else(|| {
                Refusal::new(Code::NotFound, format!("there is nobody called `{name}`"))
            })?;
            who.require_reach(found.role)?;
            found.id
        }
        _ => who.user,
    };
    let secret = format!("wr_{}", super::sessions::fresh_code(&app.crew));
    let (id, at) = (mint!(app.crew.clock, TokenId), app.crew.clock.now());
    let name = create.name.clone().unwrap_or_else(|| "token".to_owned());
    let hash = Digest::of_bytes(secret.as_bytes());
    let body = json!({"token": id, "user": user, "name": name, "made": true});
    let new = NewToken {
        id,
        user,
        name: name.clone(),
        hash,
        created_at: at,
    };
    let writes = vec![
        Write::AddToken(new),
        audit(&app, &who, AuditKind::TokenChanged, body),
    ];
    app.crew.store.commit(app.crew.org, writes).await?;
    let token = Token {
        id,
        user,
        name,
        created_at: at,
        revoked_at: None,
    };
    Ok((StatusCode::CREATED, Json(CreatedToken { token, secret })).into_response())
}

/// Ends a token at once.
#[utoipa::path(delete, path = "/v1/tokens/{id}", security(("token" = [])), params(("id" = String, Path, description = "tok_…")),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn revoke_token(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, Refusal> {
    let whose = (!who.may(Capability::ManagePeople)).then_some(who.user);
    let known = app.crew.store.tokens(app.crew.org, whose).await?;
    if !known.iter().any(|row| row.id == id) {
        return Err(Refusal::new(
            Code::NotFound,
            format!("there is no token {id}"),
        ));
    }
    let at = app.crew.clock.now();
    let revoked = audit(
        &app,
        &who,
        AuditKind::TokenChanged,
        json!({"token": id, "revoked": true}),
    );
    app.crew
        .store
        .commit(
            app.crew.org,
            vec![Write::RevokeToken(RevokeToken { id, at }), revoked],
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
