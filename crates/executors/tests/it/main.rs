//! The host's side of the runner protocol, against a runner that lies.

#![expect(clippy::expect_used, reason = "the helpers of tests fail like tests")]

mod lies;
mod runner;
