//! How much a person may ask for.

use serde::{Deserialize, Serialize};

/// What one person may ask for; zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Messages in a minute.
    pub messages_per_minute: u32,
    /// Tasks in a minute, delegated and spawned ones too.
    pub tasks_per_minute: u32,
    /// Model tokens in a minute.
    pub tokens_per_minute: u64,
    /// Money in a month, in millionths of the currency of the models' prices.
    pub spend_per_month_micros: u64,
}

/// What an admin set for one person; what is left out is as for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnQuota {
    /// Messages in a minute.
    pub messages_per_minute: Option<u32>,
    /// Tasks in a minute.
    pub tasks_per_minute: Option<u32>,
    /// Model tokens in a minute.
    pub tokens_per_minute: Option<u64>,
    /// Money in a month, in millionths.
    pub spend_per_month_micros: Option<u64>,
}

impl OwnQuota {
    /// What holds for a person for whom this was set, where `everybody` holds for the others.
    pub fn over(self, everybody: Quota) -> Quota {
        Quota {
            messages_per_minute: self
                .messages_per_minute
                .unwrap_or(everybody.messages_per_minute),
            tasks_per_minute: self.tasks_per_minute.unwrap_or(everybody.tasks_per_minute),
            tokens_per_minute: self
                .tokens_per_minute
                .unwrap_or(everybody.tokens_per_minute),
            spend_per_month_micros: self
                .spend_per_month_micros
                .unwrap_or(everybody.spend_per_month_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_for_one_person_counts_and_the_rest_is_as_for_everybody() {
        let everybody = Quota {
            messages_per_minute: 10,
            tasks_per_minute: 5,
            tokens_per_minute: 0,
            spend_per_month_micros: 1_000_000,
        };
        assert_eq!(OwnQuota::default().over(everybody), everybody);
        let own = OwnQuota {
            tasks_per_minute: Some(0),
            spend_per_month_micros: Some(2_000_000),
            ..OwnQuota::default()
        };
        let his = own.over(everybody);
        assert_eq!((his.messages_per_minute, his.tasks_per_minute), (10, 0));
        assert_eq!(his.spend_per_month_micros, 2_000_000);
    }
}
