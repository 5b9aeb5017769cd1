//! Anchors: signed records of how long the chains were and what stood at their ends.

use super::signer::{AuditSigner, AuditVerifier, Mark};
use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::sql::{Columns, Record, Tx, params};
use crate::{CommitError, Store, StoreError};
use serde::{Deserialize, Serialize};
use wardroom_domain::{Digest, OrgId, Timestamp, Waymark, canonical_json};

/// What an anchor says, and what is signed: its canonical JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AnchorBody {
    pub(super) org: String,
    pub(super) number: i64,
    pub(super) at: Timestamp,
    pub(super) prev_hash: Digest,
    pub(super) chains: Vec<ChainEnd>,
}

/// The end of one chain.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChainEnd {
    pub(super) chain: String,
    pub(super) length: i64,
    pub(super) head: Digest,
}

/// An anchor as it is stored and exported.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Anchor {
    pub(super) org: String,
    pub(super) number: i64,
    pub(super) body: String,
    pub(super) hash: Digest,
    #[serde(with = "hex::serde")]
    pub(super) signature: Vec<u8>,
}

pub(super) const ANCHORS: &str =
    "SELECT org, number, body, hash, signature FROM anchor ORDER BY org, number";

impl Record for Anchor {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            org: columns.take()?,
            number: columns.take()?,
            body: columns.take()?,
            hash: columns.take()?,
            signature: columns.take()?,
        })
    }
}

impl Record for ChainEnd {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            chain: columns.take()?,
            length: columns.take()?,
            head: columns.take()?,
        })
    }
}

impl Store {
    /// Signs where the chains of an org stand that have grown since the last anchor, and answers
    /// its number; none if none has grown. Called on a timer and at a graceful stop.
    pub async fn anchor(
        &self,
        org: OrgId,
        signer: &AuditSigner,
        at: Timestamp,
    ) -> Result<Option<i64>, CommitError> {
        let hand = signer.clone();
        let made = self.carry_out(org, MakeAnchor(hand, at)).await?;
        let Some(mark) = made else { return Ok(None) };
        Waymark::AnchorWrite.reached().await;
        signer.note(org, mark)?;
        Ok(Some(mark.number))
    }
}

impl Store {
    /// Whether the newest anchor of an org was signed with this key; so it is where there is none.
    pub async fn is_anchored_by(
        &self,
        org: OrgId,
        verifier: &AuditVerifier,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT org, number, body, hash, signature FROM anchor WHERE org = $1 \
                   ORDER BY number DESC LIMIT 1";
        let newest: Option<Anchor> = self.one(sql, params![org]).await?;
        Ok(newest.is_none_or(|anchor| verifier.accepts(&anchor.body, &anchor.signature)))
    }
}

/// Signs the ends of the chains that have grown.
struct MakeAnchor(AuditSigner, Timestamp);

impl Deed for MakeAnchor {
    type Answer = Option<Mark>;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<Mark>, CommitError> {
        anchor(at, &self.0, self.1).await
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Anchors]
    }
}

async fn anchor<T: Tx>(
    boundary: &mut Boundary<'_, T>,
    signer: &AuditSigner,
    at: Timestamp,
) -> Result<Option<Mark>, CommitError> {
    let org = boundary.org;
    let chains = grown(boundary).await?;
    if chains.is_empty() {
        return Ok(None);
    }
    let last: Option<(i64, Digest)> = boundary
        .tx
        .one(
            "SELECT number, hash FROM anchor WHERE org = $1 ORDER BY number DESC LIMIT 1",
            params![org],
        )
        .await?;
    let (last_number, prev_hash) = last.unwrap_or_default();
    let number = last_number + 1;
    let body = canonical_json(&AnchorBody {
        org: org.to_string(),
        number,
        at,
        prev_hash,
        chains,
    });
    let hash = Digest::of_bytes(body.as_bytes());
    let signature = signer.sign(&body);
    boundary
        .tx
        .execute(
            "INSERT INTO anchor (org, number, body, hash, signature) VALUES ($1, $2, $3, $4, $5)",
            params![org, number, body, hash, signature.as_slice()],
        )
        .await?;
    boundary
        .tx
        .execute("DELETE FROM audit_unanchored WHERE org = $1", params![org])
        .await?;
    boundary.heads.forget();
    Ok(Some(Mark { number, hash }))
}

/// `CROSS JOIN` makes SQLite begin with the few chains that have grown.
async fn grown<T: Tx>(boundary: &mut Boundary<'_, T>) -> Result<Vec<ChainEnd>, StoreError> {
    boundary
        .tx
        .all(
            "SELECT a.chain, a.seq, a.hash FROM audit_unanchored u CROSS JOIN audit a \
             WHERE u.org = $1 AND a.org = u.org AND a.chain = u.chain \
             AND a.seq = (SELECT MAX(b.seq) FROM audit b \
                          WHERE b.org = u.org AND b.chain = u.chain) \
             ORDER BY u.chain",
            params![boundary.org],
        )
        .await
}
