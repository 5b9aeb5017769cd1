//! Who gets work when: fairness between people, priorities, caps, orphans.

use crate::world::*;
use wardroom_domain::*;
use wardroom_store::*;

#[tokio::test(flavor = "multi_thread")]
async fn people_take_turns_and_the_urgent_go_first() {
    let world = World::new().await;
    let (bob, his) = join(&world.store, world.org, "bob").await;
    let mut writes: Vec<Write> = vec![];
    for _ in 0..50 {
        writes.push(world.new_task().into());
    }
    for priority in [2, 9, 5] {
        let mut new = world.new_task_for(bob, his);
        new.task.priority = Priority::try_from(priority).unwrap();
        writes.push(new.into());
    }
    world.commit(writes).await.unwrap();

    let first = world.claim(6).await;
    let who: Vec<_> = first.iter().map(|row| row.task.requester == bob).collect();
    assert_eq!(
        who.iter().filter(|is_bob| **is_bob).count(),
        3,
        "bob has his three of six"
    );
    let urgency: Vec<_> = first
        .iter()
        .filter(|row| row.task.requester == bob)
        .map(|row| row.task.priority.get())
        .collect();
    assert_eq!(urgency, [9, 5, 2]);

    // Whoever comes new is served next, before those who hold much.
    let (carol, hers) = join(&world.store, world.org, "carol").await;
    world
        .commit(vec![world.new_task_for(carol, hers).into()])
        .await
        .unwrap();
    assert_eq!(world.claim(1).await[0].task.requester, carol);
    let held = world.store.held_per_user(world.org).await.unwrap();
    assert_eq!(held.iter().map(|(_, count)| count).sum::<i64>(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn caps_hold_and_free_places_are_taken() {
    let world = World::new().await;
    let (bob, his) = join(&world.store, world.org, "bob").await;
    let mut writes: Vec<Write> = vec![];
    for _ in 0..6 {
        writes.push(world.new_task().into());
        // Bob works in Alice's folder twice, then in his own.
        writes.push(world.new_task_for(bob, world.workspace).into());
        writes.push(world.new_task_for(bob, his).into());
    }
    world.commit(writes).await.unwrap();
    let limits = ClaimLimits {
        per_user: 4,
        per_workspace: 3,
    };
    let claimed = world.claim_within(100, limits).await;
    let in_folder = |id| {
        claimed
            .iter()
            .filter(|row| row.task.workspace == id)
            .count()
    };
    let of = |id| {
        claimed
            .iter()
            .filter(|row| row.task.requester == id)
            .count()
    };
    assert_eq!(in_folder(world.workspace), 3);
    assert!(in_folder(his) <= 3 && of(bob) <= 4 && of(world.alice) <= 4);
    assert_eq!(claimed.len(), 6, "both folders are full");
    assert!(world.claim_within(100, limits).await.is_empty());

    let one = claimed
        .iter()
        .find(|row| row.task.workspace == his)
        .unwrap();
    world
        .commit(vec![save(one, TaskStatus::Failed, None).into()])
        .await
        .unwrap();
    let next = world.claim_within(100, limits).await;
    assert_eq!(next.len(), 1);
    assert_eq!((next[0].task.requester, next[0].task.workspace), (bob, his));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_comes_before_turns() {
    let world = World::new().await;
    let mut later = world.new_task();
    later.ready_at = Some(at(30));
    let mut asleep = world.new_task();
    asleep.ready_at = None;
    world
        .commit(vec![later.into(), asleep.into()])
        .await
        .unwrap();
    assert!(world.claim(5).await.is_empty(), "it is only second 10");
    assert_eq!(
        world.store.next_ready(world.org).await.unwrap(),
        Some(at(30))
    );
    assert_eq!(world.store.ready_count(world.org, at(30)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_workers_never_share_a_task() {
    let world = World::new().await;
    let writes = (0..60).map(|_| world.new_task().into()).collect();
    world.commit(writes).await.unwrap();
    let workers = (0..20).map(|number| {
        let (store, org) = (world.store.clone(), world.org);
        tokio::spawn(async move {
            let request = ClaimRequest {
                worker: WorkerId::mint(at(0), number),
                now: at(10),
                tasks_max: 4,
                limits: ClaimLimits {
                    per_user: 100,
                    per_workspace: 100,
                },
            };
            store.claim(org, request).await.unwrap()
        })
    });
    let mut claimed = vec![];
    for worker in workers.collect::<Vec<_>>() {
        claimed.extend(worker.await.unwrap().into_iter().map(|row| row.task.id));
    }
    assert_eq!(claimed.len(), 60);
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_held_is_claimable_at_once() {
    let world = World::new().await;
    let row = world.running().await;
    world
        .commit(vec![save(&row, TaskStatus::Running, None).into()])
        .await
        .unwrap();
    assert!(world.store.orphans(world.org).await.unwrap().is_empty());
    world.store.close();

    let store = world.place.open(OpenOptions::write(at(9))).unwrap();
    let orphans = store.orphans(world.org).await.unwrap();
    assert_eq!(
        orphans.iter().map(|row| row.task.id).collect::<Vec<_>>(),
        [row.task.id]
    );
    let limits = ClaimLimits {
        per_user: 1,
        per_workspace: 1,
    };
    let worker = WorkerId::mint(at(0), 2);
    let request = ClaimRequest {
        worker,
        now: at(9),
        tasks_max: 5,
        limits,
    };
    let taken = store.claim(world.org, request).await.unwrap();
    assert_eq!(
        (taken[0].fence, taken[0].task.status),
        (2, TaskStatus::Running)
    );
    assert!(store.orphans(world.org).await.unwrap().is_empty());
}
