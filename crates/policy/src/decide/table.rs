//! The policy as a table that people can read: what, who, from where. Every cell is decided by the
//! rules themselves, so that the table cannot say anything else than they do.

use super::{Circumstances, Decision, Destination, Policy, Reach, Request, Verb};
use crate::classify::Verdict;
use crate::typed::Typed;
use serde_json::{Value, json};
use wardroom_domain::{
    Digest, Integrity, Labels, Mandate, OrgId, Origin, Principal, RiskTier, Role, Timestamp,
    UserId, WorkspaceKind, words,
};

words! {
    /// A row of the table: where an action happens, and after what.
    pub enum Place {
        /// Inside the task's own copy.
        View = "in the task's own view",
        /// Changes go to the requester's own folder.
        ApplyPrivate = "apply to a private workspace",
        /// Changes go to a folder that others work on too.
        ApplyShared = "apply to a shared workspace",
        /// Changes go to a folder of the host.
        ApplyHost = "apply to a folder of the host",
        /// It leaves the box.
        Outside = "leaves the box",
        /// It leaves the box and changes infrastructure.
        Infrastructure = "leaves the box: infrastructure",
        /// It leaves the box and touches secrets.
        Secrets = "leaves the box: secrets",
        /// It leaves the box, and the requester typed all that it is aimed at.
        Wished = "leaves the box: all of it typed",
        /// Changes after something from outside was read.
        ApplyAfterExternal = "after a read from outside: apply, private",
        /// It leaves the box after something from outside was read.
        OutsideAfterExternal = "after a read from outside: leaves",
        /// The same, as the mandate says.
        OutsideInMandate = "after a read from outside: in the mandate",
        /// It would tell what is not meant for everybody.
        Discloses = "discloses to an address nobody typed",
    }
}

impl Place {
    fn reach(self) -> Reach {
        let apply = |kind| Reach::Apply { kind };
        match self {
            Self::View => Reach::View,
            Self::ApplyPrivate | Self::ApplyAfterExternal => apply(WorkspaceKind::Private),
            Self::ApplyShared => apply(WorkspaceKind::Shared),
            Self::ApplyHost => apply(WorkspaceKind::Host),
            _ => Reach::Outside,
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Infrastructure => "service.some",
            Self::Secrets => "secret.some",
            _ => "some.rule",
        }
    }

    fn labels(self) -> Labels {
        let external = matches!(
            self,
            Self::ApplyAfterExternal | Self::OutsideAfterExternal | Self::OutsideInMandate
        );
        let narrow = (self == Self::Discloses).then(|| "user_somebody".to_owned());
        Labels {
            integrity: if external {
                Integrity::External
            } else {
                Integrity::Owner
            },
            audience: narrow.into_iter().collect(),
        }
    }
}

/// The address that the table's actions go to.
const ADDRESS: &str = "https://some.test/";

/// What happens in one cell, for one tool.
pub fn cell(
    policy: &Policy,
    place: Place,
    (role, origin): (Role, Origin),
    (tool, tier): (&str, RiskTier),
) -> Verb {
    match decided(policy, place, (role, origin), (tool, tier)) {
        Decision::Allow(permit) => {
            permit.spend();
            Verb::Allow
        }
        // Nothing is paused in the table.
        Decision::Ask { .. } | Decision::Wait { .. } => Verb::Ask,
        Decision::Deny { .. } => Verb::Deny,
    }
}

pub(super) fn decided(
    policy: &Policy,
    place: Place,
    (role, origin): (Role, Origin),
    (tool, tier): (&str, RiskTier),
) -> Decision<()> {
    let at = Timestamp::default();
    let requester = Principal {
        org: OrgId::mint(at, 0),
        user: UserId::mint(at, 0),
        name: role.to_string(),
        role,
        via: "table".to_owned(),
    };
    let mandate = Mandate {
        tools: [tool.to_owned()].into(),
        targets: [ADDRESS.to_owned()].into(),
        ..Mandate::default()
    };
    let typed = Typed::of([ADDRESS]);
    let is_wished = place == Place::Wished;
    let arguments = if is_wished {
        json!({"url": ADDRESS})
    } else {
        Value::Null
    };
    let request = Request {
        requester: &requester,
        origin,
        tool,
        arguments: &arguments,
        reach: place.reach(),
        destination: Some(Destination::web(ADDRESS)),
        verdict: Verdict {
            tier,
            rule: place.rule().to_owned(),
            rationale: String::new(),
            effects: Vec::new(),
        },
        labels: &place.labels(),
        digest: Digest::of(&tool),
        approval: None,
        circumstances: Circumstances {
            mandate: (place == Place::OutsideInMandate).then_some(&mandate),
            typed: is_wished.then_some(&typed),
            is_vouched: is_wished,
            ..Circumstances::default()
        },
    };
    policy.decide((), &request, at)
}

