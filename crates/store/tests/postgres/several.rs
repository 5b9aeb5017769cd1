//! Several processes on one database: each task is held once, hints arrive, a lost process's work
//! is taken up.

use crate::world::*;
use std::time::Duration;
use wardroom_domain::*;
use wardroom_store::*;

const LIMITS: ClaimLimits = ClaimLimits {
    per_user: 100,
    per_workspace: 100,
};

fn request(worker: u128, tasks_max: usize) -> ClaimRequest {
    ClaimRequest {
        worker: WorkerId::mint(at(0), worker),
        now: at(10),
        tasks_max,
        limits: LIMITS,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_is_claimed_once() {
    let world = World::new().await;
    let writes = (0..60).map(|_| world.new_task().into()).collect();
    world.commit(writes).await.unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let (store, org) = (
            world.place.open(OpenOptions::write(at(1))).unwrap(),
            world.org,
        );
        workers.spawn(async move {
            let mut held = Vec::new();
            for _ in 0..60 {
                let claimed = store.claim(org, request(worker, 3)).await.unwrap();
                held.extend(claimed.into_iter().map(|row| row.task.id));
            }
            // A process that ends gives back what it holds, so all end together.
            (store, held)
        });
    }
    let workers = workers.join_all().await;
    let mut all: Vec<TaskId> = workers.iter().flat_map(|(_, held)| held.clone()).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), count), (60, 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grows_by_one_has_no_gap_and_no_double() {
    let world = World::new().await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (store, org) = (
            world.place.open(OpenOptions::write(at(1))).unwrap(),
            world.org,
        );
        writers.spawn(async move {
            for _ in 0..25 {
                let grows = Feed {
                    stream: "s".to_owned(),
                    event: "output".into(),
                    at: at(1),
                    data: serde_json::json!({}),
                };
                let audited = event(Chain::Org, AuditKind::TaskMoved);
                let writes = vec![audited.into(), grows.into()];
                store.commit(org, writes).await.unwrap();
            }
        });
    }
    let signer = AuditSigner::load_or_create(&world.folder.path().join("audit.key")).unwrap();
    while !writers.is_empty() {
        world.store.anchor(world.org, &signer, at(2)).await.unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(20), writers.join_next()).await;
    }
    let rows = world
        .store
        .feed_after(world.org, "s", 0, 1000)
        .await
        .unwrap();
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=150).collect::<Vec<_>>());
    world.store.anchor(world.org, &signer, at(3)).await.unwrap();
    let report = world.store.audit_verify(&signer.verifier()).unwrap();
    assert_eq!((report.events, report.first_bad), (150, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_commits_the_others_hear() {
    let world = World::new().await;
    let other = world.place.open(OpenOptions::write(at(1))).unwrap();
    let mut hints = other.hints();
    // A listener begins to listen a moment after it is there.
    let heard = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            world.commit(vec![world.new_task().into()]).await.unwrap();
            let hint = tokio::time::timeout(Duration::from_millis(200), hints.recv()).await;
            if let Ok(Ok(hint)) = hint {
                return hint;
            }
        }
    });
    assert_eq!(heard.await.unwrap(), Hint::Ready { org: world.org });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_is_told_and_nothing_is_lost() {
    let world = World::new().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let (client, connection) = tokio_postgres::connect(&world.place.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    for _ in 0..5 {
        client.query(kill, &[]).await.unwrap();
        let task = world.new_task();
        let id = task.task.id;
        world.commit(vec![task.into()]).await.unwrap();
        assert!(world.store.task(world.org, id).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_is_had_by_one_process_until_it_ends() {
    let world = World::new().await;
    let other = world.place.open(OpenOptions::write(at(1))).unwrap();
    let conversation = world.conversation("door").await;
    for duty in [Duty::ForeignDoors, Duty::Turn(conversation)] {
        assert!(world.store.take_duty(world.org, duty).await.unwrap());
        assert!(!other.take_duty(world.org, duty).await.unwrap());
        // Whoever has it is not in his own way.
        assert!(world.store.take_duty(world.org, duty).await.unwrap());
        // What is not ours cannot be given back.
        other.end_duty(world.org, duty).await.unwrap();
        assert!(!other.take_duty(world.org, duty).await.unwrap());
    }
    let turn = Duty::Turn(conversation);
    world.store.end_duty(world.org, turn).await.unwrap();
    assert!(other.take_duty(world.org, turn).await.unwrap());
    world.store.close();
    let doors = other.take_duty(world.org, Duty::ForeignDoors).await;
    assert!(doors.unwrap(), "an end gives everything back at once");
}

#[test]
fn a_database_that_is_not_there_is_one_sentence() {
    let refused = Store::connect(
        "postgres://nobody@127.0.0.1:1/none",
        OpenOptions::write(at(0)),
    );
    let told = refused.unwrap_err().to_string();
    assert!(
        told.starts_with("the database cannot be reached: "),
        "{told}"
    );
    assert!(
        told.ends_with("check that it runs, and that [store] url names it"),
        "{told}"
    );
    let refused = Store::connect("postgres://:::", OpenOptions::write(at(0)));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("its URL cannot be read")
    );
}
