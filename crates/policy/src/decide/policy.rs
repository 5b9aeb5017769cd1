//! The rules of one org, as they stand: put together from configuration, document and overrides.

use super::document::{Lists, PolicyDocument, known_tool, rules_begin};
use super::fault::Fault;
use super::generate::generated;
use super::preset::BASE;
use super::rules::{Rules, Text};
use super::{Allowlist, Approvers, Layer, Preset};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use wardroom_domain::{
    AGENT_COORDINATOR, AGENT_DEFAULT, ContextId, PermissionLevel, PolicySource, RiskTier, Role,
    UserId,
};

/// The rules of one org, as they stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The preset that it starts from.
    pub preset: Preset,
    /// Who may decide what.
    pub approvers: Approvers,
    /// What a person's bypass covers.
    pub bypass: BypassRules,
    /// The tiers that a remembered yes covers; the highest never counts.
    pub grants_cover: Vec<RiskTier>,
    /// How long a question waits, where the document says so.
    pub approval_ttl_s: Option<u64>,
    /// What the document said.
    pub document: Arc<PolicyDocument>,
    pub(super) rules: Arc<Rules>,
    pub(super) overrides: Arc<HashMap<UserId, Override>>,
}

/// What the org lets a person's bypass do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BypassRules {
    /// Whether people may switch it on at all.
    pub is_allowed: bool,
    /// The tiers that it covers; `L3_PRIVILEGED` never counts.
    pub covers: Vec<RiskTier>,
}

impl Default for BypassRules {
    fn default() -> Self {
        Self {
            is_allowed: false,
            covers: vec![RiskTier::L1Mutating],
        }
    }
}

impl BypassRules {
    /// Whether a bypass that is on lets an action of this tier go unasked.
    pub fn cover(&self, tier: RiskTier) -> bool {
        self.is_allowed && tier < RiskTier::L3Privileged && self.covers.contains(&tier)
    }
}

/// A person's own rules over the org's.
#[derive(Clone, Debug)]
pub(super) struct Override {
    /// Without what he permits himself.
    tight: Rules,
    /// With it, where the org allows that for some tiers.
    loose: Option<(Rules, Vec<RiskTier>)>,
}

impl Override {
    pub fn rules(&self, tier: RiskTier) -> &Rules {
        match &self.loose {
            Some((rules, tiers)) if tiers.contains(&tier) => rules,
            _ => &self.tight,
        }
    }
}

impl Policy {
    /// The rules of a preset, with everything else as strict as it comes.
    pub fn new(preset: Preset, approvers: Approvers) -> Self {
        let rules = texts(preset, "", "");
        Self {
            preset,
            approvers,
            bypass: BypassRules::default(),
            grants_cover: vec![RiskTier::L1Mutating],
            approval_ttl_s: None,
            document: Arc::default(),
            // The presets are compiled in and tested; if one cannot be read, nothing is permitted.
            rules: Arc::new(Rules::compile(&rules).unwrap_or_else(|_| Rules::nothing())),
            overrides: Arc::default(),
        }
    }

    /// Rules that permit nothing at all.
    pub fn nothing(approvers: Approvers) -> Self {
        Self {
            rules: Arc::new(Rules::compile(&[]).unwrap_or_else(|_| Rules::nothing())),
            ..Self::new(Preset::Enterprise, approvers)
        }
    }

