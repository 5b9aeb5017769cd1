//! A store carried to a file and on to another server: nothing is lost, changed or doubled.

use crate::place::Place;
use crate::world::*;
use tokio_postgres::{Client, NoTls};
use wardroom_domain::*;
use wardroom_store::*;

/// A store with a bit of everything, a worker that holds a task, and an anchored log.
async fn lived_in() -> (World, AuditSigner) {
    let world = World::new().await;
    let conversation = world.conversation("door").await;
    for number in 0..250 {
        let said = world.message(conversation, &format!("word {number} \u{1F980} 'quoted'"));
        let logged = event(Chain::Conversation(conversation), AuditKind::MessageSent);
        let writes = vec![said.into(), logged.into()];
        world.commit(writes).await.unwrap();
    }
    let mut held = world.running().await;
    let begun = save(&held, TaskStatus::Running, None);
    world.commit(vec![begun.into()]).await.unwrap();
    held.ver += 1;
    let question = world.question(held.task.id);
    let logged = event(Chain::Task(held.task.id), AuditKind::ApprovalAsked);
    let waits = save(&held, TaskStatus::WaitingApproval, None);
    let writes = vec![question.into(), logged.into(), waits.into()];
    world.commit(writes).await.unwrap();
    world.running().await;
    world.commit(vec![world.new_task().into()]).await.unwrap();
    let signer = AuditSigner::load_or_create(&world.folder.path().join("audit.key")).unwrap();
    world.store.anchor(world.org, &signer, at(2)).await.unwrap();
    (world, signer)
}

async fn rows(url: &str) -> Vec<(String, String)> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let tables = "SELECT relname::TEXT FROM pg_class WHERE relkind = 'r' \
                  AND relnamespace = 'public'::REGNAMESPACE \
                  AND relname NOT IN ('worker_epoch', 'migration') ORDER BY 1";
    let mut found = Vec::new();
    for row in client.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let digest = digest_of(&client, &table).await;
        found.push((table, digest));
    }
    found
}

async fn digest_of(client: &Client, table: &str) -> String {
    let sql = format!(
        "SELECT COALESCE(md5(string_agg(t::TEXT, '|' ORDER BY t::TEXT COLLATE \"C\")), 'none') \
         FROM {table} t"
    );
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

async fn carry(from: &CopyEnd, to: &CopyEnd) -> Result<Copied, CopyError> {
    let (from, to) = (from.clone(), to.clone());
    let carried = tokio::task::spawn_blocking(move || copy(&from, &to, at(3)));
    carried.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_carried_to_a_file_and_on_to_another_server() {
    let (world, signer) = lived_in().await;
    let file = world.folder.path().join("laptop.db");
    let from = CopyEnd::Servers(world.place.servers());
    let laptop = CopyEnd::File(file.clone());
    let other = Place::fresh(world.folder.path());
    let team = CopyEnd::Servers(other.servers());
    let told = carry(&from, &laptop).await.unwrap_err().to_string();
    assert!(told.starts_with("a server works on the source"), "{told}");
    world.store.close();
    let out = carry(&from, &laptop).await.unwrap();
    let back = carry(&laptop, &team).await.unwrap();
    assert_eq!(out, back);
    let of = |table: &str| out.tables.iter().find(|(name, _)| name == table).unwrap().1;
    assert_eq!((of("message"), of("task"), of("approval")), (250, 3, 1));
    assert_eq!(rows(&world.place.url()).await, rows(&other.url()).await);
    // Once is enough.
    let told = carry(&laptop, &team).await.unwrap_err().to_string();
    assert!(told.starts_with("the target is not empty"), "{told}");
    for store in [
        Store::open(&file, OpenOptions::read(at(4))).unwrap(),
        other.open(OpenOptions::read(at(4))).unwrap(),
    ] {
        let report = store.audit_verify(&signer.verifier()).unwrap();
        assert_eq!(report.first_bad, None);
        assert_eq!((report.events, report.anchors), (251, 1));
    }
    // What the old process held goes on in the new place, and the log grows on.
    let store = other.open(OpenOptions::write(at(5))).unwrap();
    let claims = async {
        let mut claimed = Vec::new();
        while claimed.len() < 2 {
            let request = ClaimRequest {
                worker: WorkerId::mint(at(0), 9),
                now: at(10),
                tasks_max: 5,
                limits: ClaimLimits {
                    per_user: 100,
                    per_workspace: 100,
                },
            };
            claimed.extend(store.claim(world.org, request).await.unwrap());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        claimed
    };
    let claimed = tokio::time::timeout(std::time::Duration::from_secs(60), claims).await;
    assert_eq!(claimed.unwrap().len(), 2);
    let grows = vec![event(Chain::Org, AuditKind::TaskMoved).into()];
    store.commit(world.org, grows).await.unwrap();
    store.anchor(world.org, &signer, at(6)).await.unwrap();
    let report = store.audit_verify(&signer.verifier()).unwrap();
    assert_eq!((report.events, report.first_bad), (252, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_cut_off_leaves_nothing_behind() {
    let (world, _) = lived_in().await;
    let file = world.folder.path().join("laptop.db");
    let laptop = CopyEnd::File(file.clone());
    world.store.close();
    let from = CopyEnd::Servers(world.place.servers());
    carry(&from, &laptop).await.unwrap();
    // A row of an org that there is not comes through nowhere, so nothing does.
    let database = rusqlite::Connection::open(&file).unwrap();
    let foreign = "INSERT INTO audit_unanchored (org, chain) VALUES ('org_x', 'org')";
    database.execute(foreign, ()).unwrap();
    drop(database);
    let other = Place::fresh(world.folder.path());
    let team = CopyEnd::Servers(other.servers());
    let told = carry(&laptop, &team).await.unwrap_err().to_string();
    assert!(
        told.starts_with("audit_unanchored has 1 rows in the source and 0"),
        "{told}"
    );
    assert!(
        rows(&other.url())
            .await
            .iter()
            .all(|(_, digest)| digest == "none")
    );
}
