//! The chat networks that the configuration names, and whether they answer.

use crate::app::App;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use std::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::connector::{Connector, ConnectorList, ConnectorTried};
use wardroom_api::problem::{Code, Problem};
use wardroom_domain::Capability;
use wardroom_gateway::DoorSeen;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_connectors))
        .routes(routes!(test_connector))
}

/// The chat networks through which people reach the crew.
#[utoipa::path(get, path = "/v1/connectors", security(("token" = [])),
    responses((status = 200, body = ConnectorList), (status = 401, body = Problem)))]
async fn list_connectors(State(app): State<App>, Who(_who): Who) -> Json<ConnectorList> {
    let shown = |seen: DoorSeen| Connector {
        name: seen.name,
        mode: if seen.is_polled { "polling" } else { "webhook" }.to_owned(),
    };
    Json(ConnectorList {
        connectors: app.gateway.seen().into_iter().map(shown).collect(),
    })
}

/// Asks a chat network who we are there, which needs a good key and a way to it. For an admin.
#[utoipa::path(post, path = "/v1/connectors/{name}/test", security(("token" = [])),
    params(("name" = String, Path, description = "`telegram:main`")),
    responses((status = 200, body = ConnectorTried), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn test_connector(
    State(app): State<App>,
    Who(who): Who,
    Path(name): Path<String>,
) -> Result<Json<ConnectorTried>, Refusal> {
    who.require(Capability::ManagePolicy)?;
    let began = Instant::now();
    let asked = app.gateway.try_door(&name).await;
    let asked = asked
        .ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no connector `{name}`")))?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (answers, detail) = match asked {
        Ok(myself) => (true, format!("{} ({})", myself.name, myself.id)),
        Err(fault) => (false, fault.to_string()),
    };
    let detail = app.crew.redactor.redact(&detail);
    Ok(Json(ConnectorTried {
        answers,
        detail: detail.chars().take(300).collect(),
        took_ms,
    }))
}
