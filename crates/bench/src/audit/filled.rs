//! An audit log with a million events of a hundred people, written by plain statements: a search does
//! not look at hashes, and a million commits would take longer than all that is measured.

use crate::failure::{Failure, Outcome};
use crate::queued::queued;
use std::path::Path;
use std::path::PathBuf;
use wardroom_domain::{
    ContextId, OrgId, Role, TaskId, Timestamp, User, UserId, UserStatus, Workspace, WorkspaceId,
    WorkspaceKind,
};
use wardroom_store::{Context, OpenOptions, Store, Write};
use wardroom_testkit::postgres::Database;

pub const EVENTS: i64 = 1_000_000;
pub const NEEDLE_NEAR: &str = "needle-near";
pub const NEEDLE_FAR: &str = "needle-far";
const PEOPLE: usize = 100;
const TASKS_EACH: usize = 40;
/// The events of whoever was away long are the oldest so many.
const LONG_AGO: i64 = 2_000;

/// The log, and whom it is asked about.
pub struct Log {
    pub store: Store,
    pub org: OrgId,
    pub member: UserId,
    pub absent: UserId,
    pub task: TaskId,
    _database: Option<Database>,
}

/// When an event happened, in microseconds.
pub const fn at(number: i64) -> i64 {
    1_767_225_600_000_000 + number * 1_000_000
}

fn start() -> Timestamp {
    Timestamp::from_micros(at(0))
}

impl Log {
    pub async fn on_sqlite(path: &Path) -> Outcome<Self> {
        let open = || Store::open(path, OpenOptions::write(start()));
        let store = open().map_err(Failure::to("open the database"))?;
        let org = people(&store).await?;
        store.close();
        drop(store);
        let filling = || Failure::to("fill the database");
        let connection = rusqlite::Connection::open(path).map_err(filling())?;
        connection
            .execute_batch(&statements(org, "zeroblob(32)", "printf('%d', i)"))
            .map_err(filling())?;
        drop(connection);
        let store = open().map_err(Failure::to("open the database"))?;
        Ok(Self::over(store, org, None))
    }

    pub async fn on_postgres() -> Outcome<Self> {
        let database = Database::fresh();
        let url = database.url();
        // It blocks, and brings a runtime of its own.
        let connect = move || Store::connect(&url, OpenOptions::write(start()));
        let joined = std::thread::spawn(connect).join();
        let store = joined.map_err(|_| Failure::new("the store's thread died"))?;
        let store = store.map_err(Failure::to("connect to PostgreSQL"))?;
        let org = people(&store).await?;
        database.execute(statements(
            org,
            "decode(repeat('00', 32), 'hex')",
            "i::text",
        ));
        database.execute("ANALYZE".to_owned());
        Ok(Self::over(store, org, Some(database)))
    }

    fn over(store: Store, org: OrgId, database: Option<Database>) -> Self {
        Self {
            store,
            org,
            member: user(7),
            absent: user(PEOPLE - 1),
            task: task_id(7 * TASKS_EACH + 1),
            _database: database,
        }
    }
}

fn user(number: usize) -> UserId {
    UserId::mint(start(), 100 + number as u128)
}

fn task_id(number: usize) -> TaskId {
    TaskId::mint(start(), 10_000 + number as u128)
}

/// A hundred people with forty tasks each.
async fn people(store: &Store) -> Outcome<OrgId> {
    let org = store.ensure_org(OrgId::mint(start(), 1), "bench", start());
    let org = org.await.map_err(Failure::to("fill the database"))?;
    for number in 0..PEOPLE {
        let committed = store.commit(org, person(number)).await;
        committed.map_err(Failure::to("fill the database"))?;
    }
    Ok(org)
}

fn person(number: usize) -> Vec<Write> {
    let (owner, workspace) = (user(number), WorkspaceId::mint(start(), number as u128));
    let context = ContextId::mint(start(), number as u128);
    let name = format!("person-{number}");
    let mut writes = vec![
        User {
            id: owner,
            name: name.clone(),
            role: Role::Member,
            status: UserStatus::Active,
            created_at: start(),
        }
        .into(),
        Workspace {
            id: workspace,
            kind: WorkspaceKind::Private,
            owner,
            path: PathBuf::from(format!("/srv/{name}")),
            created_at: start(),
        }
        .into(),
        Context {
            id: context,
            name,
            kind: "private".to_owned(),
            settings: serde_json::json!({}),
            created_at: start(),
        }
        .into(),
    ];
    let tasks = (0..TASKS_EACH).map(|one| number * TASKS_EACH + one);
    writes.extend(
        tasks.map(|task| queued(task_id(task), (owner, context, workspace), start()).into()),
    );
    writes
}

/// Every twentieth event is of the org; the others are of the tasks in turn, those of whoever was away
/// only at the beginning. A person acts once in fifty events, in a task of his own.
fn statements(org: OrgId, hash: &str, number: &str) -> String {
    let all = PEOPLE * TASKS_EACH;
    let others = all - TASKS_EACH;
    format!(
        "CREATE TABLE bench_task (n BIGINT NOT NULL PRIMARY KEY, id TEXT NOT NULL, owner TEXT NOT NULL); \
         INSERT INTO bench_task SELECT row_number() OVER (ORDER BY id) - 1, id, requester FROM task; \
         WITH RECURSIVE count (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM count WHERE i < {EVENTS}) \
         INSERT INTO audit (org, chain, seq, at, kind, actor, tier, body, body_digest, prev_hash, hash) \
         SELECT '{org}', CASE WHEN i % 20 = 0 THEN 'org' ELSE t.id END, i, \
         {first} + i * CAST(1000000 AS BIGINT), \
         CASE WHEN i % 1000 = 1 THEN 'approval.decided' WHEN i % 50 = 1 THEN 'message.received' \
         WHEN i % 4 = 0 THEN 'model.called' \
         WHEN i % 4 = 1 THEN 'effect.intended' WHEN i % 4 = 2 THEN 'effect.settled' ELSE 'task.moved' END, \
         CASE WHEN i % 50 = 1 THEN t.owner WHEN i % 4 = 3 THEN 'system' ELSE 'model' END, \
         CASE WHEN i % 10000 = 1 THEN 'L3_PRIVILEGED' WHEN i % 4 = 1 THEN 'L0_READONLY' END, \
         '{{\"arguments\":{{\"command\":\"cargo test --package part-' || {number} || '\"}},\"digest\":\"sha256:\
         8d1f0b7a9c3e5d2460f1a2b3c4d5e6f70123456789abcdef0123456789abcdef\",\"effect\":\"eff_' || {number} || \
         '\",\"rule\":\"reads-only\",\"said\":\"' || CASE WHEN i = 1000 THEN '{NEEDLE_FAR}' \
         WHEN i = {EVENTS} - 1000 THEN '{NEEDLE_NEAR}' ELSE 'the build log first' END || \
         '\",\"tool\":\"shell\"}}', {hash}, {hash}, {hash} \
         FROM count JOIN bench_task t ON t.n = CASE WHEN i <= {LONG_AGO} THEN {others} + i % {TASKS_EACH} \
         ELSE i % {others} END;",
        first = at(0),
    )
}
