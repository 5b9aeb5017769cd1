//! Carries out a permitted action: starts a sandbox, speaks to the runner inside, reports what
//! came of it. `runner` is the side that runs inside.

mod egress;
mod hands;
mod level;
mod executor;
pub mod mcp;
mod web;
pub mod protocol;
pub mod runner;

pub use egress::{CA_INSIDE, Egress, NoWayOut, WayOut, clear_certificates};
pub use executor::{Equipment, Errand, Executor, Loan, Passage, RunnerFault};
pub use hands::{Hands, NoHands, RUNNER_NAME, Workbench};
pub use level::StandardLevel;
pub use web::{NoRequest, WEB_TOOLS, WebRequest, secrets_in};
