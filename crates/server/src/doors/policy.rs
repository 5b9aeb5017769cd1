//! The rules in force.

use crate::app::App;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::policy::Policy;
use wardroom_api::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_policy))
}

/// The rules in force, as everybody may read them.
#[utoipa::path(get, path = "/v1/policy", security(("token" = [])),
    responses((status = 200, body = Policy), (status = 401, body = Problem)))]
async fn get_policy(State(app): State<App>, Who(_who): Who) -> Result<Json<Policy>, Refusal> {
    let policy = app.crew.policy();
    Ok(Json(Policy {
        version: 1,
        preset: policy.preset.to_string(),
        self_approval: policy.approvers.self_approval.clone(),
        allow_bypass: false,
        approval_ttl_s: app.approval_ttl_s,
        changed_at: None,
        changed_by: None,
    }))
}
