//! The simulated world for tests: protocol stand-ins for what Wardroom talks to.

pub mod connectors;
pub mod mcp;
pub mod models;
pub mod postgres;
pub mod bucket;
pub mod redis;
pub mod telegram;
pub mod website;
pub mod wire;
pub mod world;
