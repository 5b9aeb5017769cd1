//! What somebody with the database file in his hands learns of a secret, and what he gets by
//! moving rows.

use crate::secrets::{named, touch};
use crate::world::*;
use rusqlite::Connection;
use std::fs;
use wardroom_domain::*;
use wardroom_store::*;

const CANARY: &str = "canary-5f1d7c3e-value";

fn find(folder: &std::path::Path, what: &[u8]) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let holding = files.filter(|file| {
        let bytes = fs::read(file.path()).unwrap();
        bytes.windows(what.len()).any(|window| window == what)
    });
    holding
        .map(|file| file.file_name().into_string().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_value_stands_in_no_file_and_the_master_key_in_its_own_only() {
    let world = World::new().await;
    world.set_secret("openai", CANARY, 1).await;
    assert_eq!(find(world.folder.path(), CANARY.as_bytes()), [""; 0]);
    let key = world.master_key();
    assert_eq!(
        world.opened("openai", &key).await,
        Ok(Some(CANARY.to_owned()))
    );
    world.store.close();
    assert_eq!(find(world.folder.path(), CANARY.as_bytes()), [""; 0]);
    let text = fs::read(world.folder.path().join("master.key")).unwrap();
    assert_eq!(find(world.folder.path(), &text), ["master.key"]);
    // The control: what is not sealed is found.
    assert!(!find(world.folder.path(), b"openai").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_opens_only_in_the_row_that_it_was_made_for() {
    let world = World::new().await;
    let (key, name) = (world.master_key(), named("b"));
    let other = OrgId::mint(at(0), fresh());
    let other = world.store.ensure_org(other, "other", at(0)).await.unwrap();
    let value = fit_value("theirs".to_owned()).unwrap();
    let sealed = world
        .store
        .seal_secret(other, &name, &value, &key, touch(1));
    let sealed = sealed.await.unwrap();
    world
        .store
        .commit(other, vec![sealed.into()])
        .await
        .unwrap();
    world.set_secret("a", "of a", 1).await;
    world.set_secret("b", "of b", 1).await;
    let sqlite = Connection::open(world.place.file()).unwrap();
    let keep = |table: &str| {
        let sql = format!("CREATE TABLE {table} AS SELECT * FROM secret");
        sqlite.execute_batch(&sql).unwrap();
    };
    keep("before");
    world.set_secret("b", "of b, again", 2).await;
    keep("now");

    // Each puts the envelope of another row, or half of it, into the row that is in force.
    let ours = format!("org = '{}'", world.org);
    let thefts = [
        format!("before WHERE {ours} AND name = 'a'"),
        format!("before WHERE {ours} AND name = 'b'"),
        format!("before WHERE NOT {ours}"),
    ];
    let put = |column: &str, from: &str| {
        let sql = format!(
            "UPDATE secret SET {column} = (SELECT {column} FROM {from}) \
             WHERE name = 'b' AND version = 2"
        );
        assert_eq!(sqlite.execute(&sql, ()).unwrap(), 1);
    };
    for from in thefts {
        for columns in [
            &["sealed_key", "sealed_value"][..],
            &["sealed_key"],
            &["sealed_value"],
        ] {
            columns.iter().for_each(|column| put(column, &from));
            let refused = world.opened("b", &key).await.unwrap_err();
            assert!(refused.contains("does not open"), "{from}: {refused}");
            for column in columns {
                put(column, "now WHERE name = 'b' AND version = 2");
            }
            let opened = world.opened("b", &key).await;
            assert_eq!(opened, Ok(Some("of b, again".to_owned())));
        }
    }
    let newer = "UPDATE secret SET version = 3 WHERE name = 'b' AND version = 2";
    sqlite.execute_batch(newer).unwrap();
    let refused = world.opened("b", &key).await.unwrap_err();
    assert!(refused.contains("does not open"), "{refused}");
}
