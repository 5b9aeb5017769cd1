//! Connectors against the other sides of their platforms, over real HTTP.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod telegram;
