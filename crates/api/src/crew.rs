//! The crew, on the wire: who is at work, on what, with which models.

use crate::schema;
use crate::task::Task;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wardroom_domain::TaskType;

/// The crew as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Crew {
    /// The coordinator first, then an executor for each type of work.
    pub agents: Vec<Agent>,
    pub models: Vec<CrewModel>,
}

/// One of the crew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    pub name: String,
    /// `coordinator` or `executor`.
    pub role: String,
    /// The type of work; null for the coordinator.
    #[serde(rename = "type")]
    #[schema(value_type = Option<schema::TaskType>)]
    pub kind: Option<TaskType>,
    /// The models that it asks, the first one first.
    pub models: Vec<String>,
    /// What it is doing, as far as the caller may see it, newest first.
    pub tasks: Vec<Task>,
}

/// A configured model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CrewModel {
    /// Its name under `[models]`.
    pub name: String,
    /// The dialect in which it is spoken to.
    pub provider: String,
    /// What the provider calls it.
    pub model: String,
    /// Where it is asked, without any key.
    pub base_url: Option<String>,
}

/// Whether a model answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelTried {
    pub answers: bool,
    /// What it said, or why it said nothing.
    pub detail: String,
    /// How long that took.
    pub took_ms: u64,
}
