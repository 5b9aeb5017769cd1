//! Speaks to MCP servers: programs that bring tools along and that nobody here wrote.
//!
//! A server is a stranger. It is started only when a task calls one of its tools, in a sandbox of
//! its own with no network, or reached over HTTP without ever following a redirect. What it sends
//! is bounded; what it asks of us (to sample, to elicit, to see folders) is refused. A session
//! belongs to one task and ends with it.
//!
//! What stays out: what a call risks, who must be asked, what is written down.

mod limits;
mod server;
mod fault;
mod garbage;
mod leash;
mod child;
mod remote;
mod ears;
mod value;
mod session;
mod servers;

pub use fault::{CallFault, StartFault};
pub use leash::{LEASH_NAME, hold};
pub use limits::{CALL_TIME_DEFAULT, IDLE_TIME_MAX, SERVERS_MAX, TOOLS_PER_SERVER_MAX};
pub use remote::{UnfitAddress, check_address, check_header};
pub use server::{Command, Given, McpServer, Reached};
pub use servers::{Gate, Look, McpServers};
pub use value::Answer;
