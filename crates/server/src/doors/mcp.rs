//! The servers that bring tools along, and what the org makes of their tools.

use crate::app::App;
use crate::body::Body;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::mcp::{AcceptTool, McpDefinition, McpServer, McpServerList, McpTool};
use wardroom_api::problem::Problem;
use wardroom_coordinator::{ServerSeen, ToolSeen, Wrong};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_servers))
        .routes(routes!(accept_tool))
}

/// The MCP servers of the org with their tools, as everybody may read them.
#[utoipa::path(get, path = "/v1/mcp", security(("token" = [])),
    responses((status = 200, body = McpServerList), (status = 401, body = Problem)))]
async fn get_servers(
    State(app): State<App>,
    Who(_who): Who,
) -> Result<Json<McpServerList>, Refusal> {
    let servers = app.crew.foreign.seen().into_iter().map(server).collect();
    Ok(Json(McpServerList { servers }))
}

/// Accepts what a server says of a tool now, for an admin who has read it.
#[utoipa::path(post, path = "/v1/mcp/{name}/accept", security(("token" = [])),
    params(("name" = String, Path, description = "The server's name")), request_body = AcceptTool,
    responses((status = 200, body = McpServer), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn accept_tool(
    State(app): State<App>,
    Who(who): Who,
    Path(name): Path<String>,
    Body(accept): Body<AcceptTool>,
) -> Result<Json<McpServer>, Refusal> {
    let (tool, read) = (&accept.tool, accept.definition);
    wardroom_coordinator::accept_tool(&app.crew, &who, &name, tool, read).await?;
    let mut seen = app.crew.foreign.seen().into_iter();
    let found = seen.find(|server| server.name == name);
    let found = found.ok_or(Wrong::NotFound { what: "server" })?;
    Ok(Json(server(found)))
}

fn server(seen: ServerSeen) -> McpServer {
    McpServer {
        name: seen.name,
        state: seen.state.to_owned(),
        why: seen.why,
        tools: seen.tools.into_iter().map(tool).collect(),
    }
}

fn tool(seen: ToolSeen) -> McpTool {
    McpTool {
        tool: seen.tool,
        name: seen.name,
        tier: seen.tier,
        is_vouched: seen.is_vouched,
        standing: seen.standing.to_owned(),
        why: seen.why,
        description: seen.description,
        parameters: seen.parameters,
        accepted: seen
            .accepted
            .map(|(description, parameters)| McpDefinition {
                description,
                parameters,
            }),
        definition: seen.definition,
    }
}
