//! Secrets: set, listed by name, removed. There is no door through which a value comes out.

use crate::app::App;
use crate::body::Body;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::{Code, Problem};
use wardroom_api::secret::{KeyRotated, PutSecret, Secret, SecretList};
use wardroom_domain::{Capability, Principal};
use wardroom_store::{RemoveSecret, SecretName, SecretRow, Touch, UnfitSecret, Write, fit_value};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_secrets))
        .routes(routes!(put_secret, remove_secret))
        .routes(routes!(rotate_key))
}

impl From<UnfitSecret> for Refusal {
    fn from(unfit: UnfitSecret) -> Self {
        let code = match unfit {
            UnfitSecret::Name => Code::InvalidQuery,
            UnfitSecret::Empty | UnfitSecret::TooLong => Code::InvalidBody,
        };
        Self::new(code, unfit.to_string())
    }
}

fn touch(app: &App, who: &Principal) -> Touch {
    Touch {
        actor: who.user.to_string(),
        via: Some(who.via.clone()),
        at: app.crew.clock.now(),
    }
}

/// The secrets, without their values.
#[utoipa::path(get, path = "/v1/secrets", security(("token" = [])),
    responses((status = 200, body = SecretList), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list_secrets(State(app): State<App>, Who(who): Who) -> Result<Json<SecretList>, Refusal> {
    who.require(Capability::ManageSecrets)?;
    let rows = app.crew.store.secret_names(app.crew.org).await?;
    let secret = |row: SecretRow| Secret {
        name: row.name,
        version: row.version,
        created_at: row.created_at,
        created_by: row.created_by,
    };
    Ok(Json(SecretList {
        secrets: rows.into_iter().map(secret).collect(),
    }))
}

/// Sets a secret, or gives it its next version. Models, connectors and MCP servers that use it show the new one from then on.
#[utoipa::path(put, path = "/v1/secrets/{name}", security(("token" = [])), request_body = PutSecret,
    params(("name" = String, Path, description = "What `secret:NAME` says")),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn put_secret(
    State(app): State<App>,
    Who(who): Who,
    Path(name): Path<String>,
    Body(put): Body<PutSecret>,
) -> Result<StatusCode, Refusal> {
    who.require(Capability::ManageSecrets)?;
    let (name, value) = (SecretName::parse(&name)?, fit_value(put.value)?);
    let (store, org) = (&app.crew.store, app.crew.org);
    let _steady = app.vault.steady().await;
    let sealed = app
        .vault
        .seal(store, org, &name, &value, touch(&app, &who))
        .await?;
    store.commit(org, vec![Write::SetSecret(sealed)]).await?;
    those_in_use_follow(&app).await;
    Ok(StatusCode::NO_CONTENT)
}

/// What was stored is stored, whether or not those that use it could follow at once.
async fn those_in_use_follow(app: &App) {
    if let Err(error) = app.model_keys.refresh(&app.crew, &app.vault).await {
        tracing::warn!(%error, "the server keeps its secrets as they were for now; trying again");
    }
}

/// Makes a new master key and seals every secret under it, while the server runs.
#[utoipa::path(post, path = "/v1/secret-key/rotate", security(("token" = [])),
    responses((status = 200, body = KeyRotated), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn rotate_key(State(app): State<App>, Who(who): Who) -> Result<Json<KeyRotated>, Refusal> {
    who.require(Capability::ManageSecrets)?;
    let touch = touch(&app, &who);
    let rotated = app.vault.rotate(&app.crew.store, app.crew.org, touch);
    let secrets = rotated.await? as u64;
    Ok(Json(KeyRotated { secrets }))
}

/// Removes a secret, its sealed value with it.
#[utoipa::path(delete, path = "/v1/secrets/{name}", security(("token" = [])),
    params(("name" = String, Path, description = "What `secret:NAME` says")),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn remove_secret(
    State(app): State<App>,
    Who(who): Who,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    who.require(Capability::ManageSecrets)?;
    let name = SecretName::parse(&name)?;
    let touch = touch(&app, &who);
    let remove = Write::RemoveSecret(RemoveSecret { name, touch });
    app.crew.store.commit(app.crew.org, vec![remove]).await?;
    those_in_use_follow(&app).await;
    Ok(StatusCode::NO_CONTENT)
}
