//! Carries out a permitted action: starts a sandbox, speaks to the runner inside, reports what
//! came of it. `runner` is the side that runs inside.

mod hands;
mod executor;
pub mod mcp;
pub mod protocol;
pub mod runner;

pub use executor::{Errand, Executor, RunnerFault};
pub use hands::{Hands, NoHands, RUNNER_NAME, Workbench};
