//! The life of a task in the store: claims, fences, moves, mail.

use crate::world::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_comes_back_as_it_was_saved() {
    let world = World::new().await;
    let mut new = world.new_task();
    new.batch = Some("api:1".to_owned());
    world.commit(vec![new.clone().into()]).await.unwrap();
    let stored = world
        .store
        .task(world.org, new.task.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((stored.task, stored.batch), (new.task, new.batch));
    let row = world.claim(5).await.pop().unwrap();
    assert_eq!((row.fence, row.ver, row.is_claimed), (1, 0, true));

    let mut first = save(&row, TaskStatus::Running, None);
    first.task.progress = Progress {
        percent: 40,
        note: "half".to_owned(),
    };
    first.task.applied = Some(true);
    first.snapshot = json!({"turn": 1});
    world.commit(vec![first.clone().into()]).await.unwrap();
    let row = world
        .store
        .task(world.org, row.task.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (&row.task, row.ver, &row.snapshot),
        (&first.task, 1, &first.snapshot)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_worker_is_refused_by_its_token() {
    let world = World::new().await;
    let row = world.running().await;
    let release = ReleaseTask {
        task: row.task.id,
        fence: row.fence,
        ready_at: at(2),
    };
    world.commit(vec![release.into()]).await.unwrap();
    let taken = world.claim(1).await.pop().unwrap();
    assert_eq!(taken.fence, row.fence + 1);

    let fenced = Conflict::Fenced { task: row.task.id };
    let journal = |fence| Journal {
        task: row.task.id,
        fence,
        kind: "turn".to_owned(),
        body: json!({}),
    };
    for stale in [
        Write::from(save(&row, TaskStatus::Running, None)),
        journal(row.fence).into(),
        ReleaseTask {
            task: row.task.id,
            fence: row.fence,
            ready_at: at(2),
        }
        .into(),
    ] {
        let writes = vec![journal(taken.fence).into(), stale];
        let refused = world.commit(writes).await.unwrap_err();
        assert!(matches!(refused, CommitError::Refused(why) if why == fenced));
    }
    // Nothing of a refused commit stays, not even what came before the refusal.
    assert!(
        world
            .store
            .journal(world.org, row.task.id, 0)
            .await
            .unwrap()
            .is_empty()
    );
    world
        .commit(vec![save(&taken, TaskStatus::Running, None).into()])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_outside_the_table_are_refused() {
    let world = World::new().await;
    let row = world.running().await;
    let done = save(&row, TaskStatus::Succeeded, None);
    let refused = world.commit(vec![done.into()]).await.unwrap_err();
    let why = "cannot move from QUEUED to SUCCEEDED";
    assert!(refused.to_string().contains(why), "{refused}");

    world
        .commit(vec![save(&row, TaskStatus::Running, None).into()])
        .await
        .unwrap();
    let row = world
        .store
        .task(world.org, row.task.id)
        .await
        .unwrap()
        .unwrap();
    world
        .commit(vec![save(&row, TaskStatus::Succeeded, Some(at(1))).into()])
        .await
        .unwrap();
    let row = world
        .store
        .task(world.org, row.task.id)
        .await
        .unwrap()
        .unwrap();
    assert!(!row.is_claimed);
    // Nothing follows an end, and no claim finds it, whatever `ready_at` said.
    world
        .commit(vec![save(&row, TaskStatus::Running, None).into()])
        .await
        .unwrap_err();
    assert!(world.claim(5).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_page_newest_first_and_filter() {
    let world = World::new().await;
    let mut ids = vec![];
    for second in 0..7 {
        let mut new = world.new_task();
        new.task.created_at = at(second / 2);
        new.batch = Some(format!("batch {}", second % 2));
        ids.push(new.task.id);
        world.commit(vec![new.into()]).await.unwrap();
    }
    ids.reverse();
    let mut seen = vec![];
    let mut page = Page {
        limit: Some(3),
        cursor: None,
    };
    loop {
        let paged = world
            .store
            .tasks(world.org, &TaskFilter::default(), &page)
            .await
            .unwrap();
        seen.extend(paged.items.into_iter().map(|row| row.task.id));
        page.cursor = paged.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);

    let count = async |filter: TaskFilter| {
        world
            .store
            .tasks(world.org, &filter, &Page::first())
            .await
            .unwrap()
            .items
            .len()
    };
    let batch = Some("batch 0".to_owned());
    assert_eq!(
        count(TaskFilter {
            batch,
            ..Default::default()
        })
        .await,
        4
    );
    let requester = Some(UserId::mint(at(0), fresh()));
    assert_eq!(
        count(TaskFilter {
            requester,
            ..Default::default()
        })
        .await,
        0
    );
    assert_eq!(
        count(TaskFilter {
            status: StatusFilter::Open,
            ..Default::default()
        })
        .await,
        7
    );
    let status = StatusFilter::Is(TaskStatus::Running);
    assert_eq!(
        count(TaskFilter {
            status,
            ..Default::default()
        })
        .await,
        0
    );
    let page = Page {
        limit: None,
        cursor: Some("nonsense".to_owned()),
    };
    world
        .store
        .tasks(world.org, &TaskFilter::default(), &page)
        .await
        .unwrap_err();
    assert_eq!(
        world.store.task_counts(world.org).await.unwrap(),
        [(TaskStatus::Queued, 7)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_and_effects_are_written_down_in_order() {
    let world = World::new().await;
    let row = world.running().await;
    let (task, fence) = (row.task.id, row.fence);
    let call = ToolCall {
        id: "a".into(),
        tool: "shell".into(),
        arguments: json!({"command": "ls"}),
    };
    let effect = Effect {
        id: Effect::id_of(task, 1, &call),
        task,
        digest: call.digest(),
        call,
        tier: RiskTier::L0Readonly,
        class: RetryClass::View,
    };
    let entry = |kind: &str| Journal {
        task,
        fence,
        kind: kind.into(),
        body: json!({"k": kind}),
    };
    let intent = PutEffect {
        effect: effect.clone(),
        step: 1,
        fence,
        at: at(11),
    };
    let receipt = world
        .commit(vec![
            entry("turn").into(),
            intent.clone().into(),
            entry("intent").into(),
        ])
        .await
        .unwrap();
    assert_eq!(receipt.seqs, [Some(1), None, Some(2)]);
    assert_eq!(
        world
            .store
            .effects_open(world.org, task)
            .await
            .unwrap()
            .len(),
        1
    );

    let outcome = Outcome {
        is_error: false,
        text: "a b".into(),
        detail: json!({"exit": 0}),
        labels: Labels::owner("user"),
    };
    let settle = SettleEffect {
        id: effect.id,
        task,
        state: EffectState::Done,
        outcome: Some(outcome.clone()),
        fence,
        at: at(12),
    };
    world
        .commit(vec![settle.clone().into(), entry("outcome").into()])
        .await
        .unwrap();
    // The same intent or the same outcome a second time is refused.
    world.commit(vec![settle.into()]).await.unwrap_err();
    world.commit(vec![intent.into()]).await.unwrap_err();

    let [stored] = &world.store.effects(world.org, task).await.unwrap()[..] else {
        panic!()
    };
    assert_eq!(
        (&stored.effect, stored.outcome.as_ref()),
        (&effect, Some(&outcome))
    );
    assert!(
        world
            .store
            .effects_open(world.org, task)
            .await
            .unwrap()
            .is_empty()
    );
    let journal = world.store.journal(world.org, task, 0).await.unwrap();
    assert_eq!(
        journal.iter().map(|row| row.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(journal[0].prev_hash, Digest::default());
    assert!(
        journal
            .windows(2)
            .all(|pair| pair[1].prev_hash == pair[0].hash)
    );
    assert_eq!(
        world.store.journal(world.org, task, 2).await.unwrap(),
        journal[2..]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_come_due() {
    let world = World::new().await;
    let row = world.running().await;
    assert!(
        world
            .store
            .due_deadlines(world.org, at(3599), 10)
            .await
            .unwrap()
            .is_empty()
    );
    let due = world
        .store
        .due_deadlines(world.org, at(3600), 10)
        .await
        .unwrap();
    assert_eq!(due[0].task.id, row.task.id);
    world
        .commit(vec![save(&row, TaskStatus::TimedOut, None).into()])
        .await
        .unwrap();
    assert!(
        world
            .store
            .due_deadlines(world.org, at(3600), 10)
            .await
            .unwrap()
            .is_empty()
    );
}
