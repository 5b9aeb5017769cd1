//! What stands around an action: who may do how much here, what is switched, what was promised.

use crate::typed::Typed;
use std::collections::BTreeSet;
use wardroom_domain::{
    BypassMode, ContextId, Emergency, Grant, Mandate, PermissionLevel, Scopes, ToolCall,
    WorkspaceId, words,
};

/// Everything around an action that is not the action. The default is a place where nothing is
/// narrowed, switched, remembered or promised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// The folder that the task works on; grants hold in one folder.
    pub workspace: Option<WorkspaceId>,
    /// The channel, thread or chat that it belongs to.
    pub context: Option<ContextId>,
    /// Which of the crew acts.
    pub agent: &'a str,
    /// The skill at work.
    pub skill: Option<&'a str>,
    /// Where the requester's role holds; none where it holds everywhere.
    pub scopes: Option<&'a Scopes>,
    /// What context, skill, agent and role let through, beside what the policy itself lists. Only
    /// what all of them let through happens.
    pub allowlists: &'a [Allowlist],
    /// How far the agent may go; none where agents have no levels.
    pub agent_level: Option<PermissionLevel>,
    /// How far a person has let this one task go instead.
    pub raised: Option<PermissionLevel>,
    /// What the requester has switched; the org says what it covers.
    pub bypass: BypassMode,
    /// What the org has switched.
    pub emergency: Emergency,
    /// Remembered answers.
    pub grants: &'a [Grant],
    /// What the task fixed before it read anything from outside.
    pub mandate: Option<&'a Mandate>,
    /// What the requester typed himself; none where nobody typed anything, or not to be relied on.
    pub typed: Option<&'a Typed>,
    /// What the org's own data has named in this task, where the org declared it to be its own.
    pub named_by_org: Option<&'a Typed>,
    /// What the task has done so far beyond looking: a wish that was said once is carried out once.
    pub done: &'a [ToolCall],
    /// Whether the org vouches for what the tool does, so that its tier is known and not guessed.
    pub is_vouched: bool,
}

words! {
    /// Whose list it is.
    pub enum Layer {
        /// Of the channel or chat.
        Context = "context",
        /// Of the skill at work.
        Skill = "skill",
        /// Of the agent.
        Agent = "agent",
        /// Of the requester's role.
        Role = "role",
    }
}

/// What one layer lets through. Lists are intersected: another layer never adds anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowlist {
    /// Whose list it is.
    pub layer: Layer,
    /// The name of that context, skill, agent or role.
    pub name: String,
    /// The tools that it lets through; none where it does not care.
    pub tools: Option<BTreeSet<String>>,
    /// The models that it lets through; none where it does not care.
    pub models: Option<BTreeSet<String>>,
}

impl Allowlist {
    /// Whether this layer lets the tool through.
    pub fn lets_tool(&self, tool: &str) -> bool {
        self.tools.as_ref().is_none_or(|tools| {
            tools.contains(tool)
                // `files__*` names every tool of one MCP server.
                || tools.iter().any(|name| {
                    name.strip_suffix('*').is_some_and(|start| start.ends_with("__") && tool.starts_with(start))
                })
        })
    }

    /// Whether this layer lets the model through.
    pub fn lets_model(&self, model: &str) -> bool {
        let models = self.models.as_ref();
        models.is_none_or(|models| models.contains(model))
    }
}
