//! The audit log as its readers know it. What tampering does to it is in `sqlite/tampering.rs`.

use crate::world::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

#[tokio::test(flavor = "multi_thread")]
async fn events_chain_and_are_found() {
    let world = World::new().await;
    let (bob, his) = join(&world.store, world.org, "bob").await;
    let (hers, of_bob) = (world.new_task(), world.new_task_for(bob, his));
    let (task, other) = (hers.task.id, of_bob.task.id);
    let conversation = world.conversation("main").await;
    let mut decided = event(Chain::Task(task), AuditKind::ApprovalDecided);
    decided.tier = Some(RiskTier::L2Destructive);
    decided.actor = bob.to_string();
    let mut late = event(Chain::Org, AuditKind::SignedIn);
    (late.at, late.actor) = (at(50), bob.to_string());
    let receipt = world
        .commit(vec![
            hers.into(),
            of_bob.into(),
            event(Chain::Task(task), AuditKind::TaskCreated).into(),
            event(Chain::Task(other), AuditKind::TaskCreated).into(),
            event(
                Chain::Conversation(conversation),
                AuditKind::MessageReceived,
            )
            .into(),
            decided.into(),
            late.into(),
        ])
        .await
        .unwrap();
    assert_eq!(
        receipt.seqs[2..],
        [Some(1), Some(1), Some(1), Some(2), Some(1)]
    );

    let find = async |filter: AuditFilter| {
        let found = world
            .store
            .audit_events(world.org, &filter, &Page::first())
            .await
            .unwrap();
        found.items
    };
    let all = find(AuditFilter::default()).await;
    assert_eq!(all.len(), 5);
    assert_eq!(all[0].at, at(50), "newest first");
    assert_eq!(all[0].body, json!({"a": "x", "b": 1}));
    let of_task = find(AuditFilter {
        task: Some(task),
        ..Default::default()
    })
    .await;
    assert_eq!(of_task[0].prev_hash, of_task[1].hash);
    let tier = Some(RiskTier::L2Destructive);
    assert_eq!(
        find(AuditFilter {
            tier,
            ..Default::default()
        })
        .await[0]
            .seq,
        2
    );
    let kind = Some(AuditKind::TaskCreated);
    assert_eq!(
        find(AuditFilter {
            kind,
            ..Default::default()
        })
        .await
        .len(),
        2
    );
    let (from, to) = (Some(at(6)), Some(at(51)));
    assert_eq!(
        find(AuditFilter {
            from,
            to,
            ..Default::default()
        })
        .await
        .len(),
        1
    );
    let scope = ChainScope::Of(world.alice);
    assert_eq!(
        find(AuditFilter {
            scope,
            ..Default::default()
        })
        .await
        .len(),
        3
    );
    let scope = ChainScope::Of(bob);
    let mut his: Vec<_> = find(AuditFilter {
        scope,
        ..Default::default()
    })
    .await
    .into_iter()
    .map(|e| e.chain)
    .collect();
    his.sort();
    assert_eq!(his, ["org".to_owned(), task.to_string(), other.to_string()]);

    let mut seen = vec![];
    let mut page = Page {
        limit: Some(2),
        cursor: None,
    };
    loop {
        let filter = AuditFilter::default();
        let paged = world
            .store
            .audit_events(world.org, &filter, &page)
            .await
            .unwrap();
        seen.extend(paged.items);
        page.cursor = paged.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn anchors_are_made_only_of_what_has_grown_and_an_export_verifies() {
    let world = World::new().await;
    let (org, store) = (world.org, &world.store);
    let key = world.folder.path().join("audit.key");
    let signer = AuditSigner::load_or_create(&key).unwrap();
    assert_eq!(store.anchor(org, &signer, at(1)).await.unwrap(), None);
    let task = world.running().await.task.id;
    for round in 1..=3 {
        world
            .commit(vec![event(Chain::Org, AuditKind::SignedIn).into()])
            .await
            .unwrap();
        let moved = event(Chain::Task(task), AuditKind::TaskMoved);
        world
            .commit(vec![moved.clone().into(), moved.into()])
            .await
            .unwrap();
        assert_eq!(
            store.anchor(org, &signer, at(round)).await.unwrap(),
            Some(round)
        );
        assert_eq!(store.anchor(org, &signer, at(round)).await.unwrap(), None);
    }
    world
        .commit(vec![event(Chain::Org, AuditKind::SignedOut).into()])
        .await
        .unwrap();

    let intact = VerifyReport {
        chains: 2,
        events: 10,
        anchors: 3,
        first_bad: None,
    };
    let verifier = AuditVerifier::load(&key.with_extension("pub")).unwrap();
    assert_eq!(store.audit_verify(&verifier).unwrap(), intact);
    // Beside the writer, and with the key as it is loaded again.
    let reader = world.place.open(OpenOptions::read(at(9))).unwrap();
    let again = AuditSigner::load_or_create(&key).unwrap().verifier();
    assert_eq!(reader.audit_verify(&again).unwrap(), intact);

    let mut export = vec![];
    assert_eq!(reader.audit_export(&mut export).unwrap(), 10);
    assert_eq!(
        verify_export(&mut export.as_slice(), &verifier).unwrap(),
        intact
    );
    let text = String::from_utf8(export).unwrap();
    let bad = |text: String| {
        verify_export(&mut text.as_bytes(), &verifier)
            .unwrap()
            .first_bad
    };
    let edited = bad(text.replace("session.ended", "session.created")).unwrap();
    assert_eq!((edited.chain.as_str(), edited.seq), ("org", 4));
    let lines: Vec<_> = text.lines().collect();
    let without = |gone: usize| {
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != gone);
        kept.map(|(_, line)| format!("{line}\n"))
            .collect::<String>()
    };
    for (gone, line) in lines.iter().enumerate().skip(1) {
        // The last event of the org came after the last anchor: nothing vouches for it yet.
        let is_unanchored = line.contains("session.ended");
        assert_eq!(bad(without(gone)).is_none(), is_unanchored, "line {gone}");
    }
    let stranger = AuditSigner::load_or_create(&world.folder.path().join("other.key")).unwrap();
    let report = verify_export(&mut text.as_bytes(), &stranger.verifier()).unwrap();
    assert_eq!(
        report.first_bad.unwrap().what,
        "the anchor is not signed by our key"
    );
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("audit.key");
    let made = AuditSigner::load_or_create(&key).unwrap();
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        AuditSigner::load_or_create(&key).unwrap().public_key(),
        made.public_key()
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = AuditSigner::load_or_create(&key).unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, "not a key").unwrap();
    AuditSigner::load_or_create(&key).unwrap_err();
}
