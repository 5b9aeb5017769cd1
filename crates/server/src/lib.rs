//! Wiring, HTTP and graceful stop. Everything that happens, happens below.

pub mod config;
pub mod confinement;
pub mod telling;

mod start;
mod vault;
mod lending;
mod model_keys;
mod mcp;
mod connectors;
mod stop;
mod listen;
mod app;
mod who;
mod guard;
mod wrong;
mod body;
mod doors;
mod portal;

pub use app::openapi;
pub use start::{Ready, StartError, Startup, objects_of, run};
pub use vault::Vault;
pub use wardroom_coordinator::Wrong;
pub use wardroom_coordinator::{quota, rulebook};
