//! Tests of the policy crate through its public functions.

#![expect(clippy::panic, reason = "the helpers of tests fail like tests")]

mod classify;
mod decide;
mod rules;
