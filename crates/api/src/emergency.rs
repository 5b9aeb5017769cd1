//! The org's emergency controls on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{RiskTier, Timestamp, UserId};

/// How the controls stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Emergency {
    /// Everything above `L0_READONLY` is refused.
    pub pause_mutations: bool,
    /// Nobody's bypass counts.
    pub disable_bypass: bool,
    #[schema(value_type = Option<schema::Timestamp>)]
    pub changed_at: Option<Timestamp>,
    #[schema(value_type = Option<schema::UserId>)]
    pub changed_by: Option<UserId>,
}

/// Moves one control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "control", rename_all = "snake_case", deny_unknown_fields)]
pub enum MoveControl {
    /// Refuses everything above `L0_READONLY`, or stops doing so.
    PauseMutations { on: bool },
    /// Lets nobody's bypass count, or stops doing so.
    DisableBypass { on: bool },
    /// Cancels every task in flight at or over a tier; `L2_DESTRUCTIVE` when nobody says.
    CancelRisky {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<schema::RiskTier>)]
        tier: Option<RiskTier>,
    },
    /// Invalidates every token and session that was issued, and rotates what can be rotated.
    RotateCredentials {},
}
