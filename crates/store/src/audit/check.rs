//! The check: reads anchors, then events chain by chain, and names the first record that is wrong.

use super::Sealed;
use super::anchor::{ANCHORS, Anchor, AnchorBody};
use super::signer::AuditVerifier;
use crate::sql::{Columns, Record, Row, params};
use crate::{Store, StoreError};
use std::collections::BTreeMap;
use wardroom_domain::{Digest, Timestamp};

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many chains were read.
    pub chains: u64,
    /// How many events were read.
    pub events: u64,
    /// How many anchors were read.
    pub anchors: u64,
    /// The first record that is wrong; none if the log is intact.
    pub first_bad: Option<BadRecord>,
}

/// A record that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// `task_…`, `conv_…`, `org`, or `anchors`.
    pub chain: String,
    /// Its place in the chain.
    pub seq: i64,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "record {} of chain {}: {}",
            self.seq, self.chain, self.what
        )
    }
}

/// An event as it is stored. Words are left as they are: a forged one is a finding, not a failure.
pub(super) struct StoredEvent {
    pub(super) org: String,
    pub(super) chain: String,
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) actor: String,
    pub(super) tier: Option<String>,
    pub(super) body: String,
    pub(super) body_digest: Digest,
    pub(super) prev_hash: Digest,
    pub(super) hash: Digest,
}

pub(super) const EVENTS: &str = "SELECT org, chain, seq, at, kind, actor, tier, body, body_digest, \
                                 prev_hash, hash FROM audit ORDER BY org, chain, seq";

impl Record for StoredEvent {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            org: columns.take()?,
            chain: columns.take()?,
            seq: columns.take()?,
            at: columns.take()?,
            kind: columns.take()?,
            actor: columns.take()?,
            tier: columns.take()?,
            body: columns.take()?,
            body_digest: columns.take()?,
            prev_hash: columns.take()?,
            hash: columns.take()?,
        })
    }
}

impl StoredEvent {
    fn sealed(&self) -> Sealed<'_> {
        Sealed {
            org: &self.org,
            chain: &self.chain,
            seq: self.seq,
            at: self.at,
            kind: &self.kind,
            actor: &self.actor,
            tier: self.tier.as_deref(),
            body_digest: self.body_digest,
            prev_hash: self.prev_hash,
        }
    }
}

impl Store {
    /// Checks the whole audit log as of this moment. It blocks: call it where that does no harm.
    pub fn audit_verify(&self, verifier: &AuditVerifier) -> Result<VerifyReport, StoreError> {
        // The marks first: an anchor that is made while we read is then newer, not missing.
        let mut check = Check::new(verifier)?;
        self.scan(|moment| {
            moment.each(ANCHORS, params![], &mut |row| {
                check.stored_anchor(&row);
                Ok(())
            })?;
            moment.each(EVENTS, params![], &mut |row| {
                check.stored_event(&row);
                Ok(())
            })
        })?;
        Ok(check.finish())
    }
}

/// What the anchors say of a chain: its hash at these lengths.
type Ends = BTreeMap<i64, Digest>;

/// The state of a check. Anchors come first, by org and number; then events, by org, chain, place.
pub(super) struct Check<'a> {
    verifier: &'a AuditVerifier,
    marks: BTreeMap<String, super::signer::Mark>,
    ends: BTreeMap<(String, String), Ends>,
    anchor: Option<(String, i64, Digest)>,
    chain: Option<(String, String, i64, Digest)>,
    report: VerifyReport,
}

impl<'a> Check<'a> {
    pub(super) fn new(verifier: &'a AuditVerifier) -> Result<Self, StoreError> {
        Ok(Self {
            verifier,
            marks: verifier.marks()?,
            ends: BTreeMap::new(),
            anchor: None,
            chain: None,
            report: VerifyReport::default(),
        })
    }

    pub(super) fn bad(&mut self, chain: &str, seq: i64, what: impl Into<String>) {
        if self.report.first_bad.is_none() {
            self.report.first_bad = Some(BadRecord {
                chain: chain.to_owned(),
                seq,
                what: what.into(),
            });
        }
    }

    fn stored_anchor(&mut self, row: &Row) {
        match row.decode::<Anchor>() {
            Ok(anchor) => self.anchor(&anchor),
            Err(error) => {
                let (_, number): (String, i64) = row.decode().unwrap_or_default();
                self.bad(ANCHOR_CHAIN, number, unreadable(error));
            }
        }
    }

    fn stored_event(&mut self, row: &Row) {
        match row.decode::<StoredEvent>() {
            Ok(event) => self.event(&event),
            Err(error) => {
                let (_, chain, seq): (String, String, i64) = row.decode().unwrap_or_default();
                self.bad(&chain, seq, unreadable(error));
            }
        }
    }

