//! The org's emergency controls.

use crate::app::App;
use crate::body::Body;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::emergency::{ControlMoved, Emergency, MoveControl};
use wardroom_api::problem::Problem;
use wardroom_coordinator::emergency::{self, Control, Controls};
use wardroom_domain::RiskTier;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_emergency, move_control))
}

fn shown(controls: Controls) -> Emergency {
    Emergency {
        pause_mutations: controls.emergency.pause_mutations,
        disable_bypass: controls.emergency.bypass_disabled,
        changed_at: controls.changed_at,
        changed_by: controls.changed_by,
    }
}

/// How the controls stand.
#[utoipa::path(get, path = "/v1/emergency", security(("token" = [])),
    responses((status = 200, body = Emergency), (status = 401, body = Problem)))]
async fn get_emergency(State(app): State<App>, Who(who): Who) -> Result<Json<Emergency>, Refusal> {
    Ok(Json(shown(emergency::show(&app.crew, &who).await?)))
}

/// Moves one control, at once and for good: it outlives a restart.
#[utoipa::path(post, path = "/v1/emergency", security(("token" = [])), request_body = MoveControl,
    responses((status = 200, body = ControlMoved), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn move_control(
    State(app): State<App>,
    Who(who): Who,
    Body(wish): Body<MoveControl>,
) -> Result<Json<ControlMoved>, Refusal> {
    let control = match wish {
        MoveControl::PauseMutations { on } => Control::PauseMutations(on),
        MoveControl::DisableBypass { on } => Control::DisableBypass(on),
        MoveControl::CancelRisky { tier } => {
            Control::CancelRisky(tier.unwrap_or(RiskTier::L2Destructive))
        }
        MoveControl::RotateCredentials {} => Control::RotateCredentials,
    };
    let moved = emergency::move_control(&app.crew, &who, control).await?;
    Ok(Json(ControlMoved {
        emergency: shown(moved.controls),
        cancelled: moved.cancelled,
        tokens_ended: moved.tokens,
        sessions_ended: moved.sessions,
        secrets_to_renew: moved.secrets_to_renew,
    }))
}
