//! Laws of the decision: whatever comes together, these hold.

use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;
use wardroom_domain::*;
use wardroom_policy::classify::Verdict;
use wardroom_policy::decide::*;

/// One request in all its parts, owned.
#[derive(Clone, Debug)]
struct Case {
    preset: Preset,
    bypass_allowed: bool,
    bypass: BypassMode,
    emergency: Emergency,
    role: Role,
    origin: Origin,
    reach: Reach,
    tier: RiskTier,
    tool: &'static str,
    address: Option<&'static str>,
    integrity: Integrity,
    audience: BTreeSet<String>,
    mandate: Option<Mandate>,
    typed: Vec<String>,
    level: Option<PermissionLevel>,
    allowlists: Vec<Allowlist>,
    scopes: Option<Scopes>,
    granted: bool,
    approved: bool,
}

/// From least to most permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Given {
    Denied,
    Waits,
    Asked,
    Allowed,
}

const NOW: i64 = 1_000_000_000;
const TOOLS: [&str; 3] = ["shell", "http_fetch", "mail__send"];
const ADDRESSES: [&str; 2] = ["https://a.test/in/x", "https://b.test/y?q=1"];

fn at(offset: i64) -> Timestamp {
    Timestamp::from_micros(NOW + offset)
}

fn user() -> UserId {
    UserId::mint(at(0), 1)
}

static PRESETS: LazyLock<HashMap<Preset, Policy>> = LazyLock::new(|| {
    let policy = |&preset| (preset, Policy::new(preset, Approvers::default()));
    Preset::ALL.iter().map(policy).collect()
});

impl Case {
    fn policy(&self) -> Policy {
        PRESETS[&self.preset].clone()
    }

    fn decide(&self) -> (Given, String, PolicySource) {
        let mut policy = self.policy();
        policy.bypass.is_allowed = self.bypass_allowed;
        policy.bypass.covers = RiskTier::ALL.to_vec();
        policy.grants_cover = RiskTier::ALL.to_vec();
        let requester = Principal {
            org: OrgId::mint(at(0), 1),
            user: user(),
            name: "ann".into(),
            role: self.role,
            via: "test".into(),
        };
        let labels = Labels {
            integrity: self.integrity,
            audience: self.audience.clone(),
        };
        let arguments = json!({"url": self.address});
        let verdict = Verdict {
            tier: self.tier,
            rule: "some.rule".into(),
            rationale: "It does something.".into(),
            effects: vec![],
        };
        let digest = Digest::of(&self.tool);
        let approval = approval(digest, self.tier);
        let workspace = WorkspaceId::mint(at(0), 1);
        let grants = [Grant {
            id: GrantId::mint(at(0), 1),
            workspace,
            requester: None,
            kind: action_kind(self.tool, &arguments, &verdict),
            tier: RiskTier::L3Privileged,
            granted_by: user(),
            granted_at: at(-9),
            expires_at: None,
            revoked_at: None,
        }];
        let typed = wardroom_policy::typed::Typed::of(self.typed.iter().map(String::as_str));
        let request = Request {
            requester: &requester,
            origin: self.origin,
            tool: self.tool,
            arguments: &arguments,
            reach: self.reach.clone(),
            destination: self.address.map(Destination::web),
            verdict,
            labels: &labels,
            digest,
            approval: self.approved.then_some(&approval),
            circumstances: Circumstances {
                workspace: Some(workspace),
                scopes: self.scopes.as_ref(),
                allowlists: &self.allowlists,
                agent_level: self.level,
                bypass: self.bypass,
                emergency: self.emergency,
                grants: if self.granted { &grants } else { &[] },
                mandate: self.mandate.as_ref(),
                typed: Some(&typed),
                done: &[],
                is_vouched: true,
                ..Circumstances::default()
            },
        };
        match policy.decide((), &request, at(0)) {
            Decision::Allow(permit) => {
                let source = PolicySource::OrgDefault;
                (Given::Allowed, permit.rule().to_owned(), source)
            }
            Decision::Ask { rule, source, .. } => (Given::Asked, rule, source),
            Decision::Wait { rule, source, .. } => (Given::Waits, rule, source),
            Decision::Deny { rule, source, .. } => (Given::Denied, rule, source),
        }
    }

