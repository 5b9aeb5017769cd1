//! One question to the rules, and what they answer.

use super::Verge;
use super::compile::{Rule, Rules};
use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, PolicyId, PolicySet, Request, RestrictedExpression,
};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::LazyLock;
use wardroom_domain::{Origin, Role, WorkspaceKind};

/// What the rules may look at. `tier` counts from 0.
#[derive(Clone, Debug)]
pub(in crate::decide) struct Query<'a> {
    pub verge: Verge,
    pub user: String,
    pub role: Role,
    pub tool: &'a str,
    pub tier: i64,
    pub rule: &'a str,
    pub origin: Origin,
    pub agent: &'a str,
    pub workspace: String,
    pub context: String,
    pub external: bool,
    pub mandated: bool,
    pub wished: bool,
    pub vouched: bool,
    pub secret: bool,
    pub discloses: bool,
    pub folder: WorkspaceKind,
    pub host: String,
    pub method: String,
    pub recipient: &'a str,
}

/// What a person, a grant or a bypass has said.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::decide) struct Standing {
    pub approved: bool,
    pub granted: bool,
    pub bypassed: bool,
}

/// What the rules answer: whether, and which of them said so. No rule means that none permits it.
#[derive(Clone, Debug)]
pub(in crate::decide) struct Answer<'a> {
    pub is_allowed: bool,
    pub rule: Option<&'a Rule>,
    /// A rule that could not be evaluated; the answer is then no.
    pub broken: bool,
}

/// The query in Cedar's form, built once for all evaluations.
pub(in crate::decide) struct Asked<'a> {
    query: &'a Query<'a>,
    principal: EntityUid,
    resource: EntityUid,
    entities: Entities,
}

struct Names {
    user: EntityTypeName,
    tool: EntityTypeName,
    actions: [EntityUid; 4],
    origins: Vec<EntityUid>,
    folders: Vec<EntityUid>,
    /// For each role, itself and the roles below it.
    roles: Vec<HashSet<EntityUid>>,
}

static NAMES: LazyLock<Option<Names>> = LazyLock::new(Names::read);

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(Authorizer::new);

impl Names {
    /// None where Cedar does not take one of our own names.
    fn read() -> Option<Self> {
        let uid = |kind: &str, id: &str| -> Option<EntityUid> {
            let kind = EntityTypeName::from_str(kind).ok()?;
            Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
        };
        let role = |role: &Role| uid("Role", role.as_str());
        let up_to = |index: usize| Role::ALL[..=index].iter().map(role).collect();
        let action = |verge: Verge| uid("Action", verge.as_str());
        Some(Self {
            user: EntityTypeName::from_str("User").ok()?,
            tool: EntityTypeName::from_str("Tool").ok()?,
            actions: [
                action(Verge::View)?,
                action(Verge::Internal)?,
                action(Verge::Apply)?,
                action(Verge::Outside)?,
            ],
            origins: Origin::ALL
                .iter()
                .map(|origin| uid("Origin", origin.as_str()))
                .collect::<Option<_>>()?,
            folders: WorkspaceKind::ALL
                .iter()
                .map(|kind| uid("Folder", kind.as_str()))
                .collect::<Option<_>>()?,
            roles: (0..Role::ALL.len()).map(up_to).collect::<Option<_>>()?,
        })
    }
}

impl<'a> Asked<'a> {
    /// None where Cedar cannot hold the query; nothing is then allowed.
    pub fn new(query: &'a Query<'a>) -> Option<Self> {
        let names = NAMES.as_ref()?;
        let principal =
            EntityUid::from_type_name_and_id(names.user.clone(), EntityId::new(&query.user));
        let roles = names.roles.get(query.role as usize)?.clone();
        let person = Entity::new(principal.clone(), HashMap::new(), roles).ok()?;
        Some(Self {
            query,
            resource: EntityUid::from_type_name_and_id(
                names.tool.clone(),
                EntityId::new(query.tool),
            ),
            entities: Entities::from_entities([person], None).ok()?,
            principal,
        })
    }

