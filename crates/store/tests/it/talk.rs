//! What is said: deliveries, conversations, messages, feeds.

use crate::place::Place;
use crate::world::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_equal_deliveries_one_is_admitted() {
    let world = World::new().await;
    let conversation = world.conversation("main").await;
    let (store, org, alice) = (world.store.clone(), world.org, world.alice);
    let admit = move |text: &str| Admit {
        inbound: Inbound {
            connector: "telegram:main".into(),
            external_id: "77".into(),
            text: text.to_owned(),
            files: vec![],
        },
        conversation,
        user: alice,
        at: at(1),
    };
    let deliveries: Vec<_> = (0..20)
        .map(|number| {
            let (store, message) = (store.clone(), world.message(conversation, "hi"));
            let admit = admit(&format!("hi {number}"));
            tokio::spawn(async move { store.commit(org, vec![admit.into(), message.into()]).await })
        })
        .collect();
    let mut admitted = 0;
    for delivery in deliveries {
        match delivery.await.unwrap() {
            Ok(receipt) => {
                admitted += 1;
                assert_eq!(receipt.seqs, [None, Some(1)]);
            }
            Err(CommitError::Refused(Conflict::Duplicate(row))) => {
                assert_eq!(
                    (row.conversation, row.state),
                    (conversation, InboxState::Pending)
                );
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(admitted, 1);
    assert_eq!(
        store
            .messages_after(org, conversation, 0, 100)
            .await
            .unwrap()
            .len(),
        1
    );
    let pending = store.inbox_pending(org).await.unwrap();
    assert_eq!(pending.len(), 1);

    let reply = Some(MessageId::mint(at(2), fresh()));
    let done = InboxDone {
        connector: "telegram:main".into(),
        external_id: "77".into(),
        reply,
    };
    world.commit(vec![done.clone().into()]).await.unwrap();
    assert!(store.inbox_pending(org).await.unwrap().is_empty());
    world.commit(vec![done.into()]).await.unwrap_err();
    let refused = world.commit(vec![admit("late").into()]).await.unwrap_err();
    let CommitError::Refused(Conflict::Duplicate(row)) = refused else {
        panic!()
    };
    assert_eq!((row.state, row.reply), (InboxState::Done, reply));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_count_without_gaps_and_come_back_by_pages() {
    let world = World::new().await;
    let conversation = world.conversation("main").await;
    for number in 0..40 {
        let text = format!("{number:02}{}", "x".repeat(98));
        world
            .commit(vec![world.message(conversation, &text).into()])
            .await
            .unwrap();
    }
    let (store, org) = (&world.store, world.org);
    let seqs = |messages: Vec<Message>| messages.iter().map(|m| m.seq).collect::<Vec<_>>();
    let after = store
        .messages_after(org, conversation, 35, 3)
        .await
        .unwrap();
    assert_eq!(seqs(after), [36, 37, 38]);
    let before = store
        .messages_before(org, conversation, i64::MAX, 2)
        .await
        .unwrap();
    assert_eq!(seqs(before), [40, 39]);
    let recent = store
        .recent_messages(org, conversation, 3_550)
        .await
        .unwrap();
    assert_eq!(seqs(recent), (6..=40).collect::<Vec<_>>());
    let recent = store.recent_messages(org, conversation, 1).await.unwrap();
    assert_eq!(seqs(recent), [40], "the newest always");

    let again = Conversation {
        id: ConversationId::mint(at(0), fresh()),
        ..store
            .conversation(org, conversation)
            .await
            .unwrap()
            .unwrap()
    };
    let refused = world.commit(vec![again.into()]).await.unwrap_err();
    assert!(matches!(
        refused,
        CommitError::Refused(Conflict::ConversationExists(there)) if there == conversation
    ));
    let found = store
        .conversation_by_key(org, world.alice, "main")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, conversation);
    let stray = world.message(ConversationId::mint(at(0), fresh()), "to nobody");
    let refused = world.commit(vec![stray.into()]).await.unwrap_err();
    assert!(matches!(refused, CommitError::Refused(Conflict::Dangling)));
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_gapless_under_many_writers() {
    let world = World::new().await;
    let writers: Vec<_> = (0..32)
        .map(|number| {
            let (store, org) = (world.store.clone(), world.org);
            tokio::spawn(async move {
                let event = |stream: &str| Feed {
                    stream: stream.to_owned(),
                    event: "output".into(),
                    at: at(number),
                    data: json!({"n": number}),
                };
                let nobody = RevokeToken {
                    id: TokenId::mint(at(0), fresh()),
                    at: at(1),
                };
                for _ in 0..5 {
                    store
                        .commit(org, vec![event("a").into(), event("b").into()])
                        .await
                        .unwrap();
                    let refused = vec![event("a").into(), nobody.clone().into()];
                    store.commit(org, refused).await.unwrap_err();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for stream in ["a", "b"] {
        let rows = world
            .store
            .feed_after(world.org, stream, 0, 1000)
            .await
            .unwrap();
        let seqs: Vec<_> = rows.iter().map(|row| row.seq).collect();
        assert_eq!(seqs, (1..=160).collect::<Vec<_>>());
        assert_eq!(world.store.feed_end(world.org, stream).await.unwrap(), 160);
    }
    let counters = world.store.counters();
    assert!(
        counters.transactions < counters.commits || !Place::HAS_ONE_WRITER,
        "commits share transactions: {counters:?}"
    );
}
