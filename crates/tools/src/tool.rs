//! A tool's manifest.

use crate::Foreign;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardroom_domain::{RetryClass, RiskTier};

/// Who is offered a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// The coordinator, which has no hands.
    Coordinator,
    /// A task.
    Executor,
}

/// What is known of a tool before anybody calls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// `snake_case`, without dots.
    pub name: String,
    /// One line for the model.
    pub description: String,
    /// A JSON schema of the arguments: an object.
    pub parameters: Value,
    /// Who is offered it.
    pub seat: Seat,
    /// What may be done about a call whose outcome a crash swallowed.
    pub class: RetryClass,
    /// No call of it is milder than this, whatever the classifier finds.
    pub tier_floor: RiskTier,
    /// Changes when its meaning does; part of what an approval binds to.
    pub version: String,
    /// What makes it foreign; none for the tools that Wardroom brings along.
    #[serde(default)]
    pub foreign: Option<Foreign>,
}
