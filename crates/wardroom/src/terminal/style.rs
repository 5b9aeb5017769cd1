//! The few styles that we use. Colour never carries a meaning that the words do not.

use anstyle::{AnsiColor, Style};

/// What went wrong or takes something away.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What went well or adds something.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What waits for a person.
pub const ASK: Style = AnsiColor::Yellow.on_default().bold();
/// What stands aside: ids, hints, tails of output.
pub const FAINT: Style = Style::new().dimmed();
/// What leads the eye.
pub const HEAD: Style = Style::new().bold();
/// Where in a diff we are.
pub const MARK: Style = AnsiColor::Cyan.on_default();
