//! The rules change under a running task, by people alone.

use crate::script::script;
use crate::{laptop, world};
use wardroom_api::approval::Verdict;
use wardroom_api::audit::AuditFilter;
use wardroom_api::policy::{ExplainPolicy, PutPolicy, RollbackPolicy};
use wardroom_api::task::CreateTask;
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
    let create = CreateTask {
        text: script()
            .shell("echo more >> log.txt")
            .says("Logged.")
            .to_string(),
        workspace: Some(workspace),
        ..CreateTask::default()
    };
    let task = owner
        .client
        .create_task(&create, None)
        .await
        .expect("a task")
        .id;
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
    let task = owner
        .client
        .create_task(&create, None)
        .await
        .expect("a task")
        .id;
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
