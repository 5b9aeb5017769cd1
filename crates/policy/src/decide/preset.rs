//! The presets: named sets of rules, compiled in.

use wardroom_domain::words;

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

impl Preset {
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
