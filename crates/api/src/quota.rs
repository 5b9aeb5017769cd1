//! How much a person may ask for, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain as domain;
use wardroom_domain::UserId;

/// What one person may ask for; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    pub messages_per_minute: u32,
    /// Delegated and spawned ones too.
    pub tasks_per_minute: u32,
    /// Of models.
    pub tokens_per_minute: u64,
    /// In millionths of the currency of the configured prices.
    pub spend_per_month_micros: u64,
}

impl From<domain::Quota> for Quota {
    fn from(quota: domain::Quota) -> Self {
        Self {
            messages_per_minute: quota.messages_per_minute,
            tasks_per_minute: quota.tasks_per_minute,
            tokens_per_minute: quota.tokens_per_minute,
            spend_per_month_micros: quota.spend_per_month_micros,
        }
    }
}

/// What is set for one person, in place of what was set before: what is left out or null is as for
/// everybody, 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnQuota {
    pub messages_per_minute: Option<u32>,
    pub tasks_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u64>,
    /// In millionths of the currency of the configured prices.
    pub spend_per_month_micros: Option<u64>,
}

impl From<domain::OwnQuota> for OwnQuota {
    fn from(own: domain::OwnQuota) -> Self {
        Self {
            messages_per_minute: own.messages_per_minute,
            tasks_per_minute: own.tasks_per_minute,
            tokens_per_minute: own.tokens_per_minute,
            spend_per_month_micros: own.spend_per_month_micros,
        }
    }
}

impl From<OwnQuota> for domain::OwnQuota {
    fn from(own: OwnQuota) -> Self {
        Self {
            messages_per_minute: own.messages_per_minute,
            tasks_per_minute: own.tasks_per_minute,
            tokens_per_minute: own.tokens_per_minute,
            spend_per_month_micros: own.spend_per_month_micros,
        }
    }
}

/// How a person's quota stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldQuota {
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// What an admin set for him alone.
    pub own: OwnQuota,
    /// What holds for him.
    pub quota: Quota,
    /// What he spent on models in this month, in millionths.
    pub spent_micros: u64,
    /// The day of UTC on which the next month begins, `2026-02-01`.
    pub anew_on: String,
}
