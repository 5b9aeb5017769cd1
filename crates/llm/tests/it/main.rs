//! The crate against stand-ins that speak each provider's dialect over real HTTP.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod world;

mod conformance;
mod chaos;
mod routing;
mod config;
mod scripted;
