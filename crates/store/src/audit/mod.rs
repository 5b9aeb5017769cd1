//! What is written down for good: hash chains over digests of the bodies, signed anchors over the
//! heads of the chains, and the check that finds every change.

mod anchor;
mod check;
mod events;
mod search;
mod export;
mod heads;
mod signer;

pub(crate) use heads::Heads;

pub use check::{BadRecord, VerifyReport};
pub use events::{AuditFilter, AuditPage, ChainScope};
pub use export::verify_export;
pub use signer::{AuditSigner, AuditVerifier};

use crate::CommitError;
use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Tx, params};
use crate::write::Apply;
use heads::Head;
use serde::Serialize;
use wardroom_domain::{AuditDraft, Chain, Digest, Timestamp, canonical_json};

/// What the hash of an event is over. The body is in it by its digest only, so that a body can be
/// erased and the chain still verifies.
///
/// INVARIANT: the fields stand in the order of their names, so that plain JSON is canonical JSON.
#[derive(Serialize)]
struct Sealed<'a> {
    actor: &'a str,
    at: Timestamp,
    body_digest: Digest,
    chain: &'a str,
    kind: &'a str,
    org: &'a str,
    prev_hash: Digest,
    seq: i64,
    tier: Option<&'a str>,
}

impl Sealed<'_> {
    fn hash(&self) -> Digest {
        Digest::of_bytes(crate::sql::json(self).as_bytes())
    }
}

impl Apply for AuditDraft {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let head = head_of(at, self.chain).await?;
        if !head.is_unanchored {
            mark_unanchored(at, self.chain).await?;
        }
        let (org, chain) = (at.org.to_string(), self.chain.to_string());
        let body = canonical_json(&self.body);
        let sealed = Sealed {
            org: &org,
            chain: &chain,
            seq: head.seq + 1,
            at: self.at,
            kind: self.kind.as_str(),
            actor: &self.actor,
            tier: self.tier.map(|tier| tier.as_str()),
            body_digest: Digest::of_bytes(body.as_bytes()),
            prev_hash: head.hash,
        };
        let hash = sealed.hash();
        at.tx
            .execute(
                "INSERT INTO audit (org, chain, seq, at, kind, actor, tier, body, body_digest, \
                 prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                params![
                    org,
                    chain,
                    sealed.seq,
                    sealed.at,
                    sealed.kind,
                    sealed.actor,
                    sealed.tier,
                    body,
                    sealed.body_digest,
                    sealed.prev_hash,
                    hash
                ],
            )
            .await?;
        let head = Head {
            seq: head.seq + 1,
            hash,
            is_unanchored: true,
        };
        at.heads.set(at.org, self.chain, head);
        Ok(Some(head.seq))
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Chain(self.chain), Key::Growing]
    }
}

async fn head_of<T: Tx>(at: &mut Boundary<'_, T>, chain: Chain) -> Result<Head, CommitError> {
    if let Some(head) = at.heads.get(at.org, chain) {
        return Ok(head);
    }
    let last: Option<(i64, Digest, bool)> = at
        .tx
        .one(
            "SELECT seq, hash, EXISTS (SELECT 1 FROM audit_unanchored u \
             WHERE u.org = $1 AND u.chain = $2) \
             FROM audit WHERE org = $1 AND chain = $2 ORDER BY seq DESC LIMIT 1",
            params![at.org, chain],
        )
        .await?;
    let (seq, hash, is_unanchored) = last.unwrap_or_default();
    Ok(Head {
        seq,
        hash,
        is_unanchored,
    })
}

async fn mark_unanchored<T: Tx>(at: &mut Boundary<'_, T>, chain: Chain) -> Result<(), CommitError> {
    let sql = "INSERT INTO audit_unanchored (org, chain) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    at.tx.execute(sql, params![at.org, chain]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_sealed_as_canonical_json() {
        let nasty = "q\" b\\ n\n r\r t\t b\u{8} f\u{c} nul\0 del\u{7f} ü 😀 \u{2028} </s>";
        for tier in [None, Some("L3_PRIVILEGED")] {
            let sealed = Sealed {
                actor: nasty,
                at: Timestamp::from_micros(1),
                body_digest: Digest::of_bytes(b"body"),
                chain: "org",
                kind: "session.created",
                org: "org_1",
                prev_hash: Digest::default(),
                seq: 9_007_199_254_740_991,
                tier,
            };
            assert_eq!(sealed.hash(), Digest::of(&sealed));
        }
    }
}
