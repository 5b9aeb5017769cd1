//! A disk beneath the views that takes no writes, or no more of them: a sentence, and nothing is lost.

use crate::remains::{marker, processes};
use crate::script::script;
use crate::{laptop, world};
use std::fs;
use std::path::Path;
use wardroom_api::approval::Verdict;
use wardroom_domain::TaskStatus;
use wardroom_testkit::world::World;

/// A server whose views lie on a disk of its own, mounted where nobody else sees it. None where we
/// may mount nothing.
async fn over(disk: &str) -> Option<World> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root mounts a disk for the story");
        return None;
    }
    let mounting = format!(
        "for word in \"$@\"; do [ \"$before\" = --data ] && data=$word; before=$word; done; \
         [ -d \"$data/views\" ] || mkdir -m 700 \"$data/views\"; \
         mount -t tmpfs -o mode=0700,{disk} none \"$data/views\" && exec \"$@\""
    );
    let wrapper = ["unshare", "-m", "sh", "-c", &mounting, "sh"];
    Some(world(laptop().wrapped(&wrapper)).await)
}

fn whole(folder: &Path) -> bool {
    fs::read_to_string(folder.join("README.md")).is_ok_and(|text| text == "hello\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_writes_is_a_sentence_and_nothing_runs() {
    let Some(world) = over("ro").await else {
        return;
    };
    let owner = world.owner();
    let folder = world.project(&[("README.md", "hello\n")]);
    let workspace = owner.opens(&folder).await;
    let marker = marker();
    let work = script().shell(&format!("sleep {marker} & sleep {marker}"));
    let task = owner.asks_in(&work.to_string(), workspace).await;
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let error = ended.error.unwrap_or_default();
    assert!(error.contains("Read-only file system"), "{error}");
    assert_eq!(processes(&marker), 0);
    assert!(whole(&folder));
    assert!(world.audit_is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_to_the_task_and_what_was_written_before_it_is_kept() {
    let Some(world) = over("size=6m").await else {
        return;
    };
    let owner = world.owner();
    let folder = world.project(&[("README.md", "hello\n")]);
    let workspace = owner.opens(&folder).await;
    let work = script()
        .shell("echo kept > small")
        .shell("head -c 20000000 /dev/zero > large; echo ended with $?; rm -f large")
        .says("{last}");
    let task = owner.asks_in(&work.to_string(), workspace).await;
    let question = owner.is_asked().await;
    owner
        .decides(question.id, Verdict::Approve)
        .await
        .expect("a yes");
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Succeeded, "{:?}", ended.error);
    let said = ended.result.unwrap_or_default();
    assert!(
        said.contains("No space left on device") && said.contains("ended with 1"),
        "{said}"
    );
    let kept = fs::read_to_string(folder.join("small"));
    assert_eq!(kept.expect("it was applied"), "kept\n");
    assert!(whole(&folder) && !folder.join("large").exists());
    assert!(world.audit_is_whole());
}
