//! The wall between orgs, tried by whoever works in the database with statements of his own.

use crate::world::*;
use tokio_postgres::{Client, NoTls};
use wardroom_domain::*;
use wardroom_store::*;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn count(client: &Client, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

async fn refused(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.unwrap_err();
    error.as_db_error().unwrap().message().to_owned()
}

/// An org with a task and an audit record, and another one.
async fn two_orgs() -> (World, OrgId) {
    let world = World::new().await;
    let task = world.new_task();
    let writes = vec![task.into(), event(Chain::Org, AuditKind::TaskMoved).into()];
    world.commit(writes).await.unwrap();
    let other = OrgId::mint(at(0), fresh());
    let other = world
        .store
        .ensure_org(other, "others", at(0))
        .await
        .unwrap();
    (world, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_in_for_no_org_sees_nothing() {
    let (world, other) = two_orgs().await;
    let client = connect(&world.place.service_url()).await;
    let tables = "SELECT relname::TEXT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
                  WHERE a.attname = 'org' AND relkind = 'r' \
                  AND relnamespace = 'public'::REGNAMESPACE";
    let rows = client.query(tables, &[]).await.unwrap();
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(tables.len() > 30, "{tables:?}");
    for table in &tables {
        assert_eq!(count(&client, table).await, 0, "{table}");
    }
    for (org, seen) in [(other, 0), (world.org, 1)] {
        let stand_in = format!("SET wardroom.org = '{org}'");
        client.batch_execute(&stand_in).await.unwrap();
        assert_eq!(count(&client, "task").await, seen);
        assert_eq!(count(&client, "audit").await, seen);
    }
    // Neither does he write elsewhere.
    let steal = format!("UPDATE task SET org = '{other}'");
    assert!(
        refused(&client, &steal)
            .await
            .contains("row-level security")
    );
    let plant = format!("INSERT INTO audit_unanchored (org, chain) VALUES ('{other}', 'org')");
    assert!(
        refused(&client, &plant)
            .await
            .contains("row-level security")
    );
    let stand_in = format!("SET wardroom.org = '{other}'");
    client.batch_execute(&stand_in).await.unwrap();
    let touched = client.execute("UPDATE task SET title = 'mine'", &[]).await;
    assert_eq!(touched.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_there_changes_neither_what_is_written_for_good_nor_the_tables() {
    let (world, _) = two_orgs().await;
    let client = connect(&world.place.service_url()).await;
    let stand_in = format!("SET wardroom.org = '{}'", world.org);
    client.batch_execute(&stand_in).await.unwrap();
    for table in ["audit", "anchor", "journal"] {
        for sql in [
            format!("UPDATE {table} SET org = org"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let told = refused(&client, &sql).await;
            assert!(told.starts_with("permission denied"), "{sql}: {told}");
        }
    }
    for sql in [
        "CREATE TABLE mine (a INT)",
        "DROP TABLE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "ALTER TABLE audit DISABLE ROW LEVEL SECURITY",
        "DROP POLICY of_one_org ON audit",
        "CREATE POLICY all_of_it ON audit USING (TRUE)",
        "INSERT INTO migration VALUES (9999, 'mine', 0)",
        "SET SESSION AUTHORIZATION wardroom",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
    ] {
        let told = refused(&client, sql).await;
        let is_refusal = told.starts_with("permission denied") || told.starts_with("must be");
        assert!(is_refusal, "{sql}: {told}");
    }
    assert_eq!(count(&client, "audit").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_held_too_unless_nothing_holds_him() {
    let (world, _) = two_orgs().await;
    let client = connect(&world.place.url()).await;
    let open = "SELECT COUNT(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
                WHERE a.attname = 'org' AND relkind = 'r' \
                AND relnamespace = 'public'::REGNAMESPACE \
                AND NOT (relrowsecurity AND relforcerowsecurity)";
    let open: i64 = client.query_one(open, &[]).await.unwrap().get(0);
    assert_eq!(open, 0);
    // A superuser is held by nothing, so that he may own the tables, but not work in them.
    let servers = Servers {
        database: world.place.url(),
        ..world.place.servers()
    };
    let told = Store::connect_to(&servers, OpenOptions::write(at(1)));
    let told = told.unwrap_err().to_string();
    assert!(told.contains("nothing would hold it"), "{told}");
}
