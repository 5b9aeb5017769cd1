//! What is written down: how much of it, and never a secret.

use crate::script::script;
use crate::{laptop, world};
use std::path::Path;
use wardroom_api::audit::AuditFilter;
use wardroom_domain::{AuditKind, TaskStatus};
use wardroom_testkit::world::World;

/// Everything that the audit log tells its owner.
async fn told(world: &World) -> String {
    let filter = AuditFilter {
        limit: Some(500),
        ..AuditFilter::default()
    };
    let owner = world.owner();
    let log = owner.client.audit_events(&filter).await.expect("the log");
    serde_json::to_string(&log).expect("its text")
}

async fn works(world: &World) {
    let owner = world.owner();
    let request = script()
        .shell("echo heliotrope > diary.txt; cat diary.txt")
        .says("done");
    let task = owner.asks(&request.to_string()).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    owner.says("tell me about heliotrope", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_everything_or_no_word_of_anybody() {
    let full = world(laptop()).await;
    works(&full).await;
    let log = told(&full).await;
    assert!(
        log.contains("heliotrope > diary.txt"),
        "the command as it was"
    );

    let scarce = world(laptop().with("[audit]\ncontent = \"metadata\"\n\n")).await;
    works(&scarce).await;
    let log = told(&scarce).await;
    assert!(
        !log.contains("heliotrope") && !log.contains("diary.txt"),
        "{log}"
    );
    for kind in [
        AuditKind::MessageReceived,
        AuditKind::EffectIntended,
        AuditKind::EffectSettled,
    ] {
        assert!(log.contains(kind.as_str()), "{kind} is there all the same");
    }
    assert!(scarce.audit_is_whole());
}

/// Every file below a folder that holds these bytes.
fn holders(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() && !path.is_symlink() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        } else if std::fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_somebody_says_is_nowhere_afterwards() {
    let mut world = world(laptop()).await;
    let owner = world.owner();
    let canary = format!("ghp_{}", "cAnArY7".repeat(6));
    // Made inside, so that the command itself does not hold it; said, so that a door hears it.
    let half = "cAnArY7".repeat(3);
    let request = script()
        .shell(&format!("echo \"the token is ghp_{half}\"'{half}'"))
        .says("it said: {last}");
    let task = owner.asks(&request.to_string()).await;
    let done = owner.awaits(task, TaskStatus::Succeeded).await;
    let result = done.result.expect("a result");
    assert!(result.contains("[redacted: GitHub token]"), "{result}");
    let reply = owner.says(&format!("use {canary} for it"), None).await;
    owner.awaits_words(reply.conversation, "use").await;
    let direct = owner.asks(&format!("use {canary} for it")).await;
    owner.awaits_end(direct).await;

    for sent in world.model.recorded() {
        assert!(
            !sent.body.to_string().contains(&canary),
            "a prompt holds it: {}",
            sent.body
        );
    }
    assert!(
        !told(&world).await.contains(&canary),
        "the audit log holds it"
    );
    assert!(!world.log().contains(&canary), "the log holds it");
    world.stop();
    assert_eq!(
        holders(&world.data(), canary.as_bytes()),
        Vec::<String>::new()
    );
}
