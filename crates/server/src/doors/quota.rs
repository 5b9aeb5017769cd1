//! How much a person may ask for.

use crate::app::App;
use crate::body::{Body, Id};
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::Problem;
use wardroom_api::quota::{HeldQuota, OwnQuota};
use wardroom_coordinator::quota;
use wardroom_domain::UserId;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(user_quota, set_user_quota))
}

/// As the coordinator tells it, on the wire.
pub(crate) fn shown(held: quota::Held) -> HeldQuota {
    HeldQuota {
        user: held.user,
        own: held.own.into(),
        quota: held.quota.into(),
        spent_micros: held.spent_micros,
        anew_on: held.anew_on,
    }
}

/// How much a person may ask for: oneself, or anybody for an operator and above.
#[utoipa::path(get, path = "/v1/users/{id}/quota", security(("token" = [])),
    params(("id" = String, Path, description = "user_…")),
    responses((status = 200, body = HeldQuota), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn user_quota(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<UserId>,
) -> Result<Json<HeldQuota>, Refusal> {
    Ok(Json(shown(quota::held(&app.crew, &who, id).await?)))
}

/// Sets how much one person may ask for, in place of what was set for him before. For an admin.
#[utoipa::path(put, path = "/v1/users/{id}/quota", security(("token" = [])), request_body = OwnQuota,
    params(("id" = String, Path, description = "user_…")),
    responses((status = 200, body = HeldQuota), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn set_user_quota(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<UserId>,
    Body(own): Body<OwnQuota>,
) -> Result<Json<HeldQuota>, Refusal> {
    let held = quota::set(&app.crew, &who, id, own.into()).await?;
    Ok(Json(shown(held)))
}