/// The whole policy: what happens where, and who decides what is asked.
pub fn table(policy: &Policy) -> String {
    let tiers = RiskTier::ALL.map(|tier| tier.as_str().to_owned());
    let mut lines = vec![
        format!("preset {}", policy.preset),
        row(["what", "who", "from"], &tiers),
    ];
    for &place in Place::ALL {
        lines.extend(rows_of(policy, place));
    }
    lines.push(String::new());
    lines.push(row(
        ["who decides", "another's request", "the own request"],
        &[],
    ));
    for &role in Role::ALL {
        let may = |is_own| {
            let tiers = RiskTier::ALL.iter().skip(1);
            let may: Vec<&str> = tiers
                .filter(|tier| policy.approvers.may_permit(role, is_own, **tier).is_ok())
                .map(|tier| &tier.as_str()[..2])
                .collect();
            if may.is_empty() {
                "-".to_owned()
            } else {
                may.join(" ")
            }
        };
        lines.push(row([role.as_str(), &may(false), &may(true)], &[]));
    }
    lines.extend(rest(policy));
    lines.join("\n") + "\n"
}

/// What is not a matter of cells.
fn rest(policy: &Policy) -> Vec<String> {
    let tiers = |tiers: &[RiskTier]| {
        let names: Vec<&str> = tiers
            .iter()
            .filter(|tier| **tier < RiskTier::L3Privileged)
            .map(|tier| tier.as_str())
            .collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    };
    let bypass = match policy.bypass.is_allowed {
        true => format!("covers {}", tiers(&policy.bypass.covers)),
        false => "is not allowed".to_owned(),
    };
    let four_eyes: Vec<&str> = policy
        .approvers
        .four_eyes
        .iter()
        .map(|tier| tier.as_str())
        .collect();
    let mut lines = vec![
        String::new(),
        format!("a remembered yes covers {}", tiers(&policy.grants_cover)),
        format!("a person's bypass {bypass}"),
    ];
    for role in Role::ALL {
        for list in policy.allowlists(*role, "", None, None) {
            let tools = list.tools.into_iter().flatten().collect::<Vec<_>>();
            if !tools.is_empty() {
                lines.push(format!("a {role} works with {}", tools.join(", ")));
            }
        }
    }
    if !four_eyes.is_empty() {
        lines.push(format!("two people decide {}", four_eyes.join(", ")));
    }
    lines
}

/// The tool that the table speaks of: one that everybody works with.
fn tool_of(policy: &Policy) -> &'static str {
    let lets = |role: &Role| {
        let lists = policy.allowlists(*role, "", None, None);
        lists.iter().all(|list| list.lets_tool("shell"))
    };
    match Role::ALL.iter().all(lets) {
        true => "shell",
        false => "http_fetch",
    }
}

type Cells = [Verb; 4];

/// The rows of one place: roles and doors that get the same answers stand together.
fn rows_of(policy: &Policy, place: Place) -> Vec<String> {
    let tool = if matches!(place.reach(), Reach::Apply { .. }) {
        "apply"
    } else {
        tool_of(policy)
    };
    let cells = |role, origin| -> Cells {
        RiskTier::ALL.map(|tier| cell(policy, place, (role, origin), (tool, tier)))
    };
    let by_role = grouped(Role::ALL, |role| {
        Origin::ALL
            .iter()
            .map(|&origin| cells(role, origin))
            .collect::<Vec<_>>()
    });
    let mut rows = Vec::new();
    for roles in by_role {
        let by_origin = grouped(Origin::ALL, |origin| cells(roles[0], origin));
        for origins in by_origin {
            let who = named(&roles, Role::ALL.len(), "everyone", |role| role.as_str());
            let from = named(&origins, Origin::ALL.len(), "any door", |origin| {
                origin.as_str()
            });
            let verbs = cells(roles[0], origins[0]).map(|verb| verb.to_string());
            rows.push(row([place.as_str(), &who, &from], &verbs));
        }
    }
    rows
}

/// Values with the same answer stand together, in the order of their first.
fn grouped<T: Copy, K: PartialEq>(values: &[T], key: impl Fn(T) -> K) -> Vec<Vec<T>> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for &value in values {
        let key = key(value);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn named<T: Copy>(
    group: &[T],
    all: usize,
    everything: &str,
    name: impl Fn(T) -> &'static str,
) -> String {
    if group.len() == all {
        return everything.to_owned();
    }
    group
        .iter()
        .map(|&one| name(one))
        .collect::<Vec<_>>()
        .join(" ")
}

fn row(heads: [&str; 3], cells: &[String]) -> String {
    let [what, who, from] = heads;
    let mut line = format!("{what:<43}{who:<24}{from:<30}");
    for cell in cells {
        line.push_str(&format!("{cell:<15}"));
    }
    line.trim_end().to_owned()
}
