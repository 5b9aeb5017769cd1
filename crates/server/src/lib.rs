//! Wiring, HTTP and graceful stop. Everything that happens, happens below.

pub mod config;

mod start;
mod vault;
mod lending;
mod model_keys;
mod mcp;
mod stop;
mod listen;
mod app;
mod who;
mod guard;
mod wrong;
mod body;
mod doors;
mod page;

pub use app::openapi;
pub use start::{Ready, StartError, Startup, run};
pub use vault::Vault;
