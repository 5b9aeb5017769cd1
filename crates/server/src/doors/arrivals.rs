//! How people come in: invitations and pairings.

use crate::app::App;
use crate::body::{Body, Id};
use crate::doors::people::hashed;
use crate::doors::sessions;
use crate::listen::Caller;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::invite::{
    ConfirmPairing, CreateInvite, Invite, InviteList, InviteShown, PairingList, PairingShown,
    RedeemInvite,
};
use wardroom_api::problem::Problem;
use wardroom_api::session::Session;
use wardroom_api::user::Identity;
use wardroom_coordinator::arrive::{self, Entrance};
use wardroom_domain::{InviteId, PairingId, Role};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_invite, list_invites))
        .routes(routes!(revoke_invite))
        .routes(routes!(redeem_invite))
        .routes(routes!(list_pairings))
        .routes(routes!(confirm_pairing))
        .routes(routes!(refuse_pairing))
}

/// Invites somebody, for a role no higher than the caller's own. The code is told once.
#[utoipa::path(post, path = "/v1/invites", security(("token" = [])), request_body = CreateInvite,
    responses((status = 201, body = Invite), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn create_invite(
    State(app): State<App>,
    Who(who): Who,
    Body(create): Body<CreateInvite>,
) -> Result<Response, Refusal> {
    let role = create.role.unwrap_or(Role::Member);
    let invited = arrive::invite(&app.crew, &who, role).await?;
    let invite = Invite {
        id: invited.id,
        code: invited.code,
        role: invited.role,
        expires_at: invited.expires_at,
    };
    Ok((StatusCode::CREATED, Json(invite)).into_response())
}

/// The invitations that there are, without their codes.
#[utoipa::path(get, path = "/v1/invites", security(("token" = [])),
    responses((status = 200, body = InviteList), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list_invites(State(app): State<App>, Who(who): Who) -> Result<Json<InviteList>, Refusal> {
    let rows = arrive::invites(&app.crew, &who).await?;
    let shown = rows.into_iter().map(|row| InviteShown {
        id: row.id,
        role: row.role,
        made_by: row.made_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
        used_by: row.used_by,
        revoked_at: row.revoked_at,
    });
    Ok(Json(InviteList {
        invites: shown.collect(),
    }))
}

/// Takes an invitation back that nobody has used.
#[utoipa::path(delete, path = "/v1/invites/{id}", security(("token" = [])), params(("id" = String, Path, description = "inv_…")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke_invite(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<InviteId>,
) -> Result<StatusCode, Refusal> {
    arrive::uninvite(&app.crew, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Comes in by an invitation, and signs in. A code that does not fit is refused alike, whatever is
/// wrong with it, and attempts are counted.
#[utoipa::path(post, path = "/v1/invites/redeem", request_body = RedeemInvite,
    responses((status = 201, body = Session), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn redeem_invite(
    State(app): State<App>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    Body(redeem): Body<RedeemInvite>,
) -> Result<Response, Refusal> {
    let address = match caller {
        Caller::Network { address } => address.ip().to_string(),
        Caller::Socket { uid, .. } => format!("uid {uid}"),
    };
    let entrance = Entrance::Portal {
        name: redeem.name,
        password_hash: hashed(redeem.password).await?,
        address,
    };
    let user = arrive::redeem(&app.crew, entrance, &redeem.code).await?;
    sessions::begin(&app, user, Vec::new(), &headers).await
}

/// Who waits to be linked to a person.
#[utoipa::path(get, path = "/v1/pairings", security(("token" = [])),
    responses((status = 200, body = PairingList), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list_pairings(
    State(app): State<App>,
    Who(who): Who,
) -> Result<Json<PairingList>, Refusal> {
    let rows = arrive::pairings(&app.crew, &who).await?;
    let shown = rows.into_iter().map(|row| PairingShown {
        id: row.id,
        connector: row.identity.connector,
        external_id: row.identity.external_id,
        display: row.display,
        created_at: row.created_at,
        expires_at: row.expires_at,
    });
    Ok(Json(PairingList {
        pairings: shown.collect(),
    }))
}

/// Links the identity behind a token to a person whom the caller may govern.
#[utoipa::path(post, path = "/v1/pairings/confirm", security(("token" = [])), request_body = ConfirmPairing,
    responses((status = 200, body = Identity), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn confirm_pairing(
    State(app): State<App>,
    Who(who): Who,
    Body(confirm): Body<ConfirmPairing>,
) -> Result<Json<Identity>, Refusal> {
    let linked = arrive::confirm(&app.crew, &who, &confirm.token, confirm.user).await?;
    Ok(Json(linked.into()))
}

/// Turns a wish to be linked down.
#[utoipa::path(delete, path = "/v1/pairings/{id}", security(("token" = [])), params(("id" = String, Path, description = "pair_…")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn refuse_pairing(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<PairingId>,
) -> Result<StatusCode, Refusal> {
    arrive::turn_down(&app.crew, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
