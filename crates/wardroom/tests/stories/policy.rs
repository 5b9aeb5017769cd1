//! The rules change under a running task, by people alone.

use crate::script::script;
use crate::{laptop, world};
use wardroom_api::approval::Verdict;
use wardroom_api::audit::AuditFilter;
use wardroom_api::policy::{ExplainPolicy, PutPolicy, RollbackPolicy};
use wardroom_domain::{AuditKind, TaskStatus};

fn rules(text: &str) -> PutPolicy {
    PutPolicy {
        rules: Some(text.to_owned()),
        ..PutPolicy::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_for_the_next_action_of_a_running_task() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let folder = world.project(&[("log.txt", "begun\n")]);
    let workspace = owner.opens(&folder).await;
    let work = script().shell("echo more >> log.txt").says("Logged.");
    let work = work.to_string();
    let task = owner.asks_in(&work, workspace).await;
    let question = owner.is_asked().await;

    let frozen = "@id(\"frozen\")\n@why(\"The month is closed.\")\nforbid (principal, action == Action::\"apply\", resource);";
    let put = owner
        .client
        .put_policy(&rules(frozen))
        .await
        .expect("a policy");
    assert_eq!(put.version, 1);
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a yes");
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(
        done.applied,
        Some(false),
        "the yes was to what a rule now forbids"
    );
    let log = std::fs::read_to_string(folder.join("log.txt")).expect("the log");
    assert_eq!(log, "begun\n");

    let back = RollbackPolicy { version: 0 };
    owner
        .client
        .roll_back_policy(&back)
        .await
        .expect("a rollback");
    let task = owner.asks_in(&work, workspace).await;
    let question = owner.is_asked().await;
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a yes");
    assert_eq!(
        owner.awaits(task, TaskStatus::Succeeded).await.applied,
        Some(true)
    );

    let filter = AuditFilter {
        kind: Some(AuditKind::PolicyChanged),
        ..AuditFilter::default()
    };
    let events = owner
        .client
        .audit_events(&filter)
        .await
        .expect("the log")
        .events;
    assert_eq!(events.len(), 2, "every change is written down");
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_manages_the_policy_changes_it_and_what_is_unfit_changes_nothing() {
    let world = world(laptop()).await;
    let (owner, member) = (world.owner(), world.person("mia", "member"));
    let everything = "@id(\"all\")\npermit (principal, action, resource);";
    for refused in [
        member.client.put_policy(&rules(everything)).await.err(),
        member
            .client
            .roll_back_policy(&RollbackPolicy { version: 0 })
            .await
            .err(),
        member.client.policy_history().await.err(),
    ] {
        let refused = refused.expect("not his to do");
        assert_eq!(refused.code().map(|code| code.as_str()), Some("forbidden"));
    }
    let wrong = "@id(\"x\")\nforbid (principal, action, resource)\nwhen { context.teir > 1 };";
    let refused = owner
        .client
        .put_policy(&rules(wrong))
        .await
        .expect_err("unfit");
    assert_eq!(
        refused.code().map(|code| code.as_str()),
        Some("policy_refused")
    );
    assert!(
        refused.to_string().contains("line 3, rule `x`"),
        "{refused}"
    );
    let policy = member.client.policy().await.expect("everybody reads it");
    assert_eq!((policy.version, policy.preset.as_str()), (0, "consumer"));

    let asked = ExplainPolicy {
        tool: "shell".to_owned(),
        arguments: serde_json::json!({"command": "rm -rf build"}),
        ..ExplainPolicy::default()
    };
    let explained = member
        .client
        .explain_policy(&asked)
        .await
        .expect("an answer");
    assert_eq!(explained.in_view.decision, "allow");
    assert_eq!(
        (
            explained.on_host.decision.as_str(),
            explained.on_host.rule.as_str()
        ),
        ("ask", "outside.l2")
    );
}

/// Through HTTP: the fault with its place and what was probably meant; what runs stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_wrong_is_refused_with_its_place_and_the_running_policy_stays() {
    let world = world(laptop()).await;
    let owner = world.owner();
    owner
        .client
        .put_policy(&rules(""))
        .await
        .expect("version 1");
    let text = |text: &str| PutPolicy {
        text: Some(text.to_owned()),
        ..PutPolicy::default()
    };
    for (document, sentence) in [
        ("preset = ", "line 1"),
        (
            "preset = \"enterprize\"\n",
            "line 1: unknown variant `enterprize`; did you mean `enterprise`?",
        ),
        ("prest = \"team\"\n", "did you mean `preset`?"),
        (
            "[roles.amin]\ntools = []\n",
            "line 1: unknown variant `amin`; did you mean `admin`?",
        ),
        (
            "[roles.viewer]\ntools = [\"file_raed\"]\n",
            "there is no tool `file_raed`; did you mean `file_read`?",
        ),
        (
            "rules = '''\n@id(\"a\")\nforbid (principal, action, resource == Tool::\"shel\");\n'''\n",
            "there is no tool `shel`; did you mean `shell`?",
        ),
        (
            "rules = '''\n@id(\"a\")\nforbid (principal in Role::\"amin\", action, resource);\n'''\n",
            "rule `a`",
        ),
        (
            "rules = '''\n@id(\"not-them\")\nforbid (principal in Role::\"admin\", action, resource);\n'''\n",
            "it would lock every admin out: the rule `not-them`",
        ),
    ] {
        let refused = owner.client.put_policy(&text(document)).await;
        let refused = refused.expect_err(document);
        let code = refused.code().map(|code| code.as_str());
        assert_eq!(code, Some("policy_refused"), "{document}");
        let why = refused.to_string();
        assert!(
            why.contains(sentence) && why.contains("stays"),
            "{document}: {why}"
        );
        assert_eq!(
            owner.client.policy().await.expect("it").version,
            1,
            "{document}"
        );
    }
    // One that forbids everything comes into force with a warning, and can be taken back.
    let all = rules("@id(\"stop\")\nforbid (principal, action, resource);");
    let put = owner
        .client
        .put_policy(&all)
        .await
        .expect("it is his to do");
    assert!(
        put.warnings[0].contains("forbids everything"),
        "{:?}",
        put.warnings
    );
    assert!(
        !put.table.contains(" allow "),
        "the table follows: {}",
        put.table
    );
    let task = owner
        .asks(&script().shell("ls").says("{last}").to_string())
        .await;
    let told = owner.awaits(task, TaskStatus::Succeeded).await.result;
    assert!(told.unwrap_or_default().contains("refused"));
    let back = RollbackPolicy { version: 1 };
    let back = owner
        .client
        .roll_back_policy(&back)
        .await
        .expect("it is taken back");
    assert!(back.table.contains(" allow "), "and so does its table");
}

#[tokio::test(flavor = "multi_thread")]
async fn bypass_that_the_org_ended_does_not_spring_back() {
    let mut world = world(crate::govern::opted_in()).await;
    let (owner, mia) = (world.owner(), world.person("mia", "member"));
    let me = mia.client.me().await.expect("mia").user.id;
    let on = wardroom_api::user::SetBypassMode {
        mode: wardroom_domain::BypassMode::On,
    };
    let lets = |allowed: bool| PutPolicy {
        allow_bypass: Some(allowed),
        ..PutPolicy::default()
    };
    mia.client.set_bypass(me, &on).await.expect("he may");
    let mode = async |owner: &wardroom_testkit::world::Person| {
        let standing = owner.client.standing(me).await.expect("his standing");
        standing.bypass.as_str()
    };
    assert_eq!(mode(&owner).await, "ON");
    owner.client.put_policy(&lets(false)).await.expect("ended");
    assert_eq!(mode(&owner).await, "OFF", "with the change itself");
    mia.client
        .set_bypass(me, &on)
        .await
        .expect_err("not any more");
    owner
        .client
        .put_policy(&lets(true))
        .await
        .expect("allowed anew");
    assert_eq!(mode(&owner).await, "OFF", "nobody finds it on again");
    let asking = mia.asks(&crate::govern::changing("a.txt")).await;
    mia.awaits(asking, TaskStatus::WaitingApproval).await;

    // The same where the configuration ends it, and where a rollback does.
    mia.client.set_bypass(me, &on).await.expect("he may again");
    owner
        .client
        .roll_back_policy(&RollbackPolicy { version: 1 })
        .await
        .expect("ended");
    assert_eq!(mode(&owner).await, "OFF");
    owner
        .client
        .roll_back_policy(&RollbackPolicy { version: 0 })
        .await
        .expect("the configuration");
    mia.client.set_bypass(me, &on).await.expect("he may");
    world.stop();
    let file = world.data().join("wardroom.toml");
    let configured = std::fs::read_to_string(&file).expect("its file");
    std::fs::write(
        &file,
        configured.replace("allow_bypass = true", "allow_bypass = false"),
    )
    .expect("it is changed");
    world.up();
    let owner = world.owner();
    assert_eq!(mode(&owner).await, "OFF");
    let filter = AuditFilter {
        kind: Some(AuditKind::BypassChanged),
        ..AuditFilter::default()
    };
    let events = owner
        .client
        .audit_events(&filter)
        .await
        .expect("the log")
        .events;
    assert_eq!(
        events.len(),
        6,
        "every switch is written down, whoever moved it"
    );
}
