//! Work on a folder of the host: one diff, one question, and nothing changes before the answer.

use crate::script::script;
use crate::{laptop, world};
use std::fs;
use std::path::Path;
use wardroom_api::approval::Verdict;
use wardroom_api::message::Reply;
use wardroom_domain::{ApprovalDecision, RiskTier, TaskStatus};
use wardroom_testkit::world::{Person, World};

/// Somebody asks for a change of his folder: one file more, one changed, one gone.
async fn asks_for_a_change(world: &World, owner: &Person) -> (std::path::PathBuf, Reply) {
    let folder = world.project(&[("old.txt", "old\n"), ("keep/notes.md", "one\n")]);
    let workspace = owner.opens(&folder).await;
    let work = script()
        .shell("echo new > new.txt; echo two >> keep/notes.md; rm old.txt")
        .says("Tidied up.");
    let request = script().delegates(&[("tidy", work)]).says("On it.");
    (folder, owner.says_in(&request.to_string(), workspace).await)
}

fn is_untouched(folder: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("old.txt") == "old\n"
        && read("keep/notes.md") == "one\n"
        && !folder.join("new.txt").exists()
}

fn is_changed(folder: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("new.txt") == "new\n"
        && read("keep/notes.md") == "one\ntwo\n"
        && !folder.join("old.txt").exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_diff_one_question_and_undo() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let (folder, reply) = asks_for_a_change(&world, &owner).await;
    let task = reply.tasks[0];
    let question = owner.is_asked().await;
    assert_eq!((question.task, question.tool.as_str()), (task, "apply"));
    assert_eq!(question.tier, RiskTier::L2Destructive, "it removes a file");
    let diff = question.arguments["diff"].as_str().expect("the diff");
    assert!(
        diff.contains("+new") && diff.contains("+two") && diff.contains("-old"),
        "{diff}"
    );
    assert!(is_untouched(&folder), "nothing changes before the answer");
    let shown = owner.client.diff(task).await.expect("the diff");
    assert_eq!((shown.changes.len(), shown.applied), (3, false));

    let decided = owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a decision");
    assert_eq!(decided.decision, Some(ApprovalDecision::Approve));
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    assert_eq!(
        (done.applied, done.result.as_deref()),
        (Some(true), Some("Tidied up."))
    );
    assert!(is_changed(&folder));
    assert!(owner.client.diff(task).await.expect("the diff").applied);
    owner.awaits_words(reply.conversation, "All told").await;

    let undone = owner.client.undo(task).await.expect("it is undone");
    assert_eq!(undone.changes.len(), 3);
    assert!(is_untouched(&folder), "the undo brings everything back");
    let again = owner.client.undo(task).await.expect_err("once is enough");
    assert_eq!(
        again.code().map(|code| code.as_str()),
        Some("nothing_to_undo")
    );
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_change_changes_nothing_and_can_still_be_seen() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let (folder, reply) = asks_for_a_change(&world, &owner).await;
    let question = owner.is_asked().await;
    owner
        .decides(question.id, Verdict::Deny)
        .await
        .expect("a decision");
    let done = owner.awaits(reply.tasks[0], TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(false));
    assert!(is_untouched(&folder));
    let diff = owner.client.diff(reply.tasks[0]).await.expect("the diff");
    assert_eq!((diff.changes.len(), diff.applied), (3, false));
    let sent = world.model.recorded();
    let told = sent
        .iter()
        .any(|sent| sent.body.to_string().contains("denied by a person"));
    assert!(told, "the model reads that it was denied");
    let told = owner.awaits_words(reply.conversation, "All told").await;
    assert!(told.contains("not applied"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_question_fails_safe() {
    let world = world(laptop().with("[policy]\napproval_ttl_s = 1\n")).await;
    let owner = world.owner();
    let (folder, reply) = asks_for_a_change(&world, &owner).await;
    let question = owner.is_asked().await;
    let done = owner.awaits(reply.tasks[0], TaskStatus::Succeeded).await;
    assert_eq!(done.applied, Some(false));
    assert!(is_untouched(&folder));
    let late = owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect_err("too late");
    assert_eq!(
        late.code().map(|code| code.as_str()),
        Some("already_decided")
    );
    assert!(is_untouched(&folder));
}