    /// These rules with a document over them. `text` is what its author wrote, for lines.
    pub fn with(&self, document: &PolicyDocument, text: Option<&str>) -> Result<Self, Fault> {
        document.check()?;
        let preset = document.preset.unwrap_or(self.preset);
        let own = document.rules.as_deref().unwrap_or_default();
        let moved = |fault: Fault| in_file(fault, text);
        check_tools(own).map_err(moved)?;
        let generated = generated(document);
        Rules::compile(&[org(own)]).map_err(moved)?;
        let rules = Rules::compile(&texts(preset, &generated, own)).map_err(moved)?;
        let approvers = &self.approvers;
        let needed = document.approvers.clone().unwrap_or_default();
        Ok(Self {
            preset,
            approvers: Approvers {
                self_approval: document
                    .self_approval
                    .clone()
                    .unwrap_or_else(|| approvers.self_approval.clone()),
                own_l3: approvers.own_l3,
                needed: approvers
                    .needed
                    .iter()
                    .chain(&needed)
                    .map(|(tier, role)| (*tier, *role))
                    .collect(),
                four_eyes: document
                    .four_eyes
                    .clone()
                    .unwrap_or_else(|| approvers.four_eyes.clone()),
            },
            bypass: BypassRules {
                is_allowed: document.allow_bypass.unwrap_or(self.bypass.is_allowed),
                covers: document
                    .bypass_covers
                    .clone()
                    .unwrap_or_else(|| self.bypass.covers.clone()),
            },
            grants_cover: document
                .grants_cover
                .clone()
                .unwrap_or_else(|| self.grants_cover.clone()),
            approval_ttl_s: document.approval_ttl_s.or(self.approval_ttl_s),
            document: Arc::new(document.clone()),
            rules: Arc::new(rules),
            overrides: Arc::default(),
        })
    }

    /// These rules with a person's own over them. What he permits counts only for tiers that the
    /// org has named in `users_may_allow`; what he forbids counts always.
    pub fn with_override(&self, user: UserId, rules: &str) -> Result<Self, Fault> {
        check_tools(rules)?;
        let generated = generated(&self.document);
        let own = self.document.rules.as_deref().unwrap_or_default();
        let mut layers = texts(self.preset, &generated, own).to_vec();
        layers.push(Text {
            source: PolicySource::UserOverride,
            text: rules,
        });
        let tiers = self.document.users_may_allow.clone().unwrap_or_default();
        let loose = match tiers.is_empty() {
            true => None,
            false => Some((Rules::compile(&layers)?, tiers)),
        };
        let one = Override {
            tight: Rules::tightening(&layers, PolicySource::UserOverride)?,
            loose,
        };
        let mut overrides = (*self.overrides).clone();
        overrides.insert(user, one);
        Ok(Self {
            overrides: Arc::new(overrides),
            ..self.clone()
        })
    }

    /// The rules that judge this person's actions of this tier.
    pub(super) fn rules_for(&self, user: UserId, tier: RiskTier) -> &Rules {
        match self.overrides.get(&user) {
            Some(own) => own.rules(tier),
            None => &self.rules,
        }
    }

