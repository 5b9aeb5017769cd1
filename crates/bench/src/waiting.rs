//! What a hundred thousand tasks cost that wait for an answer: a start and a claim, beside the same
//! with none.

use crate::failure::{Failure, Outcome};
use crate::process::start_and_stop;
use crate::table::{Row, Table, Target, Times, ms};
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};
use wardroom_domain::{OrgId, Timestamp, WorkerId};
use wardroom_store::{ClaimLimits, ClaimRequest, OpenOptions, Store};

const WAITING: u32 = 100_000;
const STARTS: usize = 20;
const START_MAX: Duration = Duration::from_millis(300);
/// Tasks that are ready, of which each claim takes sixteen.
const READY: u32 = 3_200;
const CLAIMS: usize = 100;
const SLOWER_MAX: f64 = 1.2;

pub fn measure(binary: &Path, table: &mut Table) -> Outcome<()> {
    let folder = |_| tempfile::tempdir().map_err(Failure::to("make a temporary folder"));
    let (few, many) = (folder(())?, folder(())?);
    for (data, waiting) in [(few.path(), 0), (many.path(), WAITING)] {
        start_and_stop(binary, data, &mut Times::default())?;
        fill(&data.join("wardroom.db"), waiting).map_err(Failure::to("fill the database"))?;
    }
    starts(binary, few.path(), many.path(), table)?;
    claims(few.path(), many.path(), table)
}

fn starts(binary: &Path, few: &Path, many: &Path, table: &mut Table) -> Outcome<()> {
    let (mut alone, mut among) = (Times::default(), Times::default());
    for _ in 0..STARTS {
        start_and_stop(binary, few, &mut alone)?;
        start_and_stop(binary, many, &mut among)?;
    }
    let target = Target::of(ms(START_MAX), among.median() <= START_MAX);
    let ratio = among.median().as_secs_f64() / alone.median().as_secs_f64();
    table.push(
        Row::new(
            "ready with 100,000 waiting tasks, beside none",
            among.shown(),
            target,
        )
        .beside(alone.shown(), ratio),
    );
    Ok(())
}

/// Claims by turns, so that both see the same weather; the steps of the engine are free of it.
fn claims(few: &Path, many: &Path, table: &mut Table) -> Outcome<()> {
    let (alone, among) = (Side::open(few)?, Side::open(many)?);
    let (mut alone_times, mut among_times) = (Times::default(), Times::default());
    for _ in 0..CLAIMS {
        alone_times.push(alone.claim()?);
        among_times.push(among.claim()?);
    }
    let ratio = among_times.median().as_secs_f64() / alone_times.median().as_secs_f64();
    let target = Target::of("under 20% slower", ratio < SLOWER_MAX);
    table.push(
        Row::new(
            "a claim of 16 among 100,000 waiting, beside none",
            among_times.shown(),
            target,
        )
        .beside(alone_times.shown(), ratio),
    );
    let (steps, least) = (among.steps(), alone.steps());
    let ratio = steps as f64 / least as f64;
    let target = Target::of("under 20% more", ratio < SLOWER_MAX);
    let what = "steps of the engine for those claims";
    table.push(Row::new(what, steps.to_string(), target).beside(least.to_string(), ratio));
    Ok(())
}

struct Side {
    store: Store,
    org: OrgId,
    opened: u64,
    runtime: tokio::runtime::Runtime,
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_900_000_000_000_000)
}

impl Side {
    fn open(data: &Path) -> Outcome<Self> {
        let opening = || Failure::to("open the database");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(Failure::to("start a runtime"))?;
        let store = Store::open(&data.join("wardroom.db"), OpenOptions::write(now()));
        let store = store.map_err(opening())?;
        let orgs = std::thread::scope(|scope| {
            let asking = scope.spawn(|| runtime.block_on(store.orgs()));
            asking.join()
        });
        let orgs = orgs.map_err(|_| Failure::new("the database was not asked"))?;
        let first = orgs.map_err(opening())?.into_iter().next();
        let (org, _) = first.ok_or_else(|| Failure::new("there is no org"))?;
        let opened = store.counters().steps;
        Ok(Self {
            store,
            org,
            opened,
            runtime,
        })
    }

    fn claim(&self) -> Outcome<Duration> {
        let request = ClaimRequest {
            worker: WorkerId::mint(now(), 1),
            now: now(),
            tasks_max: 16,
            limits: ClaimLimits {
                per_user: u32::MAX,
                per_workspace: u32::MAX,
            },
        };
        let claiming = || self.runtime.block_on(self.store.claim(self.org, request));
        let (claimed, took) = std::thread::scope(|scope| {
            let started = Instant::now();
            let claimed = scope.spawn(claiming).join();
            (claimed, started.elapsed())
        });
        let claimed = claimed.map_err(|_| Failure::new("a claim ended in a panic"))?;
        match claimed.map_err(Failure::to("claim"))?.len() {
            16 => Ok(took),
            other => Err(Failure::new(format!("{other} tasks were claimed"))),
        }
    }

    fn steps(&self) -> u64 {
        self.store.counters().steps - self.opened
    }
}

/// Tasks that wait with a question each, and tasks that are ready, all of the owner.
fn fill(path: &Path, waiting: u32) -> rusqlite::Result<()> {
    let database = Connection::open(path)?;
    database.execute_batch(
        "INSERT INTO workspace (org, id, kind, owner, path, created_at) \
         SELECT org, 'ws_00000000000000000000000001', 'private', id, '/srv/owner', 0 FROM person;",
    )?;
    tasks(&database, "WAITING_APPROVAL", 1, waiting)?;
    tasks(&database, "QUEUED", 1 + waiting, READY)?;
    database.execute_batch(
        "INSERT INTO approval (org, id, question, task, effect, requester, tool, arguments, digest, \
         tier, rationale, rule, source, labels, created_at, expires_at) \
         SELECT org, 'apr_' || substr(id, 6), 'permission', id, 'eff_' || substr(id, 6), requester, \
         'apply', '{}', zeroblob(32), 'L2_DESTRUCTIVE', 'removes 1 file', 'deletes-files', \
         'org_default', labels, 0, 4000000000000000 FROM task WHERE status = 'WAITING_APPROVAL'; \
         INSERT INTO ready (org, task, requester, workspace, priority, run_at) \
         SELECT org, id, requester, workspace, priority, 0 FROM task WHERE status = 'QUEUED'; \
         PRAGMA wal_checkpoint(TRUNCATE);",
    )
}

fn tasks(database: &Connection, status: &str, first: u32, count: u32) -> rusqlite::Result<()> {
    let sql = "WITH RECURSIVE n (i) AS \
         (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2 + ?3) \
         INSERT INTO task (org, id, status, kind, title, body, requester, origin, context, workspace, \
         agent, tier, priority, percent, note, labels, deadline, created_at, updated_at, snapshot, \
         fence, ver, depth) \
         SELECT w.org, 'task_' || printf('%026d', i), ?1, 'general', 'mend the build', \
         'find out why it fails', w.owner, 'api', 'ctx_00000000000000000000000001', w.id, 'executor', \
         'L0_READONLY', 5, 0, '', ?4, 4000000000000000, i, i, '{}', 0, 0, 0 \
         FROM n CROSS JOIN workspace w WHERE ?3 > 0 \
         AND w.id = 'ws_00000000000000000000000001'";
    let labels = r#"{"integrity":"OWNER","audience":["org"]}"#;
    database
        .execute(sql, (status, first, count, labels))
        .map(drop)
}
