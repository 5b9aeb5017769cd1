//! What was acknowledged is there, whatever happened to the process or the disk.

use crate::world::*;
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use wardroom_domain::*;
use wardroom_store::*;

const FOLDER: &str = "WARDROOM_TEST_CHILD_FOLDER";

/// Not a test of its own: commits from eight sides and prints what was acknowledged, until it is
/// killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by killed_in_the_middle"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let path = Path::new(&folder).join("wardroom.db");
    let store = Store::open(&path, OpenOptions::write(at(0))).unwrap();
    let (org, _) = store.orgs().await.unwrap()[0];
    let sides: Vec<_> = (0..8)
        .map(|side| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let feed = Feed {
                        stream: format!("side {side}"),
                        event: "output".into(),
                        at: at(number),
                        data: serde_json::json!({"n": number}),
                    };
                    let audit = event(Chain::Org, AuditKind::SignedIn);
                    let writes = vec![feed.into(), audit.into()];
                    let receipt = store.commit(org, writes).await.unwrap();
                    println!("acknowledged {side} {}", receipt.seqs[0].unwrap());
                }
            })
        })
        .collect();
    for side in sides {
        side.await.unwrap();
    }
}

/// Starts the child, kills it after so many acknowledgements, and answers what it had acknowledged.
fn kill_after(folder: &Path, acknowledgements: usize) -> Vec<(String, i64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sqlite::durability::child",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = vec![];
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test runner's own words may stand before the first one on the same line.
        let Some((_, rest)) = line.split_once("acknowledged ") else {
            continue;
        };
        let Some((side, seq)) = rest.split_once(' ') else {
            continue;
        };
        let Ok(seq) = seq.parse() else { continue };
        seen.push((format!("side {side}"), seq));
        if seen.len() == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle() {
    let world = World::new().await;
    world.store.close();
    let mut all = HashSet::new();
    for round in 0..8 {
        all.extend(kill_after(world.folder.path(), 1 + round * 37));
        let store = Store::open(&world.place.file(), OpenOptions::write(at(1))).unwrap();
        let mut durable = HashSet::new();
        for side in 0..8 {
            let stream = format!("side {side}");
            let rows = store
                .feed_after(world.org, &stream, 0, 1_000_000)
                .await
                .unwrap();
            assert!(
                rows.iter().zip(1..).all(|(row, seq)| row.seq == seq),
                "no gaps"
            );
            durable.extend(rows.into_iter().map(|row| (stream.clone(), row.seq)));
        }
        let lost: Vec<_> = all.difference(&durable).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let signer = AuditSigner::load_or_create(&world.folder.path().join("k.key")).unwrap();
        let report = store.audit_verify(&signer.verifier()).unwrap();
        assert_eq!(
            (report.events, report.first_bad),
            (durable.len() as u64, None)
        );
        store.close();
    }
    assert!(all.len() > 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers() {
    let world = World::with(|options| OpenOptions {
        pages_max: Some(220),
        ..options
    })
    .await;
    let conversation = world.conversation("main").await;
    let audit = event(
        Chain::Conversation(conversation),
        AuditKind::MessageReceived,
    );
    let mut acknowledged = 0;
    let mut refused = 0;
    while refused < 5 {
        let said: Vec<_> = (0..8)
            .map(|_| {
                let (store, org) = (world.store.clone(), world.org);
                let message = world.message(conversation, &"x".repeat(4000));
                let audit = audit.clone();
                tokio::spawn(
                    async move { store.commit(org, vec![audit.into(), message.into()]).await },
                )
            })
            .collect();
        for commit in said {
            match commit.await.unwrap() {
                Ok(_) => acknowledged += 1,
                Err(CommitError::Failed(StoreError::Full)) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(acknowledged > 10);
    let kept = async |store: &Store| {
        let seqs = store
            .messages_after(world.org, conversation, 0, 10_000)
            .await
            .unwrap();
        seqs.len()
    };
    assert_eq!(
        kept(&world.store).await,
        acknowledged,
        "it still reads, and nothing is half there"
    );
    world.store.close();

    let store = Store::open(&world.place.file(), OpenOptions::write(at(1))).unwrap();
    assert_eq!(kept(&store).await, acknowledged);
    let message = world.message(conversation, "there is room again");
    store
        .commit(world.org, vec![audit.into(), message.into()])
        .await
        .unwrap();
    let signer = AuditSigner::load_or_create(&world.folder.path().join("k.key")).unwrap();
    let report = store.audit_verify(&signer.verifier()).unwrap();
    assert_eq!(
        (report.events, report.first_bad),
        (acknowledged as u64 + 1, None)
    );
}
