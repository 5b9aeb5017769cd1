//! What somebody with the database file in his hands can do to the audit log, and what is said
//! of it.

use crate::world::*;
use rusqlite::Connection;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

/// An org chain of 4 events and a task chain of 3, anchored twice; one more event afterwards.
async fn written() -> (World, AuditSigner) {
    let world = World::new().await;
    let signer = AuditSigner::load_or_create(&world.folder.path().join("audit.key")).unwrap();
    // The task chain sorts after the org's.
    let task = Chain::Task(TaskId::mint(at(0), 7));
    for round in 0..2 {
        for kind in [AuditKind::SignedIn, AuditKind::SignedOut] {
            world
                .commit(vec![event(Chain::Org, kind).into()])
                .await
                .unwrap();
        }
        world
            .commit(vec![event(task, AuditKind::TaskMoved).into()])
            .await
            .unwrap();
        world
            .store
            .anchor(world.org, &signer, at(round))
            .await
            .unwrap();
    }
    world
        .commit(vec![event(task, AuditKind::TaskMoved).into()])
        .await
        .unwrap();
    world.store.close();
    (world, signer)
}

fn verify(world: &World, signer: &AuditSigner) -> VerifyReport {
    let store = Store::open(&world.place.file(), OpenOptions::read(at(9))).unwrap();
    store.audit_verify(&signer.verifier()).unwrap()
}

const UNPROTECT: &str = "DROP TRIGGER audit_is_never_updated; DROP TRIGGER audit_is_never_deleted; \
    DROP TRIGGER anchor_is_never_updated; DROP TRIGGER anchor_is_never_deleted;";

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_found_and_named() {
    let task = TaskId::mint(at(0), 7).to_string();
    let table = [
        (
            "an edited body",
            "UPDATE audit SET body = '{\"a\":\"y\"}' WHERE chain = 'org' AND seq = 2",
            "record 2 of chain org: the body is not the one that was written",
        ),
        (
            "an edited actor",
            "UPDATE audit SET actor = 'mallory' WHERE chain = 'org' AND seq = 1",
            "record 1 of chain org: the event is not the one that was written",
        ),
        (
            "an edited time",
            "UPDATE audit SET at = at + 1 WHERE chain = 'org' AND seq = 3",
            "record 3 of chain org: the event is not the one that was written",
        ),
        (
            "a word that is none",
            "UPDATE audit SET kind = 'nothing.happened' WHERE chain = 'org' AND seq = 4",
            "record 4 of chain org: the event is not the one that was written",
        ),
        (
            "a deletion",
            "DELETE FROM audit WHERE chain = 'org' AND seq = 2",
            "record 3 of chain org: an event before this one is missing, or this one was put in",
        ),
        (
            "the first one deleted",
            "DELETE FROM audit WHERE chain = 'org' AND seq = 1",
            "record 2 of chain org: an event before this one is missing, or this one was put in",
        ),
        (
            "a reordering",
            "UPDATE audit SET seq = -1 WHERE chain = 'org' AND seq = 1; \
            UPDATE audit SET seq = 1 WHERE chain = 'org' AND seq = 2; \
            UPDATE audit SET seq = 2 WHERE chain = 'org' AND seq = -1",
            "record 1 of chain org: the event does not follow the one before it",
        ),
        (
            "an insertion",
            "INSERT INTO audit SELECT org, chain, 5, at, kind, actor, tier, body, \
            body_digest, hash, hash FROM audit WHERE chain = 'org' AND seq = 4",
            "record 5 of chain org: the event is not the one that was written",
        ),
        (
            "an insertion in the middle",
            "UPDATE audit SET seq = seq + 100 WHERE chain = 'org' AND seq > 2; \
            UPDATE audit SET seq = seq - 99 WHERE chain = 'org' AND seq > 100; \
            INSERT INTO audit SELECT org, chain, 3, at, kind, actor, tier, body, body_digest, hash, \
            hash FROM audit WHERE chain = 'org' AND seq = 2",
            "record 3 of chain org: the event is not the one that was written",
        ),
        (
            "a cut tail",
            "DELETE FROM audit WHERE chain = 'org' AND seq = 4",
            "record 4 of chain org: the end is missing: 4 events were anchored",
        ),
        (
            "a dropped chain",
            "DELETE FROM audit WHERE chain LIKE 'task_%'",
            "record 1 of chain TASK: the chain is missing: 2 events were anchored",
        ),
        (
            "all dropped",
            "DELETE FROM audit",
            "record 1 of chain org: the chain is missing: 4 events were anchored",
        ),
        (
            "a forged anchor",
            "UPDATE anchor SET body = replace(body, '\"length\":4', '\"length\":3') WHERE number = 2",
            "record 2 of chain anchors: the anchor is not signed by our key",
        ),
        (
            "an anchor dropped",
            "DELETE FROM anchor WHERE number = 1",
            "record 2 of chain anchors: an anchor before this one is missing",
        ),
        (
            "the anchors' tail cut with the events'",
            "DELETE FROM anchor WHERE number = 2; \
            DELETE FROM audit WHERE chain = 'org' AND seq > 2",
            "record 2 of chain anchors: the newest anchors are missing",
        ),
        (
            "every anchor dropped",
            "DELETE FROM anchor; DELETE FROM audit WHERE seq > 1",
            "record 2 of chain anchors: every anchor of ORG is missing",
        ),
        (
            "columns of another type",
            "UPDATE audit SET hash = 'x' WHERE chain = 'org' AND seq = 2",
            "record 2 of chain org: the record cannot be read: column 11 is not a Digest",
        ),
    ];
    for (what, tampering, finding) in table {
        let (world, signer) = written().await;
        let intact = verify(&world, &signer);
        assert_eq!((intact.chains, intact.events, intact.anchors), (2, 7, 2));
        assert_eq!(intact.first_bad, None);
        let sqlite = Connection::open(world.place.file()).unwrap();
        sqlite.execute_batch(UNPROTECT).unwrap();
        sqlite.execute_batch(tampering).unwrap();
        let bad = verify(&world, &signer).first_bad.expect(what).to_string();
        let finding = finding
            .replace("TASK", &task)
            .replace("ORG", &world.org.to_string());
        assert!(bad.starts_with(&finding), "{what}: {bad}");
    }
}

