//! The presets: named sets of rules, compiled in.

use std::collections::BTreeSet;
use wardroom_domain::{Role, words};

words! {
    /// What policy does with an action.
    pub enum Verb {
        /// It may happen.
        Allow = "allow",
        /// A person is asked.
        Ask = "ask",
        /// It may not happen.
        Deny = "deny",
    }
}

words! {
    /// A named set of rules.
    pub enum Preset {
        /// One person's own machine.
        Consumer = "consumer",
        /// A company: every change is approved.
        Enterprise = "enterprise",
        /// A team of agents on one server.
        Server = "server",
        /// A gateway for many people.
        Gateway = "gateway",
        /// A team of agents, each on a machine of its own.
        Team = "team",
    }
}

/// What people below an operator work with behind a gateway, until the org lists something else:
/// pages and notes, and what speaks to them or carries their changes. No shell.
const GATEWAY_TOOLS: &[&str] = &[
    "http_fetch",
    "html_to_markdown",
    "md_read",
    "md_write",
    "qmd_search",
    "apply",
    "publish",
    "deliver",
    "ask_person",
    "find_tools",
    "spawn_task",
];

impl Preset {
    /// The tools of a role, where this preset lists any.
    pub(super) fn tools(self, role: Role) -> Option<BTreeSet<String>> {
        let is_listed = self == Self::Gateway && !role.is_at_least(Role::Operator);
        is_listed.then(|| {
            GATEWAY_TOOLS
                .iter()
                .map(|tool| (*tool).to_owned())
                .collect()
        })
    }

    /// Its rules, beside those that every preset starts from.
    pub(super) fn rules(self) -> &'static str {
        match self {
            Self::Consumer => include_str!("rules/presets/consumer.cedar"),
            Self::Enterprise => include_str!("rules/presets/enterprise.cedar"),
            Self::Server => include_str!("rules/presets/server.cedar"),
            Self::Gateway => include_str!("rules/presets/gateway.cedar"),
            Self::Team => include_str!("rules/presets/team.cedar"),
        }
    }
}

/// The rules that every preset starts from.
pub(super) const BASE: &str = include_str!("rules/presets/base.cedar");
