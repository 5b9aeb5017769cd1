//! Who may decide which question.

use std::collections::BTreeMap;
use wardroom_domain::{Approval, Principal, Question, RiskTier, Role, ScopeKind, Scopes, Task};

/// The org's rules about deciding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvers {
    /// The tiers that an admin or overlord may decide for his own requests.
    pub self_approval: Vec<RiskTier>,
    /// Whether he may decide his own `L3_PRIVILEGED` too: one person's own machine.
    pub own_l3: bool,
    /// The lowest role that decides a tier, where it is another than the usual one.
    pub needed: BTreeMap<RiskTier, Role>,
    /// The tiers that two people decide together.
    pub four_eyes: Vec<RiskTier>,
}

/// Why somebody may not decide a question that he can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotYours {
    /// His role is too low.
    #[error("{tier} is decided by {needed} or above; ask one of them")]
    RoleTooLow {
        /// The tier of the action.
        tier: RiskTier,
        /// The lowest role that may.
        needed: Role,
    },
    /// It is his own request.
    #[error("it is your own request, and `self_approval` does not cover {tier}; ask another admin")]
    OwnRequest {
        /// The tier of the action.
        tier: RiskTier,
    },
    /// His role does not hold there.
    #[error("your role does not hold for this workspace or tool; ask somebody whose does")]
    OutOfScope,
    /// Only the requester can answer it.
    #[error("only the person who asked for the task can answer this")]
    NotTheRequester,
}

impl Approvers {
    /// Whether `decider`, whose role holds within `scopes`, may decide `approval` of `task`.
    pub fn may_decide(
        &self,
        decider: &Principal,
        scopes: &Scopes,
        task: &Task,
        approval: &Approval,
    ) -> Result<(), NotYours> {
        let is_own = decider.user == approval.requester;
        let answers_itself = approval.question != Question::Permission && is_own;
        let mut here = task.place();
        here.push((ScopeKind::Tool, approval.tool.clone()));
        if !answers_itself && scopes.miss(&here).is_some() {
            return Err(NotYours::OutOfScope);
        }
        match approval.question {
            Question::Answer if is_own => Ok(()),
            Question::Answer => Err(NotYours::NotTheRequester),
            // Whether something happened is a matter of fact: the requester may say.
            Question::InDoubt if is_own => Ok(()),
            Question::InDoubt | Question::Permission => {
                self.may_permit(decider.role, is_own, approval.tier)
            }
        }
    }

    /// The lowest role that decides this tier for others.
    pub fn needed(&self, tier: RiskTier) -> Role {
        let usual = match tier {
            RiskTier::L0Readonly | RiskTier::L1Mutating => Role::Operator,
            RiskTier::L2Destructive | RiskTier::L3Privileged => Role::Admin,
        };
        // Whatever a document says, nobody below the usual role decides.
        let said = self.needed.get(&tier).copied();
        said.map_or(usual, |said| said.max(usual))
    }

    /// How many people must say yes to an action of this tier.
    pub fn decisions_needed(&self, tier: RiskTier) -> usize {
        1 + usize::from(self.four_eyes.contains(&tier))
    }

    /// Whether somebody of this role may permit an action of this tier.
    pub fn may_permit(&self, role: Role, is_own: bool, tier: RiskTier) -> Result<(), NotYours> {
        let needed = self.needed(tier);
        if !is_own {
            let is_enough = role.is_at_least(needed);
            return if is_enough {
                Ok(())
            } else {
                Err(NotYours::RoleTooLow { tier, needed })
            };
        }
        let covers_tier = self.self_approval.contains(&tier) || tier == RiskTier::L0Readonly;
        let covers = covers_tier || (tier == RiskTier::L3Privileged && self.own_l3);
        let needed = needed.max(Role::Admin);
        if !role.is_at_least(needed) {
            Err(NotYours::RoleTooLow { tier, needed })
        } else if covers {
            Ok(())
        } else {
            Err(NotYours::OwnRequest { tier })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides_what() {
        use RiskTier::*;
        let rules = Approvers {
            self_approval: vec![L1Mutating, L2Destructive],
            ..Approvers::default()
        };
        let cell = |role, is_own, tier| match rules.may_permit(role, is_own, tier) {
            Ok(()) => "yes",
            Err(_) => "no",
        };
        let mut lines = Vec::new();
        for &role in Role::ALL {
            let row = |is_own| RiskTier::ALL.map(|tier| cell(role, is_own, tier)).join(" ");
            lines.push(format!("{role}: others {}; own {}", row(false), row(true)));
        }
        assert_eq!(
            lines.join("\n"),
            "viewer: others no no no no; own no no no no\n\
             member: others no no no no; own no no no no\n\
             operator: others yes yes no no; own no no no no\n\
             admin: others yes yes yes yes; own yes yes yes no\n\
             overlord: others yes yes yes yes; own yes yes yes no"
        );
    }
}
