//! How much harm an action can do, in the four words that policy, people and audit share.

use serde::{Deserialize, Serialize};

/// The risk of one concrete action. Ordered: a higher tier is the stricter one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub enum RiskTier {
    /// Looks, and changes nothing that anyone else can notice.
    #[default]
    #[serde(rename = "L0_READONLY")]
    L0Readonly,
    /// Adds or changes something that can be put back.
    #[serde(rename = "L1_MUTATING")]
    L1Mutating,
    /// Removes, overwrites, sends or spends: hard or impossible to take back.
    #[serde(rename = "L2_DESTRUCTIVE")]
    L2Destructive,
    /// Touches credentials, privilege, policy, exposure or other people's things.
    #[serde(rename = "L3_PRIVILEGED")]
    L3Privileged,
}

impl RiskTier {
    /// All tiers, mildest first.
    pub const ALL: [RiskTier; 4] = [
        Self::L0Readonly,
        Self::L1Mutating,
        Self::L2Destructive,
        Self::L3Privileged,
    ];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L0Readonly => "L0_READONLY",
            Self::L1Mutating => "L1_MUTATING",
            Self::L2Destructive => "L2_DESTRUCTIVE",
            Self::L3Privileged => "L3_PRIVILEGED",
        }
    }

    /// Reads the wire name, or the short form (`L2`).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text || &tier.as_str()[..2] == text)
    }
}

impl std::fmt::Display for RiskTier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
