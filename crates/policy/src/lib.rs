//! Rules in, decision with reasons out. Pure: no I/O, no async, no clock.
//!
//! `classify` says how risky one concrete action is, `decide` says whether it may happen and who
//! must be asked, `sanitize` cleans text from outside before a model reads it.

pub mod classify;
pub mod decide;
mod permit;
pub mod redact;
pub mod sanitize;
pub mod typed;

pub use permit::Permit;