    fn given(&self) -> Given {
        self.decide().0
    }

    fn leaves(&self) -> bool {
        self.reach == Reach::Outside
    }

    /// The requester typed what it is aimed at, and it is no worse than a change.
    fn is_wished(&self) -> bool {
        let typed = self
            .address
            .is_some_and(|to| self.typed.iter().any(|typed| typed == to));
        typed && self.tier <= RiskTier::L1Mutating
    }

    fn in_mandate(&self) -> bool {
        let mandate = self.mandate.as_ref();
        mandate.is_some_and(|mandate| {
            mandate.tools.contains(self.tool) && self.address == Some(ADDRESSES[0])
        })
    }
}

fn approval(digest: Digest, tier: RiskTier) -> Approval {
    Approval {
        id: ApprovalId::mint(at(0), 1),
        question: Question::Permission,
        task: TaskId::mint(at(0), 1),
        effect: EffectId::mint(at(0), 1),
        requester: user(),
        tool: "shell".into(),
        arguments: json!({}),
        digest,
        tier,
        rationale: String::new(),
        rule: String::new(),
        source: PolicySource::OrgDefault,
        labels: Labels::external(),
        created_at: at(-3),
        expires_at: at(9),
        decision: Some(ApprovalDecision::Approve),
        decided_by: Some(user()),
        decided_at: Some(at(-1)),
        answer: None,
        agent: "executor".to_owned(),
        covers: None,
        four_eyes: false,
        first_by: None,
    }
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(
    values: impl Into<Vec<T>>,
) -> impl Strategy<Value = T> {
    proptest::sample::select(values.into())
}

fn mandate() -> Mandate {
    Mandate {
        tools: TOOLS.map(str::to_owned).into(),
        targets: BTreeSet::from(["https://a.test/in/".to_owned()]),
        recipients: BTreeSet::new(),
    }
}

fn reaches() -> Vec<Reach> {
    vec![
        Reach::View,
        Reach::Internal,
        Reach::Apply {
            kind: WorkspaceKind::Private,
        },
        Reach::Apply {
            kind: WorkspaceKind::Shared,
        },
        Reach::Apply {
            kind: WorkspaceKind::Host,
        },
        Reach::Outside,
    ]
}

prop_compose! {
    fn cases()(
        (preset, role, origin) in (any_of(Preset::ALL), any_of(Role::ALL), any_of(Origin::ALL)),
        (reach, tier, tool) in (any_of(reaches()), any_of(RiskTier::ALL), any_of(TOOLS)),
        address in proptest::option::of(any_of(ADDRESSES)),
        (integrity, audience) in (any_of(Integrity::ALL), any_of([vec![], vec!["user_a"], vec!["org"]])),
        (mandate, is_typed) in (proptest::option::of(Just(mandate())), any::<bool>()),
        level in proptest::option::of(any_of(PermissionLevel::ALL)),
        (bypass_allowed, bypass) in (any::<bool>(), any_of(BypassMode::ALL)),
        (pause_mutations, bypass_disabled) in (any::<bool>(), any::<bool>()),
        (granted, approved) in (any::<bool>(), any::<bool>()),
    ) -> Case {
        Case {
            preset, bypass_allowed, bypass, role, origin, reach, tier, tool, address, integrity,
            mandate, level, granted, approved,
            emergency: Emergency { pause_mutations, bypass_disabled },
            audience: audience.into_iter().map(str::to_owned).collect(),
            typed: if is_typed { vec![ADDRESSES[1].to_owned()] } else { vec![] },
            allowlists: vec![],
            scopes: None,
        }
    }
}

fn list(layer: Layer, tools: Option<Vec<&str>>) -> Allowlist {
    Allowlist {
        layer,
        name: "one".into(),
        tools: tools.map(|tools| tools.into_iter().map(str::to_owned).collect()),
        models: None,
    }
}

fn lists() -> impl Strategy<Value = Allowlist> {
    let tools = any_of([
        None,
        Some(vec![]),
        Some(vec!["shell"]),
        Some(TOOLS.to_vec()),
    ]);
    (any_of(Layer::ALL), tools).prop_map(|(layer, tools)| list(layer, tools))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn after_an_external_read_nothing_changes_unasked_but_by_mandate_or_word(case in cases()) {
        let case = Case { integrity: Integrity::External, approved: false, ..case };
        let is_foreseen = case.in_mandate() || case.is_wished();
        if case.leaves() && case.tier > RiskTier::L0Readonly && !is_foreseen {
            prop_assert_ne!(case.given(), Given::Allowed);
        }
    }

    #[test]
    fn what_others_may_not_learn_is_told_nobody_unasked(case in cases()) {
        let audience = BTreeSet::from(["user_a".to_owned()]);
        let case = Case { audience, approved: false, ..case };
        let typed = case.address.is_some_and(|to| case.typed.iter().any(|typed| typed == to));
        if case.leaves() && !typed && !case.in_mandate() {
            prop_assert_ne!(case.given(), Given::Allowed);
        }
    }

    #[test]
    fn a_folder_of_the_host_always_asks(case in cases()) {
        let reach = Reach::Apply { kind: WorkspaceKind::Host };
        let case = Case { reach, approved: false, ..case };
        prop_assert_ne!(case.given(), Given::Allowed);
    }

    #[test]
    fn the_highest_tier_is_never_waved_through(case in cases()) {
        let reach = Reach::Outside;
        let case = Case { tier: RiskTier::L3Privileged, reach, approved: false, ..case };
        prop_assert_ne!(case.given(), Given::Allowed);
    }

    #[test]
    fn a_bypass_counts_only_where_org_and_emergency_let_it(case in cases()) {
        let off = Case { bypass: BypassMode::Off, ..case.clone() };
        let on = Case { bypass: BypassMode::On, ..case };
        prop_assert!(on.given() >= off.given());
        if !on.bypass_allowed || on.emergency.bypass_disabled {
            prop_assert_eq!(on.decide(), off.decide());
        }
    }

    #[test]
    fn a_pause_holds_back_whatever_changes_and_nothing_that_reads(case in cases()) {
        let mut paused = case.clone();
        paused.emergency.pause_mutations = true;
        let mut running = case;
        running.emergency.pause_mutations = false;
        if running.tier == RiskTier::L0Readonly {
            prop_assert_eq!(paused.decide(), running.decide());
        } else if matches!(running.reach, Reach::Apply { .. } | Reach::Outside) {
            prop_assert!(paused.given() <= Given::Waits);
        }
    }

    #[test]
    fn another_layer_never_adds_permission(
        case in cases(), before in proptest::collection::vec(lists(), 0..3), layer in lists(),
    ) {
        let case = Case { allowlists: before, ..case };
        let mut more = case.clone();
        more.allowlists.push(layer);
        prop_assert!(more.given() <= case.given());
    }

    #[test]
    fn a_lower_level_and_a_narrower_scope_never_add_permission(case in cases()) {
        let free = Case { level: None, ..case.clone() };
        let mut before = Given::Denied;
        for &level in PermissionLevel::ALL {
            let given = Case { level: Some(level), ..case.clone() }.given();
            prop_assert!(before <= given && given <= free.given());
            before = given;
        }
        let scope = Scope { kind: ScopeKind::Tool, name: "shell".into() };
        let scoped = Case { scopes: Some(Scopes(vec![scope])), ..case.clone() };
        prop_assert!(scoped.given() <= case.given());
        prop_assert!(case.tool == "shell" || scoped.given() == Given::Denied);
    }

    #[test]
    fn hearing_more_never_adds_permission(case in cases(), other in cases()) {
        let mine = Labels { integrity: case.integrity, audience: case.audience.clone() };
        let theirs = Labels { integrity: other.integrity, audience: other.audience };
        let both = mine.join(&theirs);
        prop_assert_eq!(&both, &theirs.join(&mine));
        prop_assert_eq!(&both, &both.join(&mine));
        let more = Case { integrity: both.integrity, audience: both.audience, ..case.clone() };
        prop_assert!(more.given() <= case.given());
    }

    #[test]
    fn less_trust_never_adds_permission(case in cases()) {
        let typed = Case { integrity: Integrity::Owner, ..case.clone() };
        let read = Case { integrity: Integrity::External, ..case };
        prop_assert!(read.given() <= typed.given());
    }

    #[test]
    fn every_answer_names_its_rule(case in cases()) {
        prop_assert!(!case.decide().1.is_empty());
    }
}
