//! Speaking with a person at a terminal.

pub mod style;
mod visible;
mod diff;
mod input;
mod hush;

pub use diff::painted;
pub use hush::Hush;
pub use input::{Input, Line};
pub use visible::{clipped, visible};

use std::io::IsTerminal;

/// The size of the terminal in columns and rows; an ordinary one where there is none.
pub fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(std::io::stderr())
        .or_else(|| terminal_size::terminal_size_of(std::io::stdout()));
    size.map_or((80, 24), |(width, height)| {
        (width.0.into(), height.0.into())
    })
}

/// Whether somebody sits there who can be asked.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether lines that were written may be written over.
pub fn is_live() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stderr().is_terminal() && !is_dumb
}
