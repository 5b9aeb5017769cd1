//! The rules: what a preset answers, what a document changes, and what is refused of it.

use wardroom_domain::*;
use wardroom_policy::decide::*;

fn preset(preset: Preset) -> Policy {
    let approvers = Approvers {
        self_approval: vec![RiskTier::L1Mutating, RiskTier::L2Destructive],
        ..Approvers::default()
    };
    Policy::new(preset, approvers)
}

fn with(text: &str) -> Policy {
    let document = PolicyDocument::parse(text).unwrap_or_else(|fault| panic!("{fault}"));
    preset(Preset::Enterprise)
        .with(&document, Some(text))
        .unwrap_or_else(|fault| panic!("{fault}"))
}

fn fault(text: &str) -> String {
    let read = PolicyDocument::parse(text);
    let made = read.and_then(|document| preset(Preset::Enterprise).with(&document, Some(text)));
    made.err()
        .map(|fault| fault.to_string())
        .unwrap_or_default()
}

fn outside(policy: &Policy, role: Role, origin: Origin, tool: &str) -> String {
    RiskTier::ALL
        .map(|tier| cell(policy, Place::Outside, (role, origin), (tool, tier)).to_string())
        .join(" ")
}

#[test]
fn the_presets_print_as_they_are_committed() {
    for &name in Preset::ALL {
        let path = format!(
            "{}/../../docs/security/tables/{name}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let printed = table(&preset(name));
        if std::env::var_os("UPDATE_TABLES").is_some() {
            std::fs::write(&path, &printed).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            printed, committed,
            "{path}: run with UPDATE_TABLES=1 and look at the difference"
        );
    }
}

#[test]
fn rules_that_say_nothing_permit_nothing() {
    let policy = Policy::nothing(Approvers::default());
    for &place in Place::ALL {
        for &origin in Origin::ALL {
            for tool in wardroom_policy::classify::KNOWN_TOOLS {
                let asked = (Role::Overlord, origin);
                let verb = cell(&policy, place, asked, (tool, RiskTier::L0Readonly));
                assert_eq!(verb, Verb::Deny, "{place} {origin} {tool}");
            }
        }
    }
}

#[test]
fn a_threshold_moves_what_is_asked_in_both_directions() {
    let more = with("preset = \"enterprise\"\noutside_unasked = \"L1_MUTATING\"\n");
    assert_eq!(
        outside(&more, Role::Member, Origin::Chat, "shell"),
        "allow allow ask ask"
    );
    let less = with("preset = \"server\"\noutside_unasked = \"L0_READONLY\"\n");
    assert_eq!(
        outside(&less, Role::Member, Origin::Chat, "shell"),
        "allow ask ask ask"
    );
}

#[test]
fn one_tool_is_asked_in_chat_and_forbidden_from_elsewhere() {
    let policy = with(
        "[origins.schedule]\ndeny = [\"shell\"]\n\
         [origins.webhook]\ndeny = [\"*\"]\n\
         [origins.subtask]\ntier_max = \"L1_MUTATING\"\nask = [\"files__*\"]\n",
    );
    let of = |origin, tool| outside(&policy, Role::Admin, origin, tool);
    assert_eq!(of(Origin::Chat, "shell"), "allow ask ask ask");
    assert_eq!(of(Origin::Schedule, "shell"), "deny deny deny deny");
    assert_eq!(of(Origin::Schedule, "http_fetch"), "allow ask ask deny");
    assert_eq!(of(Origin::Webhook, "http_fetch"), "deny deny deny deny");
    assert_eq!(of(Origin::Subtask, "http_fetch"), "allow ask deny deny");
    assert_eq!(of(Origin::Subtask, "files__read"), "ask ask deny deny");
}

#[test]
fn rules_in_cedar_join_the_preset() {
    let policy = with(
        "rules = '''\n@id(\"no-search\")\n@why(\"We do not search.\")\n\
         forbid (principal, action, resource == Tool::\"web_search\");\n\
         @id(\"admins-read-and-change\")\npermit (principal in Role::\"admin\", action == Action::\"outside\", resource)\n\
         when { context.tier <= 1 };\n'''\n",
    );
    assert_eq!(
        outside(&policy, Role::Admin, Origin::Chat, "web_search"),
        "deny deny deny deny"
    );
    assert_eq!(
        outside(&policy, Role::Overlord, Origin::Chat, "shell"),
        "allow allow ask ask"
    );
    assert_eq!(
        outside(&policy, Role::Member, Origin::Chat, "shell"),
        "allow ask ask ask"
    );
}

#[test]
fn lists_narrow_roles_and_agents() {
    let policy = with("[roles.viewer]\ntools = [\"file_read\", \"files__*\"]\n");
    assert_eq!(
        outside(&policy, Role::Viewer, Origin::Chat, "shell"),
        "deny deny deny deny"
    );
    assert_eq!(
        outside(&policy, Role::Viewer, Origin::Chat, "files__get"),
        "allow ask ask ask"
    );
    assert_eq!(
        outside(&policy, Role::Member, Origin::Chat, "shell"),
        "allow ask ask ask"
    );
}

#[test]
fn a_person_may_only_tighten_unless_the_org_lets_him() {
    let own = "@id(\"ask-me\")\nforbid (principal, action == Action::\"outside\", resource) unless { context.approved };\n";
    let me = UserId::mint(Timestamp::default(), 0);
    let policy = preset(Preset::Server).with_override(me, own).unwrap();
    assert_eq!(
        outside(&policy, Role::Admin, Origin::Chat, "shell"),
        "ask ask ask ask"
    );

    let loose = "@id(\"let-me\")\npermit (principal, action, resource);\n";
    let policy = preset(Preset::Enterprise).with_override(me, loose).unwrap();
    assert_eq!(
        outside(&policy, Role::Admin, Origin::Chat, "shell"),
        "allow ask ask ask"
    );
    let let_by_org = with("users_may_allow = [\"L1_MUTATING\"]\n");
    let policy = let_by_org.with_override(me, loose).unwrap();
    assert_eq!(
        outside(&policy, Role::Admin, Origin::Chat, "shell"),
        "allow allow ask ask"
    );
}

#[test]
fn what_is_wrong_with_a_document_is_said_with_its_line_and_what_was_meant() {
    let cases = [
        "preset = \"enterprice\"\n",
        "\nprest = \"enterprise\"\n",
        "self_approval = [\"L4\"]\n",
        "[roles.amin]\ntools = []\n",
        "[roles.member]\ntools = [\"file_raed\"]\n",
        "[origins.webhok]\n",
        "[approvers]\nL2_DESTRUCTIVE = \"member\"\n",
        "approval_ttl_s = 0\n",
        "preset = \n",
        "preset = \"enterprise\"\nrules = '''\nforbid (principal, action, resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action, resource)\nwhen { context.teir > 1 };\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action, resource)\nwhen { context.origin == Origin::\"webhok\" };\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal in Role::\"amin\", action, resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action == Action::\"outsid\", resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action, resource == Tool::\"shel\");\n'''\n",
        "rules = '''\n@id(\"a\")\nforbidd (principal, action, resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action, resource)\n\n@id(\"b\")\nforbid (principal, action, resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action, resource);\n@id(\"a\")\nforbid (principal, action, resource);\n'''\n",
        "rules = '''\n@id(\"reads\")\nforbid (principal, action, resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal == ?principal, action, resource);\n'''\n",
        "rules = '''\n@id(\"a\")\nforbid (principal, action, resource) when { context.folder == Folder::\"host\" };\n'''\n",
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|text| format!("{text}=> {}\n", fault(text)))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_policy_that_forbids_everything_stands_with_a_warning_and_a_lock_out_does_not() {
    let people = [Role::Overlord, Role::Member];
    let all = with("rules = '''\n@id(\"stop\")\nforbid (principal, action, resource);\n'''\n");
    let warnings = check_soundness(&all, &people).unwrap();
    assert!(warnings[0].contains("forbids everything"), "{warnings:?}");
    let admins = with(
        "rules = '''\n@id(\"not-them\")\nforbid (principal in Role::\"admin\", action, resource);\n'''\n",
    );
    let refused = check_soundness(&admins, &people).unwrap_err().to_string();
    assert!(
        refused.contains("lock every admin out") && refused.contains("not-them"),
        "{refused}"
    );
    let nobody = with("[approvers]\nL2_DESTRUCTIVE = \"overlord\"\n");
    let refused = check_soundness(&nobody, &[Role::Admin])
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("L2_DESTRUCTIVE") && refused.contains("overlord"),
        "{refused}"
    );
    assert_eq!(check_soundness(&with(""), &people), Ok(vec![]));
}
