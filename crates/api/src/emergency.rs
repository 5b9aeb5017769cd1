//! The org's emergency controls on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::{RiskTier, TaskId, Timestamp, UserId};

/// How the controls stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Emergency {
    /// Everything above `L0_READONLY` that leaves a task's own view waits.
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
    /// Lets everything above `L0_READONLY` wait, or go on.
    PauseMutations { on: bool },
    /// Ends everybody's bypass and lets nobody switch it on, or lets people again.
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

/// What moving a control came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlMoved {
    /// How the controls stand now.
    #[serde(flatten)]
    pub emergency: Emergency,
    /// The tasks that were cancelled.
    #[schema(value_type = Vec<schema::TaskId>)]
    pub cancelled: Vec<TaskId>,
    /// How many tokens ended.
    pub tokens_ended: usize,
    /// How many sessions ended.
    pub sessions_ended: usize,
    /// Secrets that only who issued them can renew: set them anew.
    pub secrets_to_renew: Vec<String>,
}
