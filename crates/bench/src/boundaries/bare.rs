//! The statements of those boundaries in a loop, one transaction per group: no queue, no savepoint,
//! no hash, nobody who waits. What the store costs beyond this is its own.

use super::busy::Office;
use crate::failure::{Failure, Outcome};
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA temp_store = MEMORY; \
    PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 2048;";

const STANDING: &str = "SELECT status, fence, ver, deadline, worker IS NOT NULL FROM task \
    WHERE org = ?1 AND id = ?2";
const SAVE: &str = "UPDATE task SET agent = 'executor', percent = 0, note = '', labels = ?3, \
    updated_at = ?4, snapshot = ?5, priority = 5, ver = ver + 1 WHERE org = ?1 AND id = ?2";
const JOURNAL_END: &str = "SELECT seq, hash FROM journal WHERE org = ?1 AND task = ?2 \
    ORDER BY seq DESC LIMIT 1";
const JOURNAL: &str = "INSERT INTO journal (org, task, seq, fence, kind, body, prev_hash, hash) \
    VALUES (?1, ?2, ?3, 1, 'replied', ?4, ?5, ?5)";
const AUDIT: &str = "INSERT INTO audit (org, chain, seq, at, kind, actor, tier, body, body_digest, \
    prev_hash, hash) VALUES (?1, ?2, ?3, ?4, 'model.called', 'model', NULL, ?5, ?6, ?6, ?6)";
const EFFECT: &str = "INSERT INTO effect (org, id, task, step, call, tier, class, digest, state, \
    fence, intended_at) VALUES (?1, ?2, ?3, ?4, ?5, 'L0_READONLY', 'view', ?6, 'INTENT', 1, ?7)";
const FEED: &str = "INSERT INTO feed (org, stream, seq, event, at, data) \
    SELECT ?1, ?2, COALESCE(MAX(seq), 0) + 1, 'progress', ?3, ?4 FROM feed \
    WHERE org = ?1 AND stream = ?2 RETURNING seq";
const USAGE: &str = "INSERT INTO usage (org, at, person, task, model, role, task_type, \
    input_tokens, output_tokens, cached_tokens, cost_micros) \
    VALUES (?1, ?2, ?3, ?4, 'm', 'executor', 'general', 1000, 50, 0, 0)";

/// As long as what the product writes there.
const JOURNAL_BODY: &str = "{\"fact\":\"replied\",\"text\":\"I read the build log first, and look \
    for what fails; then I run the tests.\",\"calls\":[{\"id\":\"call_1\",\"tool\":\"shell\",\
    \"arguments\":{\"command\":\"cargo test\"}}],\"model\":\"m\",\"more\":\"and as much again for \
    the effect that is intended with its digest and its rule\"}";
const AUDIT_BODY: &str = "{\"arguments\":{\"command\":\"cargo test\"},\"digest\":\"0123456789abcdef\
    0123456789abcdef0123456789abcdef0123456789abcdef\",\"fence\":1,\"rule\":\"reads-only\",\"tool\":\
    \"shell\"}";
const SNAPSHOT: &str =
    "{\"version\":1,\"status\":\"RUNNING\",\"steps\":1,\"calls\":[],\"open\":[]}";
const CALL: &str =
    "{\"id\":\"call_1\",\"tool\":\"shell\",\"arguments\":{\"command\":\"cargo test\"}}";
const FEED_DATA: &str = "{\"note\":\"cargo test\",\"percent\":0}";
const NOW: i64 = 1_767_225_600_000_000;

/// One connection and the tasks that it pretends to drive.
pub struct Loop {
    connection: Connection,
    org: String,
    person: String,
    labels: String,
    tasks: Vec<String>,
    step: i64,
}

impl Loop {
    /// Takes a filled database from the store.
    pub fn take_over(path: &Path, office: Office) -> Outcome<Self> {
        office.store.close();
        let opening = || Failure::to("open the database");
        let connection = Connection::open(path).map_err(opening())?;
        connection.execute_batch(SETTINGS).map_err(opening())?;
        connection.set_prepared_statement_cache_capacity(64);
        let first = office.rows.first();
        let task = first.map(|row| &row.task);
        let labels = task.map(|task| serde_json::to_string(&task.labels).unwrap_or_default());
        Ok(Self {
            connection,
            org: office.org.to_string(),
            person: task
                .map(|task| task.requester.to_string())
                .unwrap_or_default(),
            labels: labels.unwrap_or_default(),
            tasks: office
                .rows
                .iter()
                .map(|row| row.task.id.to_string())
                .collect(),
            step: 0,
        })
    }

    /// Writes groups until time is up. Answers how many boundaries it were.
    pub fn work(&mut self, time: Duration) -> Outcome<u64> {
        let until = Instant::now() + time;
        let mut passed = 0;
        while Instant::now() < until {
            passed += self.group()?;
        }
        Ok(passed)
    }

    /// One boundary of every task in one transaction.
    fn group(&mut self) -> Outcome<u64> {
        self.step += 1;
        self.write().map_err(Failure::to("write the bare rows"))?;
        Ok(self.tasks.len() as u64)
    }

    fn write(&self) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute(())?;
        for task in &self.tasks {
            self.boundary(task)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        Ok(())
    }

    fn boundary(&self, task: &str) -> rusqlite::Result<()> {
        let (org, hash) = (&self.org, [7_u8; 32].as_slice());
        let run = |sql| self.connection.prepare_cached(sql);
        for half in [1, 0] {
            let seq = 2 * self.step - half;
            run(STANDING)?.query_row(params![org, task], |_| Ok(()))?;
            // Nobody has written to this journal before its first step.
            let mut end = run(JOURNAL_END)?;
            end.exists(params![org, task])?;
            run(JOURNAL)?.execute(params![org, task, seq, JOURNAL_BODY, hash])?;
            run(AUDIT)?.execute(params![org, task, seq, NOW, AUDIT_BODY, hash])?;
        }
        run(SAVE)?.execute(params![org, task, self.labels, NOW, SNAPSHOT])?;
        let effect = format!("eff_{}_{task}", self.step);
        run(EFFECT)?.execute(params![org, effect, task, self.step, CALL, hash, NOW])?;
        run(FEED)?.query_row(params![org, task, NOW, FEED_DATA], |_| Ok(()))?;
        run(USAGE)?.execute(params![org, NOW, self.person, task])?;
        Ok(())
    }
}
