//! Questions and who may answer them: once, in time, and about exactly what was shown.

use crate::script::script;
use crate::{laptop, world};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use wardroom_api::approval::{Approval, Decide, Verdict};
use wardroom_api::audit::AuditFilter;
use wardroom_api::client::ClientError;
use wardroom_api::task::CreateTask;
use wardroom_domain::{ApprovalId, AuditKind, Digest, TaskId, TaskStatus, WorkspaceId};
use wardroom_testkit::world::{PATIENCE, Person, World};

/// Somebody's task waits for a word about a line in a log.
async fn waits(world: &World, who: &Person) -> (PathBuf, TaskId, Approval) {
    let folder = world.project(&[("log.txt", "begun\n")]);
    let workspace = world.owner().opens(&folder).await;
    let task = begins(who, workspace).await;
    let question = who.is_asked().await;
    (folder, task, question)
}

async fn begins(who: &Person, workspace: WorkspaceId) -> TaskId {
    let create = CreateTask {
        text: script()
            .shell("echo more >> log.txt")
            .says("Logged.")
            .to_string(),
        workspace: Some(workspace),
        ..CreateTask::default()
    };
    who.client
        .create_task(&create, None)
        .await
        .expect("a task")
        .id
}

fn log(folder: &std::path::Path) -> String {
    fs::read_to_string(folder.join("log.txt")).expect("the log")
}

fn code(refused: &ClientError) -> &str {
    refused.code().map_or("none", |code| code.as_str())
}

async fn refusals(owner: &Person) -> usize {
    let filter = AuditFilter {
        kind: Some(AuditKind::ApprovalRefused),
        ..AuditFilter::default()
    };
    owner
        .client
        .audit_events(&filter)
        .await
        .expect("the log")
        .events
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_survives_a_power_cut_and_is_carried_out_once() {
    let mut world = world(laptop()).await;
    let (folder, task, question) = waits(&world, &world.owner()).await;
    world.kill();
    // The next cut comes when the change is made, and before anybody could write that down.
    world.up_until("gate-returned", 1);
    let owner = world.owner();
    assert_eq!(owner.sees(task).await.status, TaskStatus::WaitingApproval);
    assert_eq!(owner.is_asked().await.id, question.id, "the same question");
    // Whether he hears of his yes before the cut is chance.
    let _ = owner.decides(question.id, Verdict::Approve).await;
    let until = Instant::now() + PATIENCE;
    while !world.has_ended() {
        assert!(Instant::now() < until, "the plug was never pulled");
        crate::pause(20).await;
    }
    assert_eq!(log(&folder), "begun\nmore\n");
    world.kill();
    world.up();
    let done = world.owner().awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(true), "it is known to have happened");
    assert_eq!(log(&folder), "begun\nmore\n");
    world.kill();
    world.up();
    assert_eq!(world.owner().sees(task).await.status, TaskStatus::Succeeded);
    assert_eq!(log(&folder), "begun\nmore\n");
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_have_one_winner() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let (folder, task, question) = waits(&world, &owner).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = owner.client.clone();
        let verdict = [Verdict::Approve, Verdict::Deny][number % 2];
        all.spawn(async move {
            let decide = Decide {
                decision: verdict,
                digest: None,
                remember: None,
                answer: None,
            };
            (verdict, client.decide(question.id, &decide).await)
        });
    }
    let outcomes = all.join_all().await;
    let won: Vec<_> = outcomes
        .iter()
        .filter(|(_, said)| said.is_ok())
        .map(|(verdict, _)| verdict)
        .collect();
    assert_eq!(won.len(), 1, "one winner");
    for (_, said) in outcomes.iter().filter(|(_, said)| said.is_err()) {
        assert_eq!(code(said.as_ref().expect_err("a loser")), "already_decided");
    }
    assert_eq!(refusals(&owner).await, 19, "every loser is written down");
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let is_yes = *won[0] == Verdict::Approve;
    assert_eq!(done.applied, Some(is_yes));
    assert_eq!(
        log(&folder),
        if is_yes { "begun\nmore\n" } else { "begun\n" }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_that_nobody_may_make_are_refused_and_written_down() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let (folder, task, question) = waits(&world, &owner).await;
    let stranger = world.person("mallory", "member");
    let operator = world.person("oscar", "operator");

    let foreign = stranger
        .decides(question.id, Verdict::Approve)
        .await
        .expect_err("not his to see");
    assert_eq!(code(&foreign), "not_found");
    let guessed = ApprovalId::parse(&format!("apr_{}", "0".repeat(26))).expect("an id");
    let guessed = owner
        .decides(guessed, Verdict::Approve)
        .await
        .expect_err("there is none");
    assert_eq!(code(&guessed), "not_found");
    let wrong = Decide {
        decision: Verdict::Approve,
        digest: Some(Digest::of(&"other")),
        remember: None,
        answer: None,
    };
    let other = owner
        .client
        .decide(question.id, &wrong)
        .await
        .expect_err("not what was shown");
    assert_eq!(code(&other), "digest_mismatch");
    assert_eq!(log(&folder), "begun\n");
    assert_eq!(refusals(&owner).await, 3);

    operator
        .decides(question.id, Verdict::Deny)
        .await
        .expect("an operator decides L1 of others");
    let again = owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect_err("decided");
    assert_eq!(code(&again), "already_decided");
    assert_eq!(refusals(&owner).await, 4);
    assert_eq!(
        owner.awaits(task, TaskStatus::Succeeded).await.applied,
        Some(false)
    );
    assert_eq!(log(&folder), "begun\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_never_decides_his_own_request_and_an_admin_may() {
    // A company asks about a person's own workspace too, which a member has over the network.
    let world = world(crate::company()).await;
    let (member, admin) = (world.person("mia", "member"), world.person("ada", "admin"));
    let request = script()
        .writes("report.md", "# Report\n")
        .says("Written.")
        .to_string();

    let task = member.asks(&request).await;
    let question = member.is_asked().await;
    let own = member
        .decides(question.id, Verdict::Approve)
        .await
        .expect_err("his own request");
    assert_eq!(code(&own), "forbidden");
    admin
        .decides(question.id, Verdict::Approve)
        .await
        .expect("an admin decides");
    assert_eq!(
        member.awaits(task, TaskStatus::Succeeded).await.applied,
        Some(true)
    );

    let task = admin.asks(&request).await;
    let question = admin.is_asked().await;
    admin
        .decides(question.id, Verdict::Approve)
        .await
        .expect("self_approval covers L1");
    assert_eq!(
        admin.awaits(task, TaskStatus::Succeeded).await.applied,
        Some(true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_in_time_counts_although_no_worker_was_free_in_time() {
    let mut world = world(laptop().with("[policy]\napproval_ttl_s = 3\n")).await;
    let (folder, task, question) = waits(&world, &world.owner()).await;
    world.kill();
    world.up_with(&["--serve"]);
    let yes = world.owner().decides(question.id, Verdict::Approve).await;
    yes.expect("a decision in time");
    crate::pause(3500).await;
    world.kill();
    world.up_with(&[]);
    let done = world.owner().awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(true));
    assert_eq!(log(&folder), "begun\nmore\n");
}