/// Somebody who knows how hashes are made rewrites the end of a chain without a flaw; the anchor
/// knows better.
#[tokio::test(flavor = "multi_thread")]
async fn a_flawless_rewrite_is_found_by_the_anchor() {
    let (world, signer) = written().await;
    let sqlite = Connection::open(world.place.file()).unwrap();
    sqlite.execute_batch(UNPROTECT).unwrap();
    let prev_hash: Vec<u8> = sqlite
        .query_row(
            "SELECT hash FROM audit WHERE chain = 'org' AND seq = 3",
            (),
            |row| row.get(0),
        )
        .unwrap();
    let body = canonical_json(&json!({"a": "nothing to see"}));
    let body_digest = Digest::of_bytes(body.as_bytes());
    let hash = Digest::of(&json!({
        "org": world.org,
        "chain": "org",
        "seq": 4,
        "at": at(5),
        "kind": "session.ended",
        "actor": "system",
        "tier": null,
        "body_digest": body_digest,
        "prev_hash": Digest::from_raw(prev_hash.try_into().unwrap()),
    }));
    sqlite
        .execute(
            "UPDATE audit SET body = ?1, body_digest = ?2, hash = ?3 WHERE chain = 'org' AND seq = 4",
            (body, body_digest.as_bytes(), hash.as_bytes()),
        )
        .unwrap();
    let bad = verify(&world, &signer).first_bad.unwrap().to_string();
    assert_eq!(
        bad,
        "record 4 of chain org: the event is not the one that was anchored"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_cannot_change_what_was_written_for_good() {
    let (world, _) = written().await;
    let sqlite = Connection::open(world.place.file()).unwrap();
    for statement in [
        "UPDATE audit SET actor = 'mallory'",
        "UPDATE audit SET actor = actor WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1",
        "UPDATE anchor SET number = 9",
        "DELETE FROM anchor",
        "INSERT OR REPLACE INTO anchor SELECT * FROM anchor",
    ] {
        let refused = sqlite.execute_batch(statement).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
    sqlite.execute_batch(UNPROTECT).unwrap();
    drop(sqlite);
    // The next start puts the protection back.
    Store::open(&world.place.file(), OpenOptions::write(at(9))).unwrap();
    let sqlite = Connection::open(world.place.file()).unwrap();
    sqlite.execute_batch("DELETE FROM audit").unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_note_beside_the_key_is_missed() {
    let (world, signer) = written().await;
    std::fs::remove_file(world.folder.path().join("audit.head")).unwrap();
    let bad = verify(&world, &signer).first_bad.unwrap();
    assert_eq!(
        bad.what,
        "the note of the newest anchor beside the key is missing"
    );
}
