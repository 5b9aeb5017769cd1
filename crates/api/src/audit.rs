//! The audit log on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wardroom_domain as domain;
use wardroom_domain::{AuditKind, Digest, RiskTier, TaskId, Timestamp};

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// `task_…`, `conv_…` or `org`.
    pub chain: String,
    /// Its place in the chain, from 1 without gaps.
    pub seq: i64,
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    #[schema(value_type = schema::AuditKind)]
    pub kind: AuditKind,
    /// Who did it.
    pub actor: String,
    #[schema(value_type = Option<schema::RiskTier>)]
    pub tier: Option<RiskTier>,
    /// The facts.
    #[schema(value_type = Value)]
    pub body: Value,
    /// The hash of the event before it.
    #[schema(value_type = schema::Digest)]
    pub prev_hash: Digest,
    #[schema(value_type = schema::Digest)]
    pub hash: Digest,
}

impl From<domain::AuditEvent> for AuditEvent {
    fn from(event: domain::AuditEvent) -> Self {
        Self {
            chain: event.chain,
            seq: event.seq,
            at: event.at,
            kind: event.kind,
            actor: event.actor,
            tier: event.tier,
            body: event.body,
            prev_hash: event.prev_hash,
            hash: event.hash,
        }
    }
}

/// A page of events, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEventList {
    pub events: Vec<AuditEvent>,
    pub next_cursor: Option<String>,
    /// Where a search ended before the page was full: the time down to which it has looked. Ask for
    /// the next page to go on.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub searched_to: Option<Timestamp>,
}

/// Which events to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Only this chain: `task_…`, `conv_…` or `org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// Only the chain of this task.
    #[param(value_type = Option<schema::TaskId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Only events of this kind.
    #[param(value_type = Option<schema::AuditKind>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<AuditKind>,
    /// Only what this actor did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only events of this tier.
    #[param(value_type = Option<schema::RiskTier>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<RiskTier>,
    /// Only events at or after this time.
    #[param(value_type = Option<schema::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only events before this time.
    #[param(value_type = Option<schema::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only events that hold these words, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// How many rows at most; 50 when nobody says, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditCheck {
    pub intact: bool,
    pub chains: u64,
    pub events: u64,
    pub anchors: u64,
    /// The first record that is wrong; null when the log is intact.
    pub first_bad: Option<BadRecord>,
}

/// A record that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadRecord {
    pub chain: String,
    pub seq: i64,
    /// What is wrong with it.
    pub what: String,
}
