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

#[tokio::test(flavor = "multi_thread")]
async fn a_search_ends_soon_and_goes_on_where_it_ended() {
    let world = World::new().await;
    let (bob, his) = join(&world.store, world.org, "bob").await;
    let (hers, of_bob) = (world.new_task(), world.new_task_for(bob, his));
    let (task, other) = (hers.task.id, of_bob.task.id);
    let mut writes: Vec<Write> = vec![hers.into(), of_bob.into()];
    for number in 0..40 {
        let chain = match number % 3 {
            0 => Chain::Task(task),
            1 => Chain::Task(other),
            _ => Chain::Org,
        };
        let kind = match number % 2 {
            0 => AuditKind::TaskMoved,
            _ => AuditKind::EffectSettled,
        };
        let mut one = event(chain, kind);
        (one.at, one.tier) = (at(number / 4), Some(RiskTier::L1Mutating));
        one.actor = if number % 5 == 0 {
            bob.to_string()
        } else {
            "model".to_owned()
        };
        one.body = json!({"said": format!("Number {number} of {}", number % 7)});
        writes.push(one.into());
    }
    world.commit(writes).await.unwrap();

    let everything = AuditFilter::default();
    let every = whole(&world, &everything, 500).await.0;
    assert_eq!(every.len(), 40);
    let with = |change: fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::default();
        change(&mut filter);
        filter
    };
    let mut filters = vec![
        with(|filter| filter.words = Some("OF 3".to_owned())),
        with(|filter| filter.words = Some("nowhere".to_owned())),
        with(|filter| {
            (filter.kind, filter.tier) = (Some(AuditKind::TaskMoved), Some(RiskTier::L1Mutating))
        }),
        with(|filter| {
            (filter.actor, filter.words) = (Some("model".to_owned()), Some("of 1".to_owned()))
        }),
        with(|filter| {
            (filter.chain, filter.words) = (Some("org".to_owned()), Some("number".to_owned()))
        }),
        with(|filter| {
            (filter.chain, filter.from, filter.to) =
                (Some("org".to_owned()), Some(at(2)), Some(at(8)))
        }),
    ];
    for scope in [ChainScope::Of(bob), ChainScope::Of(world.alice)] {
        filters.push(AuditFilter {
            scope,
            ..everything.clone()
        });
        filters.push(AuditFilter {
            scope,
            words: Some("of 2".to_owned()),
            ..everything.clone()
        });
        filters.push(AuditFilter {
            scope,
            kind: Some(AuditKind::EffectSettled),
            ..everything.clone()
        });
        filters.push(AuditFilter {
            scope,
            chain: Some("org".to_owned()),
            ..everything.clone()
        });
    }
    for filter in &filters {
        let wanted: Vec<_> = every
            .iter()
            .filter(|one| fits(filter, one, [task, other], bob))
            .collect();
        let (at_once, rests) = whole(&world, filter, 500).await;
        assert_eq!(at_once.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
        assert_eq!(rests, 0, "all of so short a log is looked at: {filter:?}");
        let (in_pieces, rests) = whole(&world, filter, 1).await;
        assert_eq!(in_pieces, at_once, "{filter:?}");
        let ends_early = rests > 0;
        assert!(
            ends_early || filter.words.is_none(),
            "it ends before the page is full: {filter:?}"
        );
    }
}

/// Every page of a search, two events each, and how often it ended before its page was full.
async fn whole(world: &World, filter: &AuditFilter, bodies_max: u32) -> (Vec<AuditEvent>, usize) {
    let (mut found, mut rests) = (vec![], 0);
    let mut page = Page {
        limit: Some(2),
        cursor: None,
    };
    loop {
        let search = world
            .store
            .audit_events_among(world.org, filter, &page, bodies_max);
        let paged = search.await.unwrap();
        rests += usize::from(paged.searched_to.is_some());
        found.extend(paged.items);
        page.cursor = paged.next_cursor;
        if page.cursor.is_none() {
            return (found, rests);
        }
    }
}

/// What the statements say, said once more: `tasks` are Alice's and Bob's.
fn fits(filter: &AuditFilter, event: &AuditEvent, tasks: [TaskId; 2], bob: UserId) -> bool {
    let [hers, his] = tasks.map(|task| task.to_string());
    let belongs = match filter.scope {
        ChainScope::Everything => true,
        ChainScope::Of(user) if user == bob => event.chain == his || event.actor == bob.to_string(),
        ChainScope::Of(_) => event.chain == hers,
    };
    let body = event.body.to_string().to_lowercase();
    belongs
        && filter
            .words
            .as_ref()
            .is_none_or(|words| body.contains(&words.to_lowercase()))
        && filter.kind.is_none_or(|kind| event.kind == kind)
        && filter
            .actor
            .as_ref()
            .is_none_or(|actor| &event.actor == actor)
        && filter
            .chain
            .as_ref()
            .is_none_or(|chain| &event.chain == chain)
        && filter.from.is_none_or(|from| event.at >= from)
        && filter.to.is_none_or(|to| event.at < to)
}
