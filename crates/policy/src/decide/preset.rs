//! The presets as tables: what happens at which tier.

use wardroom_domain::{RiskTier, words};

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
    /// A named table of defaults.
    pub enum Preset {
        /// One person's own machine.
        Consumer = "consumer",
        /// A company: every change is approved.
        Enterprise = "enterprise",
    }
}

/// One row of a preset: what happens at L0, L1, L2 and L3.
type Row = [Verb; 4];

const ASK_ABOVE_L0: Row = [Verb::Allow, Verb::Ask, Verb::Ask, Verb::Ask];
const ALLOW_OWN: Row = [Verb::Allow, Verb::Allow, Verb::Allow, Verb::Ask];

impl Preset {
    /// What happens when changes are carried to a workspace that the product made.
    pub fn private_apply(self, tier: RiskTier) -> Verb {
        match self {
            Self::Consumer => ALLOW_OWN[tier as usize],
            Self::Enterprise => ASK_ABOVE_L0[tier as usize],
        }
    }

    /// What happens with an action that leaves the box and whose every aim the requester typed
    /// himself. A company approves every change, whoever wished for it.
    pub fn at_his_word(self, tier: RiskTier) -> Verb {
        match (self, tier) {
            (_, RiskTier::L0Readonly) | (Self::Consumer, RiskTier::L1Mutating) => Verb::Allow,
            _ => Verb::Ask,
        }
    }

    /// What happens with an action that leaves the box.
    pub fn outside(self, tier: RiskTier) -> Verb {
        match self {
            Self::Consumer | Self::Enterprise => ASK_ABOVE_L0[tier as usize],
        }
    }
}
