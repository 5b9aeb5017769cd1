//! The ends of the chains that the writer has lately added to, so that it need not look them up.

use std::collections::HashMap;
use wardroom_domain::{Chain, Digest, OrgId};

/// Busy tasks and conversations; forgetting one costs a look-up.
const HEADS_MAX: usize = 10_000;

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(super) seq: i64,
    pub(super) hash: Digest,
    /// Whether the next anchor knows already that this chain has grown.
    pub(super) is_unanchored: bool,
}

/// INVARIANT: holds what the open transaction holds. What a job has set is taken back when the job
/// is undone, and all of it is forgotten when the transaction is lost.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    known: HashMap<(OrgId, Chain), Head>,
    before: Vec<((OrgId, Chain), Option<Head>)>,
}

impl Heads {
    pub(super) fn get(&self, org: OrgId, chain: Chain) -> Option<Head> {
        self.known.get(&(org, chain)).copied()
    }

    pub(super) fn set(&mut self, org: OrgId, chain: Chain, head: Head) {
        let before = self.known.insert((org, chain), head);
        self.before.push(((org, chain), before));
    }

    /// The job is kept.
    pub(crate) fn keep(&mut self) {
        self.before.clear();
        if self.known.len() > HEADS_MAX {
            self.known.clear();
        }
    }

    /// The job is undone.
    pub(crate) fn undo(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            match before {
                Some(head) => self.known.insert(key, head),
                None => self.known.remove(&key),
            };
        }
    }

    /// Nothing is known any more; everything will be looked up again.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
        self.before.clear();
    }
}
