//! The commands that people type, the same in every door that carries words.
//!
//! A command is carried out by who typed it, with his rights as they are now, and never by a model:
//! only an inbound message of a person is looked at.

mod parse;
mod answer;

pub use answer::{answer, help};
pub use parse::{Command, parse};