    pub(super) fn anchor(&mut self, anchor: &Anchor) {
        self.report.anchors += 1;
        if self
            .anchor
            .as_ref()
            .is_none_or(|(org, ..)| *org != anchor.org)
        {
            self.leave_anchors();
        }
        let (last, prev_hash) = match &self.anchor {
            Some((_, number, hash)) => (*number, *hash),
            None => (0, Digest::default()),
        };
        if let Err(what) = self.judge_anchor(anchor, last + 1, prev_hash) {
            self.bad(ANCHOR_CHAIN, anchor.number, what);
        }
        self.anchor = Some((anchor.org.clone(), anchor.number, anchor.hash));
    }

    fn judge_anchor(
        &mut self,
        anchor: &Anchor,
        number: i64,
        prev_hash: Digest,
    ) -> Result<(), &'static str> {
        if !self.verifier.accepts(&anchor.body, &anchor.signature) {
            return Err("the anchor is not signed by our key");
        }
        let body: AnchorBody =
            serde_json::from_str(&anchor.body).map_err(|_| "the anchor cannot be read")?;
        if body.org != anchor.org || body.number != anchor.number {
            return Err("the anchor belongs to another place");
        }
        if anchor.number != number {
            return Err("an anchor before this one is missing");
        }
        if anchor.hash != Digest::of_bytes(anchor.body.as_bytes()) || body.prev_hash != prev_hash {
            return Err("the anchor does not follow the one before it");
        }
        if self
            .marks
            .get(&anchor.org)
            .is_some_and(|mark| mark.number == anchor.number && mark.hash != anchor.hash)
        {
            return Err("the anchor is not the one that was noted beside the key");
        }
        for end in body.chains {
            let key = (anchor.org.clone(), end.chain);
            self.ends
                .entry(key)
                .or_default()
                .insert(end.length, end.head);
        }
        Ok(())
    }

    /// The anchors of an org end here; what was noted beside the key tells whether too early. The
    /// very first anchor may have been lost to the note by a crash.
    fn leave_anchors(&mut self) {
        let Some((org, number, _)) = self.anchor.take() else {
            return;
        };
        match self.marks.remove(&org) {
            Some(mark) if mark.number > number => {
                self.bad(ANCHOR_CHAIN, mark.number, "the newest anchors are missing");
            }
            None if number > 1 => {
                self.bad(
                    ANCHOR_CHAIN,
                    number,
                    "the note of the newest anchor beside the key is missing",
                );
            }
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: &StoredEvent) {
        self.report.events += 1;
        let is_new = self
            .chain
            .as_ref()
            .is_none_or(|(org, chain, ..)| *org != event.org || *chain != event.chain);
        if is_new {
            self.leave_chain();
            self.report.chains += 1;
        }
        let (last, prev_hash) = match &self.chain {
            Some((.., seq, hash)) => (*seq, *hash),
            None => (0, Digest::default()),
        };
        if let Err(what) = judge(event, last + 1, prev_hash) {
            self.bad(&event.chain, event.seq, what);
        }
        let key = (event.org.clone(), event.chain.clone());
        if let Some(ends) = self.ends.get_mut(&key)
            && let Some(head) = ends.remove(&event.seq)
            && head != event.hash
        {
            self.bad(
                &event.chain,
                event.seq,
                "the event is not the one that was anchored",
            );
        }
        self.chain = Some((key.0, key.1, event.seq, event.hash));
    }

    fn leave_chain(&mut self) {
        let Some((org, chain, seq, _)) = self.chain.take() else {
            return;
        };
        let ends = self.ends.remove(&(org, chain.clone())).unwrap_or_default();
        if let Some((length, _)) = ends.last_key_value() {
            self.bad(
                &chain,
                seq + 1,
                format!("the end is missing: {length} events were anchored"),
            );
        }
    }

    pub(super) fn finish(mut self) -> VerifyReport {
        self.leave_anchors();
        self.leave_chain();
        if let Some(((_, chain), ends)) = self.ends.pop_first() {
            let length = ends.last_key_value().map_or(0, |(length, _)| *length);
            self.bad(
                &chain,
                1,
                format!("the chain is missing: {length} events were anchored"),
            );
        }
        if let Some((org, mark)) = self.marks.pop_first() {
            self.bad(
                ANCHOR_CHAIN,
                mark.number,
                format!("every anchor of {org} is missing"),
            );
        }
        self.report
    }
}

/// The name of the anchors where a chain is named.
const ANCHOR_CHAIN: &str = "anchors";

fn unreadable(error: StoreError) -> String {
    match error {
        StoreError::Damaged(what) => format!("the record cannot be read: {what}"),
        other => other.to_string(),
    }
}

fn judge(event: &StoredEvent, seq: i64, prev_hash: Digest) -> Result<(), &'static str> {
    if event.seq != seq {
        return Err("an event before this one is missing, or this one was put in");
    }
    if event.prev_hash != prev_hash {
        return Err("the event does not follow the one before it");
    }
    if event.body_digest != Digest::of_bytes(event.body.as_bytes()) {
        return Err("the body is not the one that was written");
    }
    if event.hash != event.sealed().hash() {
        return Err("the event is not the one that was written");
    }
    Ok(())
}
