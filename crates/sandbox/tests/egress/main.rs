//! The egress proxy, tried from inside a real sandbox against real servers.
//!
//! The servers listen on a loopback address that belongs to one test, and the rules vouch for
//! that address. What speaks inside is this very program, bound into the sandbox (`inside`),
//! or the tools that people use: curl, python, git. All of it runs again in containers.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "attackers sleep, and the helpers of tests fail like tests"
)]

mod budgets;
mod capture;
mod containers;
mod dns;
mod git;
mod harness;
mod inside;
mod refusals;
mod requests;
#[path = "../runtimes/mod.rs"]
mod runtimes;
mod server;
mod swaps;
mod tunnels;
mod unprivileged;
