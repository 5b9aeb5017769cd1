//! Two labels on every value: where it came from, and who may learn it. Joined as values flow.

use crate::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

words! {
    /// Where a value came from; ordered from most to least trusted.
    pub enum Integrity {
        /// An authenticated person said it here.
        Owner = "OWNER",
        /// The org's documents and approved skills.
        Org = "ORG",
        /// Everything else: web, mail, attachments, other people, foreign servers.
        External = "EXTERNAL",
    }
}

/// The labels of one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Where it came from.
    pub integrity: Integrity,
    /// Who may learn it: `user_…`, `ws_…`, `org` or `anyone`. A value made from several needs a
    /// reader who may learn all of them, so the set grows by union and every entry must be met.
    pub audience: BTreeSet<String>,
}

impl Labels {
    /// What an authenticated person typed, for himself.
    pub fn owner(reader: impl std::fmt::Display) -> Self {
        Self {
            integrity: Integrity::Owner,
            audience: BTreeSet::from([reader.to_string()]),
        }
    }

    /// Something from outside, public unless joined with something narrower.
    pub fn external() -> Self {
        Self {
            integrity: Integrity::External,
            audience: BTreeSet::new(),
        }
    }

    /// The labels of a value made from both.
    #[must_use]
    pub fn join(&self, other: &Labels) -> Labels {
        Labels {
            integrity: self.integrity.max(other.integrity),
            audience: self.audience.union(&other.audience).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_never_gains_trust_or_readers() {
        let typed = Labels::owner("user_a");
        let page = Labels::external();
        let both = typed.join(&page);
        assert_eq!(both.integrity, Integrity::External);
        assert_eq!(both.audience, typed.audience);
        assert_eq!(both, page.join(&typed));
    }
}
