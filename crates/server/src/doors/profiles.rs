//! How the coordinator speaks, and what it knows of a person.

use crate::app::App;
use crate::body::Body;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::Problem;
use wardroom_api::profile::{AgentProfile, Profiles, UserProfile};
use wardroom_coordinator::profile;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_profiles))
        .routes(routes!(set_agent_profile))
        .routes(routes!(set_own_profile))
}

/// How the coordinator speaks here, and what the caller wants it to know of him.
#[utoipa::path(get, path = "/v1/profiles", security(("token" = [])),
    responses((status = 200, body = Profiles), (status = 401, body = Problem)))]
async fn get_profiles(State(app): State<App>, Who(who): Who) -> Result<Json<Profiles>, Refusal> {
    let agent = profile::agent(&app.crew).await?;
    let mine = profile::own(&app.crew, &who).await?;
    Ok(Json(Profiles {
        agent: AgentProfile {
            name: agent.name,
            personality: agent.personality,
            style: agent.style,
        },
        mine: UserProfile {
            name: mine.name,
            about: mine.about,
            style: mine.style,
        },
    }))
}

/// Sets how the coordinator speaks, from its next turn on. For an admin.
#[utoipa::path(put, path = "/v1/profiles/agent", security(("token" = [])), request_body = AgentProfile,
    responses((status = 200, body = AgentProfile), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn set_agent_profile(
    State(app): State<App>,
    Who(who): Who,
    Body(to): Body<AgentProfile>,
) -> Result<Json<AgentProfile>, Refusal> {
    let wanted = profile::AgentProfile {
        name: to.name.clone(),
        personality: to.personality.clone(),
        style: to.style.clone(),
    };
    profile::set_agent(&app.crew, &who, &wanted).await?;
    Ok(Json(to))
}

/// Sets what the coordinator knows of the caller.
#[utoipa::path(put, path = "/v1/profiles/me", security(("token" = [])), request_body = UserProfile,
    responses((status = 200, body = UserProfile), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn set_own_profile(
    State(app): State<App>,
    Who(who): Who,
    Body(to): Body<UserProfile>,
) -> Result<Json<UserProfile>, Refusal> {
    let wanted = profile::UserProfile {
        name: to.name.clone(),
        about: to.about.clone(),
        style: to.style.clone(),
    };
    profile::set_own(&app.crew, &who, &wanted).await?;
    Ok(Json(to))
}
