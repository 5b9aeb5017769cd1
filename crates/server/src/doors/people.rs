//! People and their tokens.

use crate::app::App;
use crate::body::{Body, Id, Query};
use crate::who::{Who, require};
use crate::wrong::Refusal;
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::page::Page;
use wardroom_api::problem::{Code, Problem};
use wardroom_api::token::{CreateToken, CreatedToken, Token, TokenList};
use wardroom_api::user::{CreateUser, UpdateUser, User, UserList};
use wardroom_coordinator::mint;
use wardroom_domain::{
    AuditDraft, AuditKind, Chain, Digest, Principal, Role, TokenId, UserId, UserStatus,
};
use wardroom_store::{NewToken, RevokeToken, SetPassword, SetRole, SetUserStatus, Write};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(update_user))
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
    require(&who, Role::Operator)?;
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
    require(&who, Role::Admin.max(create.role))?;
    let name = create.name.trim();
    if name.is_empty()
        || name.len() > 64
        || name.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Refusal::new(
            Code::InvalidBody,
            "a name has 1 to 64 characters without spaces",
        ));
    }
    let user = wardroom_domain::User {
        id: mint!(app.crew.clock, UserId),
        name: name.to_owned(),
        role: create.role,
        status: UserStatus::Active,
        created_at: app.crew.clock.now(),
    };
    let body = json!({"user": user.id, "name": user.name, "role": user.role});
    let writes = vec![
        Write::AddUser(user.clone()),
        audit(&app, &who, AuditKind::UserChanged, body),
    ];
    app.crew.store.commit(app.crew.org, writes).await?;
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
    let is_own_password = id == who.user && update.role.is_none() && update.status.is_none();
    if !is_own_password {
        require(&who, Role::Admin)?;
    }
    let before = app.crew.store.user(app.crew.org, id).await?;
    let before =
        before.ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no person {id}")))?;
    require(
        &who,
        if is_own_password {
            Role::Viewer
        } else {
            before.role.max(update.role.unwrap_or(Role::Viewer))
        },
    )?;
    keep_an_overlord(&app, &before, &update).await?;
    let mut writes = Vec::new();
    let after = json!({"user": id, "from": {"role": before.role, "status": before.status},
        "to": {"role": update.role.unwrap_or(before.role), "status": update.status.unwrap_or(before.status)},
        "password": update.password.is_some()});
    if let Some(role) = update.role {
        writes.push(Write::SetRole(SetRole { user: id, role }));
    }
    if let Some(status) = update.status {
        writes.push(Write::SetUserStatus(SetUserStatus {
            user: id,
            status,
            at: app.crew.clock.now(),
        }));
    }
    if let Some(password) = update.password {
        writes.push(Write::SetPassword(SetPassword {
            user: id,
            hash: hashed(password).await?,
        }));
    }
    writes.push(audit(&app, &who, AuditKind::UserChanged, after));
    app.crew.store.commit(app.crew.org, writes).await?;
    let user = app.crew.store.user(app.crew.org, id).await?;
    let user =
        user.ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no person {id}")))?;
    Ok(Json(user.into()))
}

/// The last active overlord stays: without one, nobody could let anybody in again.
async fn keep_an_overlord(
    app: &App,
    before: &wardroom_domain::User,
    update: &UpdateUser,
) -> Result<(), Refusal> {
    let is_overlord = |user: &wardroom_domain::User| {
        user.role == Role::Overlord && user.status == UserStatus::Active
    };
    let stays = update.role.is_none_or(|role| role == Role::Overlord)
        && update
            .status
            .is_none_or(|status| status == UserStatus::Active);
    if stays || !is_overlord(before) {
        return Ok(());
    }
    let users = app.crew.store.users(app.crew.org).await?;
    if users.iter().filter(|user| is_overlord(user)).count() > 1 {
        return Ok(());
    }
    Err(Refusal::new(
        Code::Conflict,
        "this is the last overlord; make another one first",
    ))
}

async fn hashed(password: String) -> Result<String, Refusal> {
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
    let whose = (!who.role.is_at_least(Role::Admin)).then_some(who.user);
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
            require(&who, Role::Admin)?;
            let found = app.crew.store.user_named(app.crew.org, name).await?;
            let found = found.ok_or_else(|| {
                Refusal::new(Code::NotFound, format!("there is nobody called `{name}`"))
            })?;
            require(&who, found.role)?;
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
    let whose = (!who.role.is_at_least(Role::Admin)).then_some(who.user);
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
