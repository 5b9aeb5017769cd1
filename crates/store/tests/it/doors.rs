//! Foreign doors: what arrives, where it is held, what buttons stand for, in which order it leaves.

use crate::world::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

fn arrived(id: &str, second: i64) -> Arrived {
    Arrived {
        connector: "telegram:main".into(),
        external_id: id.into(),
        place: "telegram:main/1".into(),
        body: json!({"id": id}),
        at: at(second),
    }
}

fn outbox(key: &str, destination: &str) -> Outbox {
    Outbox {
        id: OutboxId::mint(at(0), fresh()),
        dedup_key: key.into(),
        destination: destination.into(),
        body: json!(key),
        at: at(1),
    }
}

async fn heads(world: &World, second: i64) -> Vec<String> {
    let heads = world.store.outbox_heads(world.org, at(second), 10).await;
    let mut keys: Vec<_> = heads
        .unwrap()
        .into_iter()
        .map(|row| row.outbox.dedup_key)
        .collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_arrives_once_and_leaves_no_words_behind() {
    let world = World::new().await;
    let again = arrived("7", 9);
    let writes: Vec<Write> = vec![arrived("7", 1).into(), arrived("8", 2).into(), again.into()];
    let receipt = world.commit(writes).await.unwrap();
    assert_eq!(receipt.seqs, [Some(1), Some(1), Some(0)]);
    let pending = world.store.arrivals_pending(world.org, 10).await.unwrap();
    assert_eq!(pending, [arrived("7", 1), arrived("8", 2)]);
    let done = ArrivalDone {
        connector: "telegram:main".into(),
        external_id: "7".into(),
    };
    world.commit(vec![done.into()]).await.unwrap();
    world.commit(vec![arrived("7", 20).into()]).await.unwrap();
    let pending = world.store.arrivals_pending(world.org, 10).await.unwrap();
    assert_eq!(pending, [arrived("8", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_to_is_forgotten_in_time_and_what_waits_never() {
    let world = World::new().await;
    let writes: Vec<Write> = ["7", "8", "9"]
        .into_iter()
        .zip(1..)
        .map(|(id, at)| arrived(id, at).into())
        .collect();
    world.commit(writes).await.unwrap();
    for id in ["7", "9"] {
        let done = ArrivalDone {
            connector: "telegram:main".into(),
            external_id: id.into(),
        };
        world.commit(vec![done.into()]).await.unwrap();
    }
    let before = arrived("9", 3).at;
    let forget = ForgetArrivals { before };
    let receipt = world.commit(vec![forget.into()]).await.unwrap();
    assert_eq!(receipt.seqs, [Some(1)], "the first; the last is too young");
    let pending = world.store.arrivals_pending(world.org, 10).await.unwrap();
    assert_eq!(pending, [arrived("8", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_served_in_order_and_waits_for_its_first() {
    let world = World::new().await;
    let (a1, a2, b1) = (
        outbox("a1", "t:m/a"),
        outbox("a2", "t:m/a"),
        outbox("b1", "t:m/b"),
    );
    let writes: Vec<Write> = vec![a1.clone().into(), a2.clone().into(), b1.into()];
    world.commit(writes).await.unwrap();
    assert_eq!(heads(&world, 5).await, ["a1", "b1"]);
    let failed = OutboxFailed {
        id: a1.id,
        error: "503".into(),
        next_at: at(60),
    };
    world.commit(vec![failed.into()]).await.unwrap();
    assert_eq!(
        heads(&world, 5).await,
        ["b1"],
        "nothing overtakes what is tried again"
    );
    let released = OutboxReleased {
        destination: "t:m/a".into(),
    };
    world.commit(vec![released.into()]).await.unwrap();
    assert_eq!(heads(&world, 6).await, ["a1", "b1"]);
    for (next_at, is_due) in [(at(60), true), (at(9999), false)] {
        let failed = OutboxFailed {
            id: a1.id,
            error: "503".into(),
            next_at,
        };
        let taken_up = OutboxTakenUp { before: at(1000) };
        let writes = vec![failed.into(), taken_up.into()];
        world.commit(writes).await.unwrap();
        let due = heads(&world, 6).await.contains(&"a1".to_owned());
        assert_eq!(
            due, is_due,
            "whoever begins to carry tries at once what is not closed"
        );
    }
    let sent = OutboxSent {
        id: a1.id,
        at: at(6),
        receipt: Some("77".into()),
    };
    world.commit(vec![sent.into()]).await.unwrap();
    let receipt = world.store.outbox_receipt(world.org, "a1").await.unwrap();
    assert_eq!(receipt, Some(Some("77".into())));
    let dropped = OutboxDropped {
        id: a2.id,
        error: "never".into(),
        at: at(7),
    };
    world.commit(vec![dropped.into()]).await.unwrap();
    assert_eq!(heads(&world, 99).await, ["b1"]);
    let waiting = world.store.outbox_waiting(world.org).await.unwrap();
    assert_eq!(waiting, (1, Some(at(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_carried_from_where_it_was_carried_last() {
    let world = World::new().await;
    let conversation = world.conversation("telegram:main/1").await;
    let bind = Bind {
        conversation,
        user: world.alice,
        place: "telegram:main/1".into(),
        is_private: true,
        at: at(1),
    };
    let feed = Feed {
        stream: conversation.to_string(),
        event: "message".into(),
        at: at(1),
        data: json!({}),
    };
    world.commit(vec![bind.into(), feed.into()]).await.unwrap();
    let behind = world.store.bindings_behind(world.org, 10).await.unwrap();
    assert_eq!((behind.len(), behind[0].told), (1, 0));
    let told = Told {
        conversation,
        up_to_seq: 1,
    };
    world.commit(vec![told.into()]).await.unwrap();
    let behind = world.store.bindings_behind(world.org, 10).await.unwrap();
    assert!(behind.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_moves_takes_everything_along() {
    let world = World::new().await;
    let key = "telegram:main/-5/7";
    let conversation = world.conversation(key).await;
    let writes: Vec<Write> = vec![
        Bind {
            conversation,
            user: world.alice,
            place: key.into(),
            is_private: false,
            at: at(1),
        }
        .into(),
        SetHub {
            connector: "telegram:main".into(),
            place: Some("telegram:main/-5".into()),
            by: world.alice,
            at: at(1),
        }
        .into(),
        outbox("here", key).into(),
        outbox("elsewhere", "telegram:main/-55").into(),
        MovePlace {
            from: "telegram:main/-5".into(),
            to: "telegram:main/-1005".into(),
        }
        .into(),
    ];
    world.commit(writes).await.unwrap();
    let moved = "telegram:main/-1005/7";
    let found = world
        .store
        .conversation_by_key(world.org, world.alice, moved);
    assert_eq!(found.await.unwrap().unwrap().id, conversation);
    let binding = world.store.binding(world.org, conversation).await.unwrap();
    assert_eq!(binding.unwrap().place, moved);
    let hubs = world.store.hubs(world.org).await.unwrap();
    assert_eq!(hubs[0].1, "telegram:main/-1005");
    let places = world.store.outbox_places(world.org, "").await.unwrap();
    let places: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
    assert_eq!(places, [moved, "telegram:main/-55"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_and_its_siblings_are_good_once() {
    let world = World::new().await;
    let button = |name: &str, subject: &str| NewButton {
        hash: Digest::of_bytes(name.as_bytes()),
        place: "telegram:main/1".into(),
        deed: name.into(),
        subject: subject.into(),
        person: Some(world.alice),
        expires_at: at(60),
    };
    let (yes, no, other) = (
        button("yes", "q1"),
        button("no", "q1"),
        button("other", "q2"),
    );
    let press = PressButton {
        hash: yes.hash,
        by: world.alice,
        at: at(2),
    };
    let writes: Vec<Write> = vec![yes.clone().into(), no.clone().into(), other.clone().into()];
    world.commit(writes).await.unwrap();
    world.commit(vec![press.clone().into()]).await.unwrap();
    world.commit(vec![press.into()]).await.unwrap_err();
    for (button, pressed_at) in [(yes, Some(at(2))), (no, Some(at(2))), (other, None)] {
        let row = world.store.button(world.org, button.hash).await.unwrap();
        assert_eq!(row.unwrap().pressed_at, pressed_at, "{}", button.deed);
    }
}
