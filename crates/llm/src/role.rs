//! In what capacity a model is asked, and the right to ask it.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wardroom_domain::{TaskId, UserId};
use wardroom_policy::decide::Allowlist;

use crate::message::ModelRequest;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelRole {
    /// Talks with people and delegates; should be quick and cheap.
    Coordinator,
    /// Works on a task; should be strong.
    Executor,
}

/// One model turn that policy may permit: whom it is for and what it needs.
#[derive(Debug)]
pub struct ModelCall {
    pub role: ModelRole,
    pub user: UserId,
    pub task: Option<TaskId>,
    pub task_type: Option<String>,
    pub needs_images: bool,
    /// The person's own keys by the name of the model they are for.
    pub own_keys: BTreeMap<String, SecretString>,
    /// Which models may be asked, by whoever narrows it; only what all let through is asked.
    pub allowlists: Vec<Allowlist>,
}

impl ModelRole {
    pub fn name(self) -> &'static str {
        match self {
            ModelRole::Coordinator => "coordinator",
            ModelRole::Executor => "executor",
        }
    }

    /// Whose request this is, told by the tools: only a coordinator may delegate, and whoever has
    /// none at all is talking.
    pub(crate) fn of(request: &ModelRequest) -> ModelRole {
        let delegates = request.tools.iter().any(|tool| tool.name == "delegate");
        if delegates || request.tools.is_empty() {
            ModelRole::Coordinator
        } else {
            ModelRole::Executor
        }
    }
}
