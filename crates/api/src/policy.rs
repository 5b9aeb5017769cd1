//! The org's policy on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use wardroom_domain::{Origin, PolicySource, RiskTier, Role, Timestamp, UserId};

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// Counts from 1; a rollback makes a new one; 0 is the configuration alone.
    pub version: i64,
    /// The set of rules that it starts from.
    pub preset: String,
    /// The tiers that an admin may decide for his own requests.
    #[schema(value_type = Vec<schema::RiskTier>)]
    pub self_approval: Vec<RiskTier>,
    /// The lowest role that decides each tier.
    #[schema(value_type = BTreeMap<String, schema::Role>)]
    pub approvers: BTreeMap<RiskTier, Role>,
    /// The tiers that two people decide together.
    #[schema(value_type = Vec<schema::RiskTier>)]
    pub four_eyes: Vec<RiskTier>,
    /// Whether people may switch their bypass on at all.
    pub allow_bypass: bool,
    /// The tiers that a bypass covers; the highest never counts.
    #[schema(value_type = Vec<schema::RiskTier>)]
    pub bypass_covers: Vec<RiskTier>,
    /// The tiers that a remembered yes covers; the highest never counts.
    #[schema(value_type = Vec<schema::RiskTier>)]
    pub grants_cover: Vec<RiskTier>,
    /// How long a question waits before it fails safe.
    pub approval_ttl_s: u64,
    /// What the org's document says over the configuration.
    #[schema(value_type = Object)]
    pub document: Value,
    /// Who may do what, where and from where, as people read it.
    pub table: String,
    /// When this version came into force; null for what the configuration file says.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub changed_at: Option<Timestamp>,
    /// Who wrote it: a user, or whom the operating system named; null as above.
    pub changed_by: Option<String>,
    /// What its author should know; only in the answer to a change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Puts another policy in force; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPolicy {
    /// The whole document as its author wrote it, in TOML; then nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::RiskTier>>)]
    pub self_approval: Option<Vec<RiskTier>>,
    /// The lowest role that decides a tier; never lower than the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, schema::Role>>)]
    pub approvers: Option<BTreeMap<RiskTier, Role>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::RiskTier>>)]
    pub four_eyes: Option<Vec<RiskTier>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_bypass: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::RiskTier>>)]
    pub bypass_covers: Option<Vec<RiskTier>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::RiskTier>>)]
    pub grants_cover: Option<Vec<RiskTier>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub approval_ttl_s: Option<u64>,
    /// The highest tier of changes that goes to a folder of the product unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::RiskTier>)]
    pub apply_unasked: Option<RiskTier>,
    /// The highest tier that leaves the box unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::RiskTier>)]
    pub outside_unasked: Option<RiskTier>,
    /// The tiers for which a person's own rules may allow what the org asks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::RiskTier>>)]
    pub users_may_allow: Option<Vec<RiskTier>>,
    /// By door: `{"deny": [tool], "ask": [tool], "tier_max": tier}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub origins: Option<Value>,
    /// By role: `{"tools": [tool], "models": [model]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub roles: Option<Value>,
    /// By agent, the same, with `"level"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub agents: Option<Value>,
    /// By context, as for roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub contexts: Option<Value>,
    /// By skill, as for roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub skills: Option<Value>,
    /// Further rules, in Cedar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

/// One version of the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyVersion {
    /// Counts from 1.
    pub version: i64,
    /// Who wrote it.
    pub author: String,
    /// When.
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// The difference to the version before, as a unified diff.
    pub diff: String,
    /// What it said.
    #[schema(value_type = Object)]
    pub document: Value,
}

/// The versions of the policy, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyHistory {
    pub versions: Vec<PolicyVersion>,
    pub next_cursor: Option<String>,
}

/// Makes an old version the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackPolicy {
    /// Which; 0 is the configuration alone.
    #[schema(minimum = 0)]
    pub version: i64,
}

/// A person's own rules, which tighten the org's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRules {
    /// In Cedar; empty takes them back.
    pub rules: String,
}

/// What would become of a tool call?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainPolicy {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub arguments: Value,
    /// For whom it would be done; the caller where nobody is named.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::UserId>)]
    pub user: Option<UserId>,
    /// Through which door; chat where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub origin: Option<Origin>,
    /// The agent that would do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whether something from outside was read before.
    #[serde(default)]
    pub after_external: bool,
}

/// What would become of a tool call, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedCall {
    /// The tool.
    pub tool: String,
    /// The role of the one for whom it would be done.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// In a task's view without egress.
    pub in_view: Explained,
    /// On the bare host, with nothing in between.
    pub on_host: Explained,
}

/// One answer, with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// `allow`, `ask` or `deny`.
    pub decision: String,
    #[schema(value_type = schema::RiskTier)]
    pub tier: RiskTier,
    /// The rule that says so.
    pub rule: String,
    /// Its layer.
    #[schema(value_type = schema::PolicySource)]
    pub source: PolicySource,
    /// One sentence why.
    pub rationale: String,
    /// Who may say yes, where somebody is asked.
    pub deciders: Vec<Decider>,
}

/// What a role may decide of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decider {
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Whether it decides another's request.
    pub others: bool,
    /// Whether it decides its own.
    pub own: bool,
}
