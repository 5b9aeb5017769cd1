//! What the models cost, on the wire.

use crate::quota::HeldQuota;
use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wardroom_domain::{TaskId, Timestamp, UserId};

/// What was used in a span, by user, model, role and task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub rows: Vec<UsageRow>,
    /// How much each of these people may ask for, and how much of his month is spent.
    #[serde(default)]
    pub quotas: Vec<HeldQuota>,
    /// From how many hundredths of the month's money on somebody is warned, as configured.
    #[serde(default)]
    pub warn_percent: u8,
}

/// What one user's work used of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageRow {
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// The configured name of the model.
    pub model: String,
    /// `coordinator` or `executor`.
    pub role: String,
    #[schema(value_type = Option<schema::TaskId>)]
    pub task: Option<TaskId>,
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// In millionths of the currency of the configured prices; 0 where none is configured.
    pub cost_micros: u64,
}

/// Which usage to sum up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageFilter {
    /// Only what was used at or after this time.
    #[param(value_type = Option<schema::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only what was used before this time.
    #[param(value_type = Option<schema::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What was used per day of UTC, by person, model and role; the oldest day first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageDays {
    pub rows: Vec<UsageDay>,
}

/// What one person's work used of one model in one role on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageDay {
    /// `2026-01-31`.
    pub day: String,
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// The configured name of the model.
    pub model: String,
    /// `coordinator` or `executor`.
    pub role: String,
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// In millionths of the currency of the configured prices; 0 where none is configured.
    pub cost_micros: u64,
}
