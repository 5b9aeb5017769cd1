//! The simulated world for tests: protocol stand-ins for what Wardroom talks to.

pub mod models;
pub mod world;
