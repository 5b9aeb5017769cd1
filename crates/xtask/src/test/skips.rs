//! What was not tested, and whether we knew.
//!
//! A test that cannot run here appends `name<TAB>reason` to the file named by `WARDROOM_SKIPS`. The
//! committed list `tests/skips.toml` holds the names that may do so; any other skip is a failure.

use super::session::Session;
use crate::checkout;
use crate::failure::{Failure, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use toml::{Table, Value};

/// The notes of this run, below the folder of its logs.
pub const NOTES: &str = "skips.tsv";
/// The committed list.
const LIST: &str = "tests/skips.toml";

/// The skips of a run.
pub struct Skips {
    /// Reason by name.
    noted: BTreeMap<String, String>,
    /// Names that may be skipped.
    listed: BTreeSet<String>,
}

/// Notes one skip on behalf of a stage.
pub fn note(session: &Session, name: &str, reason: &str) -> Outcome<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(session.skips())
        .and_then(|mut notes| writeln!(notes, "{name}\t{reason}"))
        .map_err(Failure::to("note a skip"))
}

impl Skips {
    pub fn read(session: &Session) -> Outcome<Self> {
        let list = checkout::read(&session.root, LIST)?;
        let notes = std::fs::read_to_string(session.skips()).unwrap_or_default();
        Self::parse(&list, &notes)
    }

    fn parse(list: &str, notes: &str) -> Outcome<Self> {
        let list: Table = list.parse().map_err(Failure::to(format!("read {LIST}")))?;
        let entries = list
            .get("skip")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let word = |entry: &Value, key: &str| {
            entry
                .get(key)
                .and_then(Value::as_str)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
        };
        let mut listed = BTreeSet::new();
        for entry in &entries {
            let (Some(name), Some(_)) = (word(entry, "name"), word(entry, "reason")) else {
                return Err(Failure::new(format!(
                    "each skip in {LIST} has a name and a reason"
                )));
            };
            listed.insert(name);
        }
        let note = |line: &str| {
            let (name, reason) = line.split_once('\t').unwrap_or((line, "no reason given"));
            (name.trim().to_owned(), reason.trim().to_owned())
        };
        let noted = notes
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(note)
            .collect();
        Ok(Self { noted, listed })
    }

    pub fn len(&self) -> usize {
        self.noted.len()
    }

    /// Skips that nobody has agreed to.
    pub fn unlisted(&self) -> impl Iterator<Item = &str> {
        let names = self
            .noted
            .keys()
            .filter(|name| !self.listed.contains(*name));
        names.map(String::as_str)
    }
}

impl fmt::Display for Skips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.noted.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nskipped")?;
        for (name, reason) in &self.noted {
            writeln!(f, "  {name}: {reason}")?;
        }
        for name in self.unlisted() {
            writeln!(
                f,
                "`{name}` is not listed in {LIST}: make it run, or list it with a reason"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_that_is_not_listed_stands_out() {
        let list = "[[skip]]\nname = \"known\"\nreason = \"needs a key\"\n";
        let skips = Skips::parse(list, "known\tno key\nnew\tno kernel\nnew\tno kernel\n").unwrap();
        assert_eq!(skips.len(), 2);
        assert_eq!(skips.unlisted().collect::<Vec<_>>(), ["new"]);
        assert!(skips.to_string().contains("  known: no key\n"));
        assert!(Skips::parse("[[skip]]\nname = \"mute\"\n", "").is_err());
    }
}
