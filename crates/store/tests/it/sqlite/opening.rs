//! Opening: one writer, a known schema, sentences otherwise.

use crate::world::*;
use std::path::Path;
use wardroom_domain::*;
use wardroom_store::*;

fn refusal(path: &Path, options: OpenOptions) -> String {
    Store::open(path, options).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_is_told_who_holds_the_lock() {
    let world = World::new().await;
    let refused = refusal(&world.place.file(), OpenOptions::write(at(1)));
    assert!(
        refused.contains(&format!("in use by process {}", std::process::id())),
        "{refused}"
    );
    // A reader may come, and cannot write.
    let reader = Store::open(&world.place.file(), OpenOptions::read(at(1))).unwrap();
    assert_eq!(
        reader.orgs().await.unwrap(),
        [(world.org, "home".to_owned())]
    );
    let write = reader
        .commit(world.org, vec![world.new_task().into()])
        .await
        .unwrap_err();
    assert!(matches!(write, CommitError::Failed(StoreError::ReadOnly)));
    drop(reader);
    // The lock goes with the last clone, or by closing; a closed store still reads.
    let clone = world.store.clone();
    world.store.close();
    let next = Store::open(&world.place.file(), OpenOptions::write(at(2))).unwrap();
    let late = clone
        .commit(world.org, vec![world.new_task().into()])
        .await
        .unwrap_err();
    assert!(matches!(late, CommitError::Failed(StoreError::Closed)));
    assert_eq!(clone.orgs().await.unwrap().len(), 1);
    drop(next);
    Store::open(&world.place.file(), OpenOptions::write(at(3))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_unmade_and_damaged_databases_are_refused_with_a_sentence() {
    let world = World::new().await;
    let path = world.place.file();
    world.store.close();
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    sqlite
        .execute(
            "INSERT INTO migration (number, name, at) VALUES (99, 'later', 0)",
            (),
        )
        .unwrap();
    for options in [OpenOptions::write(at(1)), OpenOptions::read(at(1))] {
        let refused = refusal(&path, options);
        assert!(
            refused.starts_with("the database has schema 99, this version"),
            "{refused}"
        );
    }
    sqlite
        .execute("DELETE FROM migration WHERE number = 99", ())
        .unwrap();
    Store::open(&path, OpenOptions::write(at(1))).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let missing = refusal(&folder.path().join("none.db"), OpenOptions::read(at(1)));
    assert!(missing.starts_with("cannot open the database"), "{missing}");
    let nowhere = refusal(
        &folder.path().join("no/such/folder.db"),
        OpenOptions::write(at(1)),
    );
    assert!(nowhere.starts_with("cannot open the database"), "{nowhere}");
    let empty = folder.path().join("empty.db");
    rusqlite::Connection::open(&empty)
        .unwrap()
        .execute_batch("CREATE TABLE x (y)")
        .unwrap();
    let unmade = refusal(&empty, OpenOptions::read(at(1)));
    assert!(unmade.contains("wardroom migrate"), "{unmade}");
    let garbage = folder.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "this is no database at all, but long enough to be one".repeat(99),
    )
    .unwrap();
    let refused = refusal(&garbage, OpenOptions::write(at(1)));
    assert!(refused.contains("not a database"), "{refused}");
}

#[test]
fn an_offline_verb_needs_no_runtime_to_write() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new());
    drop(runtime);
    let role = SetRole {
        user: world.alice,
        role: Role::Admin,
    };
    let before = world.store.counters();
    world
        .store
        .blocking_commit(world.org, vec![role.into()])
        .unwrap();
    let after = world.store.counters();
    assert_eq!(
        (after.commits, after.transactions),
        (before.commits + 1, before.transactions + 1)
    );
    assert!(after.statements > before.statements && after.bytes > before.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    for name in ["wardroom.db", "wardroom.db-wal"] {
        let mode = std::fs::metadata(world.folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_loses_nothing() {
    let world = World::with(|options| OpenOptions {
        queue_max: 2,
        ..options
    })
    .await;
    let sent: Vec<_> = (0..200)
        .map(|_| {
            let (store, org, new) = (world.store.clone(), world.org, world.new_task());
            tokio::spawn(async move { store.commit(org, vec![new.into()]).await })
        })
        .collect();
    let (mut done, mut busy) = (0, 0);
    for commit in sent {
        match commit.await.unwrap() {
            Ok(_) => done += 1,
            Err(CommitError::Busy) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(busy > 0 && done + busy == 200, "{done} done, {busy} busy");
    let counts = world.store.task_counts(world.org).await.unwrap();
    assert_eq!(counts, [(TaskStatus::Queued, done)]);
}
