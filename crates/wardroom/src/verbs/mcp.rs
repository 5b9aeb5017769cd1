//! `wardroom mcp`: the servers that bring tools along.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::print;
use crate::place::Place;
use crate::terminal::visible;
use clap::Subcommand;
use wardroom_api::mcp::{AcceptTool, McpServer, McpServerList, McpTool};

/// MCP servers, their tools, and what the org makes of them
#[derive(Debug, Subcommand)]
pub enum Mcp {
    /// Every server with its tools and how each stands
    List,
    /// Accept what a server says of a tool now, after it changed
    Accept {
        /// The server's name in the configuration
        name: String,
        /// The server's own name of the tool
        tool: String,
        /// The fingerprint of the definition that was read, as `list` tells it
        #[arg(long)]
        definition: String,
    },
}

impl Mcp {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let client = place.client()?;
        match self {
            Self::List => {
                let list = block_on(async { Ok(client.mcp_servers().await?) })?;
                print(place.json, &list, in_words)?;
            }
            Self::Accept {
                name,
                tool,
                definition,
            } => {
                let definition = wardroom_domain::Digest::parse(&definition).ok_or_else(|| {
                    Failure::usage(
                        "that is no fingerprint: it is `sha256:` and 64 digits",
                        "copy it from `wardroom mcp list`",
                    )
                })?;
                let accept = AcceptTool { tool, definition };
                let seen = block_on(async { Ok(client.accept_tool(&name, &accept).await?) })?;
                print(place.json, &seen, of_server)?;
            }
        }
        Ok(Exit::Done)
    }
}

fn in_words(list: &McpServerList) -> String {
    if list.servers.is_empty() {
        return "No MCP server is configured.".to_owned();
    }
    let servers: Vec<String> = list.servers.iter().map(of_server).collect();
    servers.join("\n")
}

fn of_server(server: &McpServer) -> String {
    let why = server.why.as_deref().map(visible);
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let mut text = format!("{} is {}{why}", server.name, server.state);
    for tool in &server.tools {
        text.push_str(&format!("\n  {}", of_tool(tool)));
    }
    text
}

/// One line, and what an admin compares where the definition changed.
fn of_tool(tool: &McpTool) -> String {
    let vouched = if tool.is_vouched {
        ""
    } else {
        ", not vouched for"
    };
    let mut text = format!(
        "{} ({}{vouched}) {} {}",
        visible(&tool.tool),
        tool.tier,
        tool.standing,
        tool.definition
    );
    if tool.standing == "changed" {
        let before = tool.accepted.as_ref();
        let before = before.map_or("it was not there".to_owned(), |before| {
            format!("{} {}", before.description, before.parameters)
        });
        text.push_str(&format!("\n    before: {}", visible(&before)));
        let now = format!("{} {}", tool.description, tool.parameters);
        text.push_str(&format!("\n    now:    {}", visible(&now)));
    }
    text
}
