//! How risky it is to call a tool of a foreign server.

use crate::classify::Verdict;
use wardroom_domain::RiskTier;

/// The rule that asks about a tool whose definition no person has accepted. Nothing waives it.
pub const SERVER_CHANGED: &str = "server.changed";

/// The verdict on a call: what the org vouches for counts, and nothing that the server says.
pub fn server_verdict(
    server: &str,
    tool: &str,
    vouched: Option<RiskTier>,
    is_changed: bool,
) -> Verdict {
    let (tier, rule, rationale) = match vouched {
        _ if is_changed => (
            vouched.unwrap_or_default().max(RiskTier::L2Destructive),
            SERVER_CHANGED,
            format!(
                "the server `{server}` says something else of `{tool}` than what was accepted; \
                 a yes accepts what it says now"
            ),
        ),
        Some(tier) => (
            tier,
            "server.vouched",
            format!("the org vouches for `{tool}` of the server `{server}` as {tier}"),
        ),
        None => (
            RiskTier::L2Destructive,
            "server.unvouched",
            format!(
                "nobody vouches for `{tool}` of the server `{server}`, so it counts as destructive"
            ),
        ),
    };
    Verdict {
        tier,
        rule: rule.to_owned(),
        rationale,
        effects: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_never_milder_than_destructive() {
        let tier = |vouched, changed| server_verdict("s", "t", vouched, changed).tier;
        assert_eq!(
            tier(Some(RiskTier::L0Readonly), false),
            RiskTier::L0Readonly
        );
        assert_eq!(
            tier(Some(RiskTier::L0Readonly), true),
            RiskTier::L2Destructive
        );
        assert_eq!(
            tier(Some(RiskTier::L3Privileged), true),
            RiskTier::L3Privileged
        );
        assert_eq!(tier(None, false), RiskTier::L2Destructive);
    }
}