    fn context(&self, names: &Names, standing: Standing) -> Option<Context> {
        let query = self.query;
        let text = |name: &str, value: &str| {
            (
                name.to_owned(),
                RestrictedExpression::new_string(value.to_owned()),
            )
        };
        let truth =
            |name: &str, value: bool| (name.to_owned(), RestrictedExpression::new_bool(value));
        let thing = |name: &str, uid: &EntityUid| {
            (
                name.to_owned(),
                RestrictedExpression::new_entity_uid(uid.clone()),
            )
        };
        let mut pairs = vec![
            text("tool", query.tool),
            (
                "tier".to_owned(),
                RestrictedExpression::new_long(query.tier),
            ),
            text("rule", query.rule),
            thing("origin", names.origins.get(query.origin as usize)?),
            text("agent", query.agent),
            text("workspace", &query.workspace),
            text("context", &query.context),
            truth("external", query.external),
            truth("mandated", query.mandated),
            truth("wished", query.wished),
            truth("vouched", query.vouched),
            truth("secret", query.secret),
            truth("approved", standing.approved),
            truth("granted", standing.granted),
            truth("bypassed", standing.bypassed),
        ];
        match query.verge {
            Verge::View | Verge::Internal => {}
            Verge::Apply => pairs.push(thing("folder", names.folders.get(query.folder as usize)?)),
            Verge::Outside => pairs.extend([
                truth("discloses", query.discloses),
                text("host", &query.host),
                text("method", &query.method),
                text("recipient", query.recipient),
            ]),
        }
        Context::from_pairs(pairs).ok()
    }
}

impl Rules {
    /// Asks the rules about one action. What cannot be asked or evaluated is not allowed.
    pub fn ask(&self, asked: &Asked<'_>, standing: Standing) -> Answer<'_> {
        let broken = Answer {
            is_allowed: false,
            rule: None,
            broken: true,
        };
        let verge = asked.query.verge;
        let slice: &PolicySet = &self.slices[verge as usize];
        let Some(request) = request(asked, standing) else {
            return broken;
        };
        let response = AUTHORIZER.is_authorized(&request, slice, &asked.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            let rule = self.by_id.get(error.policy_id());
            return Answer { rule, ..broken };
        }
        Answer {
            is_allowed: response.decision() == Decision::Allow,
            rule: self.speaker(response.diagnostics().reason()),
            broken: false,
        }
    }

    /// Of the rules that decided, the one to name: the strictest layer first, and among them the
    /// first by name, so that the same question always gets the same answer. What a person, a
    /// grant or a bypass opened is named only where nothing else did.
    fn speaker<'i>(&self, reasons: impl Iterator<Item = &'i PolicyId>) -> Option<&Rule> {
        let rules = reasons.filter_map(|id| self.by_id.get(id));
        rules.min_by_key(|rule| {
            let key = KEYS.iter().position(|key| *key == rule.id);
            (
                rule.source_rank(),
                key.map_or(0, |at| at + 1),
                rule.id.clone(),
            )
        })
    }
}

/// Rules that somebody's yes opens, in the order in which they are named.
const KEYS: [&str; 5] = ["mandate", "wished", "granted", "bypass", "approved"];

fn request(asked: &Asked<'_>, standing: Standing) -> Option<Request> {
    let names = NAMES.as_ref()?;
    let action = names.actions[asked.query.verge as usize].clone();
    let context = asked.context(names, standing)?;
    Request::new(
        asked.principal.clone(),
        action,
        asked.resource.clone(),
        context,
        None,
    )
    .ok()
}

impl Rule {
    fn source_rank(&self) -> usize {
        use wardroom_domain::PolicySource::*;
        match self.source {
            SystemEnforced => 0,
            OrgDefault => 1,
            UserOverride => 2,
        }
    }
}
