//! What a tool is: its name, its schema, who may call it, and what a crash in the middle means.
//!
//! Pure. How risky one call is says `policy`; how it is carried out says `executors`.

mod tool;
mod catalogue;
mod builtin;
pub mod foreign;
pub mod limits;

pub use builtin::FIND_TOOLS;
pub use catalogue::{ArgumentFault, Catalogue};
pub use foreign::{Definition, Foreign, Standing};
pub use tool::{Seat, Tool};
