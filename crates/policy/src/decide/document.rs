//! The org's policy as a document: what an admin writes, keeps in versions and takes back.

use super::fault::{Fault, meant};
use super::preset::Preset;
use crate::classify::KNOWN_TOOLS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use wardroom_domain::{Origin, PermissionLevel, RiskTier, Role};

/// What a document says; what it leaves out stays as the configuration has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyDocument {
    /// The set of rules that it starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The tiers that an admin may decide for his own requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_approval: Option<Vec<RiskTier>>,
    /// The lowest role that decides a tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvers: Option<BTreeMap<RiskTier, Role>>,
    /// The tiers that two people decide together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub four_eyes: Option<Vec<RiskTier>>,
    /// Whether people may switch their bypass on at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_bypass: Option<bool>,
    /// The tiers that a bypass covers; the highest never counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass_covers: Option<Vec<RiskTier>>,
    /// The tiers that a remembered yes covers; the highest never counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants_cover: Option<Vec<RiskTier>>,
    /// How long a question waits before it fails safe, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_ttl_s: Option<u64>,
    /// The highest tier of changes that goes to a folder of the product unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_unasked: Option<RiskTier>,
    /// The highest tier that leaves the box unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside_unasked: Option<RiskTier>,
    /// The tiers up to which a person's own rules may allow what the org asks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_may_allow: Option<Vec<RiskTier>>,
    /// What is different through which door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<BTreeMap<Origin, OriginRules>>,
    /// What roles may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeMap<Role, Lists>>,
    /// What agents may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<BTreeMap<String, Lists>>,
    /// What contexts let through, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contexts: Option<BTreeMap<String, Lists>>,
    /// What skills may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skills: Option<BTreeMap<String, Lists>>,
    /// Further rules, in Cedar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

/// What is different through one door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OriginRules {
    /// Tools that are forbidden; `*` for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// Tools that always ask when they leave the box or change a folder; `*` for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<String>,
    /// The highest tier that may leave the box or change a folder at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_max: Option<RiskTier>,
}

/// What one layer lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lists {
    /// The tools that it lets through; all where it says nothing. `files__*` names a whole server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<std::collections::BTreeSet<String>>,
    /// The models that it lets through; all where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<std::collections::BTreeSet<String>>,
    /// How far an agent may go; counts for agents only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<PermissionLevel>,
}

