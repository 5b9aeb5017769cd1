//! Servers that bring tools along, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wardroom_domain::{Digest, RiskTier};

/// Every MCP server of the org.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpServerList {
    /// By name.
    pub servers: Vec<McpServer>,
}

/// A server that brings tools along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpServer {
    /// Its name in the configuration.
    pub name: String,
    /// `starting`, `ready` or `failed`.
    pub state: String,
    /// Why it failed.
    pub why: Option<String>,
    /// Its tools.
    pub tools: Vec<McpTool>,
}

/// A tool of a server. What the server says of it is not believed; it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpTool {
    /// The server's own name for it.
    pub tool: String,
    /// The name under which models call it; null where it cannot be used.
    pub name: Option<String>,
    /// What a call of it counts as.
    #[schema(value_type = schema::RiskTier)]
    pub tier: RiskTier,
    /// Whether the org vouches for that.
    pub is_vouched: bool,
    /// `accepted`; `changed`, until a person says yes to a call or an admin accepts it; `refused`.
    pub standing: String,
    /// Why it cannot be used.
    pub why: Option<String>,
    /// What the server says of it, made plain.
    pub description: String,
    /// The schema of its arguments, as the server gives it.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// What was accepted under its name, where the server says something else by now.
    pub accepted: Option<McpDefinition>,
    /// The fingerprint of its definition.
    #[schema(value_type = schema::Digest)]
    pub definition: Digest,
}

/// What a server said of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpDefinition {
    /// Its description, made plain.
    pub description: String,
    /// The schema of its arguments.
    #[schema(value_type = Object)]
    pub parameters: Value,
}

/// `POST /v1/mcp/{name}/accept`: what the server says of this tool now is the org's definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptTool {
    /// The server's own name for it.
    pub tool: String,
    /// The fingerprint of the definition that was read.
    #[schema(value_type = schema::Digest)]
    pub definition: Digest,
}
