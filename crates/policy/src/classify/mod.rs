//! How risky is one concrete action? Every answer carries a tier, a rule and a sentence why.
//!
//! A shell command is parsed by a real grammar (`shell`), its words are expanded as far as they
//! are known beforehand (`expand`), and each program that would run is judged by the tables under
//! `table/` or by code for programs that a table cannot describe. The strictest finding wins.
//! What is not known takes the higher tier; what cannot be parsed is `L2_DESTRUCTIVE`.
//!
//! This module knows no files, no clock and no network: it judges what is written, not what is.

mod verdict;
mod rule;
mod shell;
mod expand;
mod words;
mod judge;
mod invocation;
mod effects;
mod paths;
mod programs;
mod hosts;
mod calls;
mod sql;
mod table;
mod general;
mod check;
mod depth;
mod downloads;
mod limits;

pub use calls::{KNOWN_TOOLS, classify_call, talk_of};
pub use check::{RuleFault, rules, self_check};
pub use rule::{Reach, Rule, When};
pub use verdict::{Effect, Ground, PUSH_RULE, Talk, Verdict};

use shell::{Feed, Walker};

/// Judges a shell command.
pub fn classify_command(command: &str, ground: &Ground) -> Verdict {
    let mut walker = Walker::new(ground);
    walker.judge_script(command, &Feed::Nothing);
    walker.draft.finish(&general::NOTHING)
}
