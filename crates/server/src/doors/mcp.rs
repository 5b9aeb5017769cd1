//! The servers that bring tools along, and what the org makes of their tools.

use crate::app::App;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::mcp::{McpServer, McpServerList, McpTool};
use wardroom_api::problem::Problem;
use wardroom_coordinator::{ServerSeen, ToolSeen};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_servers))
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
        definition: seen.definition,
    }
}
