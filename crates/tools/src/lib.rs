//! What a tool is: its name, its schema, who may call it, and what a crash in the middle means.
//!
//! Pure. How risky one call is says `policy`; how it is carried out says `executors`.

mod tool;
mod catalogue;
mod builtin;

pub use catalogue::{ArgumentFault, Catalogue};
pub use tool::{Seat, Tool};
