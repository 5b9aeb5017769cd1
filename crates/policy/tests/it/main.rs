//! Tests of the policy crate through its public functions.

mod classify;
mod decide;
mod rules;
