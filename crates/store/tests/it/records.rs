//! The plain records: applies, artifacts, uploads, usage, remembered answers, documents.

use crate::world::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_is_undone_once() {
    let world = World::new().await;
    let task = world.running().await.task.id;
    let effect = world.question(task).effect;
    let applied = Applied {
        task,
        effect,
        workspace: world.workspace,
        snapshot: "snapshots/1".into(),
        changes: json!([{"path": "a", "kind": "added"}]),
        summary: "1 file added".into(),
        at: at(20),
    };
    let artifact = |bytes| Artifact {
        task,
        name: "report.md".into(),
        bytes,
        media_type: "text/markdown".into(),
        sha256: Digest::of_bytes(b"report"),
        object: "sha256/ab/cd".into(),
        at: at(21),
    };
    let writes = vec![
        applied.clone().into(),
        artifact(1).into(),
        artifact(2).into(),
    ];
    world.commit(writes).await.unwrap();
    let undone = Undone {
        task,
        effect,
        at: at(30),
        by: world.alice,
    };
    world.commit(vec![undone.clone().into()]).await.unwrap();
    let again = world.commit(vec![undone.into()]).await.unwrap_err();
    assert!(again.to_string().contains("undone already"), "{again}");
    let rows = world.store.applied(world.org, task).await.unwrap();
    assert_eq!(
        (&rows[0].applied, rows[0].undone_by),
        (&applied, Some(world.alice))
    );
    let artifacts = world.store.artifacts(world.org, task).await.unwrap();
    assert_eq!(
        artifacts,
        [artifact(2)],
        "the second of a name replaces the first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_adds_up() {
    let world = World::new().await;
    let (bob, _) = join(&world.store, world.org, "bob").await;
    let task = world.running().await.task.id;
    let used = |user, task, model: &str, day: i64| Usage {
        user,
        task,
        conversation: None,
        model: model.into(),
        role: "executor".into(),
        task_type: Some(TaskType::General),
        input_tokens: 100,
        output_tokens: 10,
        cached_tokens: 50,
        cost_micros: 7,
        at: at(day * 86_400),
    };
    world
        .commit(vec![
            used(world.alice, Some(task), "small", 0).into(),
            used(world.alice, None, "large", 1).into(),
            used(bob, None, "large", 1).into(),
        ])
        .await
        .unwrap();
    let sums = async |by, filter| {
        let totals = world
            .store
            .usage_totals(world.org, by, &filter)
            .await
            .unwrap();
        totals
            .into_iter()
            .map(|sum| (sum.key, sum.calls, sum.input_tokens))
            .collect::<Vec<_>>()
    };
    let all = UsageFilter::default();
    let expected = [("large".to_owned(), 2, 200), ("small".to_owned(), 1, 100)];
    assert_eq!(sums(UsageBy::Model, all).await, expected);
    let expected = [
        ("2026-01-01".to_owned(), 1, 100),
        ("2026-01-02".to_owned(), 2, 200),
    ];
    assert_eq!(sums(UsageBy::Day, all).await, expected);
    let his = UsageFilter {
        user: Some(bob),
        from: Some(at(1)),
        ..all
    };
    assert_eq!(sums(UsageBy::User, his).await, [(bob.to_string(), 1, 100)]);
    let of_task = UsageFilter {
        task: Some(task),
        ..all
    };
    assert_eq!(
        sums(UsageBy::Task, of_task).await,
        [(task.to_string(), 1, 100)]
    );
    assert!(
        sums(
            UsageBy::Role,
            UsageFilter {
                to: Some(at(0)),
                ..all
            }
        )
        .await
        .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_to_the_same_request_only() {
    let world = World::new().await;
    let remember = |request: &str| Remember {
        user: world.alice,
        key: "k1".into(),
        answer: Remembered {
            request: Digest::of(request),
            status: 202,
            body: "{\"task\":1}".into(),
            at: at(1),
        },
    };
    world.commit(vec![remember("a").into()]).await.unwrap();
    let kept = world
        .store
        .remembered(world.org, world.alice, "k1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept, remember("a").answer);
    let again = world
        .commit(vec![world.new_task().into(), remember("a").into()])
        .await;
    assert!(matches!(
        again,
        Err(CommitError::Refused(Conflict::Repeated(answer))) if *answer == kept
    ));
    let other = world.commit(vec![remember("b").into()]).await.unwrap_err();
    assert!(matches!(
        other,
        CommitError::Refused(Conflict::IdempotencyMismatch { .. })
    ));
    assert!(
        world.store.task_counts(world.org).await.unwrap().is_empty(),
        "no second task"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_keep_their_history_and_have_one_next_version() {
    let world = World::new().await;
    let version = |seen_version| PutDocument {
        kind: "policy".into(),
        seen_version,
        author: "alice".into(),
        body: json!({"rules": seen_version}),
        at: at(1),
    };
    let first = world
        .commit(vec![version(0).into(), version(1).into()])
        .await
        .unwrap();
    assert_eq!(first.seqs, [Some(1), Some(2)]);
    let late = world.commit(vec![version(1).into()]).await.unwrap_err();
    assert!(matches!(
        late,
        CommitError::Refused(Conflict::DocumentMoved { version: 2, .. })
    ));
    let store = &world.store;
    assert_eq!(
        store
            .document(world.org, "policy")
            .await
            .unwrap()
            .unwrap()
            .version,
        2
    );
    let old = store
        .document_version(world.org, "policy", 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(old.body, json!({"rules": 0}));
    let history = store
        .document_history(world.org, "policy", i64::MAX, 10)
        .await
        .unwrap();
    assert_eq!(
        history.iter().map(|row| row.version).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(store.document(world.org, "emergency").await.unwrap(), None);
}
