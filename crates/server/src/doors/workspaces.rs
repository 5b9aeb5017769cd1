//! Folders of the host, opened to the crew by who sits at the machine.

use crate::app::App;
use crate::body::Body;
use crate::who::{Local, Who};
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use std::path::Path;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::{Code, Problem};
use wardroom_api::workspace::{OpenWorkspace, Workspace, WorkspaceList};
use wardroom_coordinator::{Wrong, workspace};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(open_workspace, list_workspaces))
}

/// Opens a folder of the host. Only over the data directory's socket.
#[utoipa::path(post, path = "/v1/workspaces", security(("token" = [])), request_body = OpenWorkspace,
    responses((status = 200, body = Workspace), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn open_workspace(
    State(app): State<App>,
    Local(who): Local,
    Body(open): Body<OpenWorkspace>,
) -> Result<Json<Workspace>, Refusal> {
    let opened = workspace::open(&app.crew, &who, Path::new(&open.path), &app.forbidden).await;
    match opened {
        Ok(workspace) => Ok(Json(workspace.into())),
        Err(Wrong::Unfit(why)) => Err(Refusal::new(Code::WorkspaceRefused, why)),
        Err(other) => Err(other.into()),
    }
}

/// The caller's workspaces.
#[utoipa::path(get, path = "/v1/workspaces", security(("token" = [])),
    responses((status = 200, body = WorkspaceList), (status = 401, body = Problem)))]
async fn list_workspaces(
    State(app): State<App>,
    Who(who): Who,
) -> Result<Json<WorkspaceList>, Refusal> {
    let rows = app.crew.store.workspaces(app.crew.org, who.user).await?;
    let workspaces = rows.into_iter().map(Workspace::from).collect();
    Ok(Json(WorkspaceList {
        workspaces,
        next_cursor: None,
    }))
}
