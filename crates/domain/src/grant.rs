//! A remembered yes: for exactly this kind of action, in one workspace, until somebody takes it back.

use crate::{Digest, GrantId, RiskTier, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// What a remembered yes covers. Two actions are of one kind when their digests are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionKind {
    /// What is compared.
    pub digest: Digest,
    /// What people read: `shell: npm install left-pad`.
    pub text: String,
}

/// A yes that also answers the same question of tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The grant's id.
    pub id: GrantId,
    /// Where it holds; nowhere else.
    pub workspace: WorkspaceId,
    /// For whose requests; none for everybody who works there.
    pub requester: Option<UserId>,
    /// What it covers.
    pub kind: ActionKind,
    /// The tier that was approved: an action that weighs more asks anew.
    pub tier: RiskTier,
    /// Who gave it.
    pub granted_by: UserId,
    /// When.
    pub granted_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When somebody took it back.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// Whether it is in force.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && self.granted_at <= now
            && self.expires_at.is_none_or(|end| now < end)
    }
}
