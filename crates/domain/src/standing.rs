//! What an org or a person has switched, and how far an agent or a person may go: plain data that
//! policy reads at every decision.

use crate::{RiskTier, words};
use serde::{Deserialize, Serialize};

words! {
    /// Whether a person lets his own actions go unasked, as far as his org allows it.
    #[derive(Default)]
    pub enum BypassMode {
        /// He is asked.
        #[default]
        Off = "OFF",
        /// He is not asked for what the org lets bypass cover.
        On = "ON",
    }
}

/// The org's emergency controls that change what policy answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Emergency {
    /// Nothing above `L0_READONLY` happens until this is switched off again.
    pub pause_mutations: bool,
    /// Nobody's bypass counts, whatever he switched.
    pub bypass_disabled: bool,
}

words! {
    /// How much an agent may do at most; ordered from least to most.
    pub enum PermissionLevel {
        /// Reads its workspace.
        Restricted = "RESTRICTED",
        /// Also changes its workspace, runs programs there and reads from allowed hosts.
        Standard = "STANDARD",
        /// Also removes, sends and steers services.
        Elevated = "ELEVATED",
        /// Anything, each privileged act with a person's yes.
        Privileged = "PRIVILEGED",
    }
}

impl PermissionLevel {
    /// The highest tier that an agent of this level may reach for.
    pub const fn ceiling(self) -> RiskTier {
        match self {
            Self::Restricted => RiskTier::L0Readonly,
            Self::Standard => RiskTier::L1Mutating,
            Self::Elevated => RiskTier::L2Destructive,
            Self::Privileged => RiskTier::L3Privileged,
        }
    }
}

words! {
    /// What a person's role can be narrowed to.
    pub enum ScopeKind {
        /// A folder that tasks work on.
        Workspace = "workspace",
        /// A channel, thread or private chat.
        Context = "context",
        /// A skill.
        Skill = "skill",
        /// A tool or command.
        Tool = "tool",
        /// A model.
        Model = "model",
        /// A mail account.
        Mailbox = "mailbox",
    }
}

/// One thing that a role holds for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// What kind of thing.
    pub kind: ScopeKind,
    /// Its id, or its name where it has none.
    pub name: String,
}

/// Where a person's role holds. A kind that is not named is not narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(pub Vec<Scope>);

impl Scopes {
    /// Whether the role holds for this thing.
    pub fn cover(&self, kind: ScopeKind, name: &str) -> bool {
        let mut named = self.0.iter().filter(|scope| scope.kind == kind).peekable();
        named.peek().is_none() || named.any(|scope| scope.name == name)
    }

    /// The first of these things that the role does not hold for. Whoever asks where a role holds
    /// asks here: seeing, steering, acting and deciding alike.
    pub fn miss(&self, here: &[(ScopeKind, String)]) -> Option<ScopeKind> {
        let mut missed = here.iter().filter(|(kind, name)| !self.cover(*kind, name));
        missed.next().map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_in_one_place_gives_nothing_in_another() {
        for &kind in ScopeKind::ALL {
            let here = Scope {
                kind,
                name: "here".into(),
            };
            let scopes = Scopes(vec![here]);
            assert!(scopes.cover(kind, "here"), "{kind}");
            assert!(!scopes.cover(kind, "there"), "{kind}");
            assert!(Scopes::default().cover(kind, "there"), "{kind}");
        }
    }
}