    /// What the document lists for this role, agent, context and skill.
    pub fn allowlists(
        &self,
        role: Role,
        agent: &str,
        context: Option<ContextId>,
        skill: Option<&str>,
    ) -> Vec<Allowlist> {
        let document = &self.document;
        let context = context.map(|id| id.to_string()).unwrap_or_default();
        let agents = self
            .agent(agent)
            .map(|(name, lists)| allowlist(Layer::Agent, name, lists));
        let of = |map: &Option<BTreeMap<String, Lists>>, layer, name: &str| {
            let lists = map.as_ref()?.get(name)?;
            Some(allowlist(layer, name, lists))
        };
        [
            self.of_role(role),
            agents,
            of(&document.contexts, Layer::Context, &context),
            of(&document.skills, Layer::Skill, skill.unwrap_or_default()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What the document lists for a role; its tools are the preset's where it lists none.
    fn of_role(&self, role: Role) -> Option<Allowlist> {
        let lists = self
            .document
            .roles
            .as_ref()
            .and_then(|roles| roles.get(&role));
        let usual = || self.preset.tools(role);
        let list = lists.cloned().unwrap_or_default();
        let tools = list.tools.clone().or_else(usual);
        (tools.is_some() || lists.is_some()).then(|| Allowlist {
            tools,
            ..allowlist(Layer::Role, role.as_str(), &list)
        })
    }

    /// How far an agent goes: as far as the document and `narrowed` let it, or as far as a person
    /// has `raised` this task of his. None where agents have no levels.
    pub fn level_of(
        &self,
        agent: &str,
        narrowed: Option<PermissionLevel>,
        raised: Option<PermissionLevel>,
    ) -> Option<PermissionLevel> {
        let levels = [narrowed, self.agent_level(agent)];
        let level = levels.into_iter().flatten().min()?;
        Some(raised.map_or(level, |raised| level.max(raised)))
    }

    /// How far the document lets this agent go.
    pub fn agent_level(&self, agent: &str) -> Option<PermissionLevel> {
        self.agent(agent)?.1.level
    }

    /// The agents that the document names.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        let named = self.document.agents.iter().flatten();
        named.map(|(name, _)| name.as_str())
    }

    /// What the document says of an agent. An executor that it names no more is as narrow as the
    /// one that does whatever is given to nobody.
    fn agent(&self, name: &str) -> Option<(&str, &Lists)> {
        let agents = self.document.agents.as_ref()?;
        let stands_for = match name {
            AGENT_COORDINATOR => AGENT_COORDINATOR,
            _ => AGENT_DEFAULT,
        };
        let found = agents
            .get_key_value(name)
            .or_else(|| agents.get_key_value(stands_for));
        found.map(|(name, lists)| (name.as_str(), lists))
    }
}

fn allowlist(layer: Layer, name: &str, lists: &Lists) -> Allowlist {
    Allowlist {
        layer,
        name: name.to_owned(),
        tools: lists.tools.clone(),
        models: lists.models.clone(),
    }
}

fn org(text: &str) -> Text<'_> {
    Text {
        source: PolicySource::OrgDefault,
        text,
    }
}

fn texts<'a>(preset: Preset, generated: &'a str, own: &'a str) -> [Text<'a>; 4] {
    [org(BASE), org(preset.rules()), org(generated), org(own)]
}

/// A line of the rules, as a line of the file that they stand in.
fn in_file(fault: Fault, text: Option<&str>) -> Fault {
    let above = text.and_then(rules_begin).unwrap_or_default();
    Fault {
        line: fault.line.map(|line| line + above),
        ..fault
    }
}

/// A rule about a tool that nobody has would hold nothing back.
fn check_tools(rules: &str) -> Result<(), Fault> {
    for (number, line) in (1..).zip(rules.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        for part in code.split("Tool::\"").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            known_tool("rules", name).map_err(|fault| Fault {
                line: Some(number),
                ..fault
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_lists_the_tools_of_its_members_until_the_org_does() {
        let lets = |policy: &Policy, role, tool| {
            let lists = policy.allowlists(role, "", None, None);
            lists.iter().all(|list| list.lets_tool(tool))
        };
        let gateway = Policy::new(Preset::Gateway, Approvers::default());
        for tool in [
            "http_fetch",
            "html_to_markdown",
            "md_read",
            "md_write",
            "qmd_search",
        ] {
            assert!(lets(&gateway, Role::Member, tool), "{tool}");
        }
        for tool in ["shell", "http_request", "file_delete", "files__read"] {
            assert!(!lets(&gateway, Role::Member, tool), "{tool}");
            assert!(lets(&gateway, Role::Admin, tool), "{tool}");
        }
        let document = PolicyDocument::parse("[roles.member]\ntools = [\"shell\"]\n");
        let changed = gateway.with(&document.unwrap(), None).unwrap();
        assert!(lets(&changed, Role::Member, "shell"));
        assert!(!lets(&changed, Role::Member, "http_fetch"));
        assert!(
            !lets(&changed, Role::Viewer, "shell"),
            "the other role stays"
        );
        let enterprise = Policy::new(Preset::Enterprise, Approvers::default());
        assert!(lets(&enterprise, Role::Member, "shell"));
    }
}
