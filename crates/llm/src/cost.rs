//! What a reply costs.

use serde::{Deserialize, Serialize};

use crate::message::Usage;

/// An amount of money in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Cost {
    pub micro_usd: u64,
}

/// US dollars for a million tokens, which is the same number as millionths of a dollar for one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Price {
    pub input_per_mtok: f64,
    pub output_per_mtok: f64,
}

impl Price {
    /// Cached tokens are charged in full: the discount differs by provider, and a budget had
    /// better stop early than late.
    pub fn of(&self, usage: &Usage) -> Cost {
        let input = usage.input_tokens as f64 * self.input_per_mtok;
        let output = usage.output_tokens as f64 * self.output_per_mtok;
        Cost {
            micro_usd: (input + output).ceil() as u64,
        }
    }
}
