//! What is typed while nobody asks is not echoed, so that it cannot tear what is drawn; and what was
//! typed before a question is no answer to it.

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr,
};
use std::io::stdin;

/// Keeps the terminal from echoing as long as it lives. Ctrl-C still works.
pub struct Hush {
    before: Option<Termios>,
}

impl Hush {
    /// Hushes the terminal, if there is one.
    pub fn new() -> Self {
        let before = tcgetattr(stdin()).ok();
        if let Some(before) = &before {
            let mut hushed = before.clone();
            hushed.local_modes.remove(LocalModes::ECHO);
            // A terminal that cannot be hushed is only less tidy.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &hushed);
        }
        Self { before }
    }
}

impl Drop for Hush {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// Forgets what was typed ahead.
pub fn forget_typed_ahead() {
    let _ = tcflush(stdin(), QueueSelector::IFlush);
}
