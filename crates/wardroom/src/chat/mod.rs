//! Talking with the coordinator at a terminal, and watching what it delegates.
//!
//! `screen` draws, `crew` knows how the tasks stand, `question` puts an approval before a person,
//! `follow` waits for work to end, `session` is the conversation, `commands` its slash commands.

mod screen;
mod crew;
pub mod question;
pub mod follow;
mod session;
mod commands;

pub use follow::Decider;
pub use session::Session;
