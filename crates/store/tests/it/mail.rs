//! Mail for tasks, what goes out, and the hints that tell of both.

use crate::world::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

fn letter(task: TaskId, key: &str) -> Signal {
    let (dedup_key, kind) = (key.to_owned(), "told".to_owned());
    Signal {
        task,
        dedup_key,
        kind,
        body: json!({"text": key}),
        at: at(7),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_wakes_a_sleeper_once() {
    let world = World::new().await;
    let row = world.running().await;
    let task = row.task.id;
    world
        .commit(vec![save(&row, TaskStatus::Running, None).into()])
        .await
        .unwrap();
    let row = world.store.task(world.org, task).await.unwrap().unwrap();
    world
        .commit(vec![save(&row, TaskStatus::WaitingApproval, None).into()])
        .await
        .unwrap();
    assert!(world.claim(5).await.is_empty(), "it sleeps");

    let receipt = world
        .commit(vec![letter(task, "a").into(), letter(task, "a").into()])
        .await;
    assert_eq!(
        receipt.unwrap().seqs,
        [Some(1), None],
        "the second is the same mail"
    );
    let woken = world.claim(5).await;
    assert_eq!(woken.len(), 1);

    // Mail that comes while it works does not make it claimable, and is not lost when it sleeps.
    world.commit(vec![letter(task, "b").into()]).await.unwrap();
    assert!(world.claim(5).await.is_empty());
    let read = ConsumeSignals { task, up_to_seq: 1 };
    let asleep = save(&woken[0], TaskStatus::WaitingApproval, None);
    world
        .commit(vec![asleep.into(), read.into()])
        .await
        .unwrap();
    let unread = world.store.signals(world.org, task).await.unwrap();
    assert_eq!(unread.iter().map(|mail| mail.seq).collect::<Vec<_>>(), [2]);
    let woken = world.claim(5).await;
    assert_eq!(woken.len(), 1, "the mail that it has not read wakes it");

    let read = ConsumeSignals { task, up_to_seq: 2 };
    let asleep = save(&woken[0], TaskStatus::WaitingApproval, None);
    world
        .commit(vec![asleep.into(), read.into()])
        .await
        .unwrap();
    assert!(world.claim(5).await.is_empty(), "it has read everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_for_the_dead_is_kept_and_wakes_nobody() {
    let world = World::new().await;
    let row = world.running().await;
    world
        .commit(vec![save(&row, TaskStatus::Canceled, None).into()])
        .await
        .unwrap();
    world
        .commit(vec![letter(row.task.id, "late").into()])
        .await
        .unwrap();
    assert!(world.claim(5).await.is_empty());
    let nobody = TaskId::mint(at(0), fresh());
    let refused = world
        .commit(vec![letter(nobody, "a").into()])
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        CommitError::Refused(Conflict::NotFound { what: "task", .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_delivers_each_key_once_and_tries_again() {
    let world = World::new().await;
    let parcel = |key: &str, second| Outbox {
        id: OutboxId::mint(at(0), fresh()),
        dedup_key: key.to_owned(),
        destination: "web:conv".to_owned(),
        body: json!({"text": key}),
        at: at(second),
    };
    let (first, second) = (parcel("a", 1), parcel("b", 2));
    let again = parcel("a", 3);
    let writes = vec![first.clone().into(), second.clone().into(), again.into()];
    world.commit(writes).await.unwrap();
    let due = world.store.outbox_due(world.org, at(5), 10).await.unwrap();
    assert_eq!(
        due.iter().map(|row| row.outbox.id).collect::<Vec<_>>(),
        [first.id, second.id]
    );

    let failed = OutboxFailed {
        id: first.id,
        error: "503".into(),
        next_at: at(60),
    };
    let sent = OutboxSent {
        id: second.id,
        at: at(6),
        receipt: Some("77".into()),
    };
    world
        .commit(vec![failed.into(), sent.clone().into()])
        .await
        .unwrap();
    assert!(
        world
            .store
            .outbox_due(world.org, at(59), 10)
            .await
            .unwrap()
            .is_empty()
    );
    let due = world.store.outbox_due(world.org, at(60), 10).await.unwrap();
    assert_eq!(
        (due[0].attempts, due[0].last_error.as_deref()),
        (1, Some("503"))
    );
    world.commit(vec![sent.into()]).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_follow_the_commit_and_only_the_commit() {
    let world = World::new().await;
    let (org, mut hints) = (world.org, world.store.hints());
    let new = world.new_task();
    let task = new.task.id;
    let feed = |event: &'static str| Feed {
        stream: task.to_string(),
        event: event.into(),
        at: at(1),
        data: json!({}),
    };
    world
        .commit(vec![new.into(), feed("status").into()])
        .await
        .unwrap();
    assert_eq!(hints.recv().await.unwrap(), Hint::Ready { org });
    let stream = task.to_string();
    assert_eq!(
        hints.recv().await.unwrap(),
        Hint::Feed {
            org,
            stream: stream.clone(),
            seq: 1
        }
    );

    let nobody = TaskId::mint(at(0), fresh());
    world
        .commit(vec![feed("lost").into(), letter(nobody, "a").into()])
        .await
        .unwrap_err();
    let question = world.question(task);
    let approval = question.id;
    world
        .commit(vec![
            question.into(),
            letter(task, "a").into(),
            feed("told").into(),
        ])
        .await
        .unwrap();
    assert_eq!(
        hints.recv().await.unwrap(),
        Hint::Approval { org, approval }
    );
    assert_eq!(hints.recv().await.unwrap(), Hint::Ready { org });
    assert_eq!(hints.recv().await.unwrap(), Hint::Signal { org, task });
    assert_eq!(
        hints.recv().await.unwrap(),
        Hint::Feed {
            org,
            stream,
            seq: 2
        }
    );
}
