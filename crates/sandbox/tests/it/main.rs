//! The conformance suite: every line of the escape list, tried against a real sandbox, as
//! root and as an ordinary user.
//!
//! The attempts themselves stand in `attacker`: this very program, bound into the sandbox.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "attackers sleep, and the helpers of tests fail like tests"
)]

mod attacker;
mod capabilities;
mod containers;
mod docker;
mod escape;
mod harness;
mod host;
mod levels;
mod lifecycle;
mod limits;
mod network;
#[path = "../runtimes/mod.rs"]
mod runtimes;
mod streams;
mod tools;
mod unprivileged;
mod workspace;