impl PolicyDocument {
    /// Reads a document as it is written: TOML.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let document: Self = toml::from_str(text).map_err(|error| in_toml(text, &error))?;
        document.check()?;
        Ok(document)
    }

    /// Reads a document as it is kept and sent: JSON.
    pub fn of_json(value: serde_json::Value) -> Result<Self, Fault> {
        let document: Self =
            serde_json::from_value(value).map_err(|error| in_message(&error.to_string()))?;
        document.check()?;
        Ok(document)
    }

    /// A document of rules alone.
    pub fn of_rules(rules: impl Into<String>) -> Self {
        Self {
            rules: Some(rules.into()),
            ..Self::default()
        }
    }

    /// The document as it would be written.
    pub fn text(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// This document over an older one: what it leaves out stays.
    #[must_use]
    pub fn over(self, old: Self) -> Self {
        Self {
            preset: self.preset.or(old.preset),
            self_approval: self.self_approval.or(old.self_approval),
            approvers: self.approvers.or(old.approvers),
            four_eyes: self.four_eyes.or(old.four_eyes),
            allow_bypass: self.allow_bypass.or(old.allow_bypass),
            bypass_covers: self.bypass_covers.or(old.bypass_covers),
            grants_cover: self.grants_cover.or(old.grants_cover),
            approval_ttl_s: self.approval_ttl_s.or(old.approval_ttl_s),
            apply_unasked: self.apply_unasked.or(old.apply_unasked),
            outside_unasked: self.outside_unasked.or(old.outside_unasked),
            users_may_allow: self.users_may_allow.or(old.users_may_allow),
            origins: self.origins.or(old.origins),
            roles: self.roles.or(old.roles),
            agents: self.agents.or(old.agents),
            contexts: self.contexts.or(old.contexts),
            skills: self.skills.or(old.skills),
            rules: self.rules.or(old.rules),
        }
    }

    /// Names that only this program knows: tools, and numbers that make sense.
    pub(super) fn check(&self) -> Result<(), Fault> {
        for (origin, rules) in self.origins.iter().flatten() {
            for tool in rules.deny.iter().chain(&rules.ask) {
                known_tool(&format!("origins.{origin}"), tool)?;
            }
        }
        for (key, lists) in self.lists() {
            for tool in lists.tools.iter().flatten() {
                known_tool(&key, tool)?;
            }
        }
        if self.approval_ttl_s == Some(0) {
            let what = "a question that waits for 0 seconds can never be answered";
            return Err(Fault::of_key("approval_ttl_s", what));
        }
        let lowest = |tier: &RiskTier, role: &Role| {
            *role < Role::Operator || (*tier >= RiskTier::L2Destructive && *role < Role::Admin)
        };
        if let Some((tier, role)) = self
            .approvers
            .iter()
            .flatten()
            .find(|(tier, role)| lowest(tier, role))
        {
            let what = format!(
                "a {role} does not decide {tier}: operator is the lowest for L1_MUTATING, admin for what lies above"
            );
            return Err(Fault::of_key("approvers", what));
        }
        Ok(())
    }

    fn lists(&self) -> impl Iterator<Item = (String, &Lists)> {
        let roles = self
            .roles
            .iter()
            .flatten()
            .map(|(role, lists)| (format!("roles.{role}"), lists));
        let agents = self
            .agents
            .iter()
            .flatten()
            .map(|(name, lists)| (format!("agents.{name}"), lists));
        let contexts = self
            .contexts
            .iter()
            .flatten()
            .map(|(name, lists)| (format!("contexts.{name}"), lists));
        let skills = self
            .skills
            .iter()
            .flatten()
            .map(|(name, lists)| (format!("skills.{name}"), lists));
        roles.chain(agents).chain(contexts).chain(skills)
    }
}

/// A tool of the product, a server's (`files__read`), or all of either (`*`, `files__*`).
pub(super) fn known_tool(key: &str, tool: &str) -> Result<(), Fault> {
    let is_written = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let is_foreign = tool.contains("__") && is_written(tool.trim_end_matches('*'));
    if tool == "*" || is_foreign || KNOWN_TOOLS.contains(&tool) {
        return Ok(());
    }
    let what = format!("there is no tool `{}`", tool.escape_debug());
    Err(Fault {
        fix: meant(tool, KNOWN_TOOLS.iter().copied()),
        ..Fault::of_key(key, what)
    })
}

fn in_toml(text: &str, error: &toml::de::Error) -> Fault {
    Fault {
        line: error.span().map(|span| line_at(text, span.start)),
        ..in_message(error.message())
    }
}

/// What a reader said, with the nearest of what it expected.
fn in_message(message: &str) -> Fault {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let fix = match quoted.split_first() {
        Some((wrong, expected)) if message.starts_with("unknown") => {
            meant(wrong, expected.iter().copied())
        }
        _ => None,
    };
    let what = match (
        message.split_once(", expected"),
        message.starts_with("unknown"),
    ) {
        (Some((before, _)), true) if fix.is_some() => before.to_owned(),
        _ => message.to_owned(),
    };
    Fault {
        what,
        fix,
        ..Fault::default()
    }
}

/// Where in a document the text of its rules begins: the line before the first of them.
pub(super) fn rules_begin(text: &str) -> Option<usize> {
    #[derive(Deserialize)]
    struct Rules {
        rules: toml::Spanned<toml::Value>,
    }
    let rules: Rules = toml::from_str(text).ok()?;
    let Range { start, .. } = rules.rules.span();
    let opening = text.get(start..)?;
    let quotes = opening
        .bytes()
        .take_while(|byte| b"'\"".contains(byte))
        .count();
    let begins_below = opening.as_bytes().get(quotes) == Some(&b'\n');
    Some(line_at(text, start) - 1 + usize::from(begins_below))
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}
