//! Opening the store, committing to it, and the little that every read shares.

use crate::boundary::Deed;
use crate::page::Select;
use crate::postgres::Postgres;
use crate::sql::{Moment, Record, Row, Value};
use crate::sqlite::Sqlite;
use crate::write::Commit;
use crate::{CommitError, Hint, Receipt, StoreError, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, oneshot};
use wardroom_domain::{OrgId, Timestamp};

/// How many commits may wait. At 5,000 a second this is a fifth of a second; beyond it the doors
/// answer 503 instead of letting people wait.
const QUEUE_MAX: usize = 1024;
/// How many hints a slow listener may miss before it is told to look for itself.
const HINTS_MAX: usize = 4096;

/// What the store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read and write: migrates; on SQLite takes the lock.
    Write,
    /// To read beside a writer, or offline.
    Read,
}

/// How to open the store.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// What for.
    pub mode: OpenMode,
    /// The present moment.
    pub now: Timestamp,
    /// How many pages of 4 KiB a database file may have; none for as many as the disk holds.
    pub pages_max: Option<u32>,
    /// How many commits may wait.
    pub queue_max: usize,
    /// Whether commits to a database file run on the thread that asks for them, one by one, and
    /// not on one of the store's own: the same each time.
    pub is_here: bool,
}

impl OpenOptions {
    /// To read and write.
    pub fn write(now: Timestamp) -> Self {
        Self {
            mode: OpenMode::Write,
            now,
            pages_max: None,
            queue_max: QUEUE_MAX,
            is_here: false,
        }
    }

    /// The same, with commits on the thread that asks for them.
    #[must_use]
    pub fn here(mut self) -> Self {
        self.is_here = true;
        self
    }

    /// To read only.
    pub fn read(now: Timestamp) -> Self {
        Self {
            mode: OpenMode::Read,
            ..Self::write(now)
        }
    }
}

/// The servers of a team's store.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    /// The PostgreSQL database, as the role that works in it.
    pub database: String,
    /// The same as the role that owns its tables: it makes and changes them, and gives the other
    /// what it needs. Without one the role that works is the owner, too.
    pub owner: Option<String>,
    /// The Redis that carries hints; without one the database does.
    pub bus: Option<String>,
    /// How long a process that says nothing keeps what it holds; none for half a minute.
    pub lease: Option<Duration>,
}

/// What the store has done since it was opened. Free of noise, so made for benchmarks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Logical commits that were kept.
    pub commits: u64,
    /// Transactions that carried them; each is one fsync.
    pub transactions: u64,
    /// Statements, reads included.
    pub statements: u64,
    /// Bytes of their parameters.
    pub bytes: u64,
    /// What the engine did for them, in steps of its own machine. PostgreSQL does not tell.
    pub steps: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    commits: AtomicU64,
    transactions: AtomicU64,
    statements: AtomicU64,
    bytes: AtomicU64,
    steps: AtomicU64,
}

impl Tally {
    pub(crate) fn stepped(&self, steps: i32) {
        let steps = u64::try_from(steps).unwrap_or_default();
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }

    pub(crate) fn statement(&self, bytes: usize) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn transaction(&self, commits: u64) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits, Ordering::Relaxed);
    }
}

/// The store. Cloning it is cheap; the last clone that goes closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    hints: broadcast::Sender<Hint>,
    tally: Arc<Tally>,
}

/// Where the rows are.
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Opens a database file, and for a writer makes and migrates it first.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        Self::with(|tally, hints| Ok(Engine::Sqlite(Sqlite::open(path, options, tally, hints)?)))
    }

    /// Connects to a PostgreSQL database, and for a writer makes and migrates its tables first. It
    /// blocks until that is done.
    pub fn connect(url: &str, options: OpenOptions) -> Result<Self, StoreError> {
        let database = url.to_owned();
        Self::connect_to(
            &Servers {
                database,
                ..Servers::default()
            },
            options,
        )
    }

    /// The same where the owner of the tables, or the carrier of hints, is somebody else.
    pub fn connect_to(servers: &Servers, options: OpenOptions) -> Result<Self, StoreError> {
        Self::with(|tally, hints| {
            Ok(Engine::Postgres(Postgres::connect(
                servers, options, tally, hints,
            )?))
        })
    }

    /// Another process on a database file that was opened [`OpenOptions::here`], in this one:
    /// with an epoch of its own, and with hints only as they are [whispered](Self::whisper). It
    /// frees what everybody held who does not live, as lost leases are freed.
    pub fn another<'a>(
        &self,
        now: Timestamp,
        living: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Self, StoreError> {
        let Engine::Sqlite(sqlite) = &self.inner.engine else {
            return Err(StoreError::ReadOnly);
        };
        let epoch_of = |store: &Self| match &store.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.epoch(),
            Engine::Postgres(_) => None,
        };
        let living: Vec<_> = living.into_iter().filter_map(epoch_of).collect();
        Self::with(|tally, _| Ok(Engine::Sqlite(sqlite.another(now, &living, tally)?)))
    }

    /// Gives a hint to whoever listens at this store.
    pub fn whisper(&self, hint: Hint) {
        // Nobody listening is no fault.
        let _ = self.inner.hints.send(hint);
    }

    fn with(
        start: impl FnOnce(&Arc<Tally>, &broadcast::Sender<Hint>) -> Result<Engine, StoreError>,
    ) -> Result<Self, StoreError> {
        let tally = Arc::new(Tally::default());
        let (hints, _) = broadcast::channel(HINTS_MAX);
        let engine = start(&tally, &hints)?;
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                hints,
                tally,
            }),
        })
    }

    /// Whether other processes may work on the same database.
    pub fn is_shared(&self) -> bool {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.is_here(),
            Engine::Postgres(_) => true,
        }
    }

    /// Applies the writes in order, all or none, and answers when they are on the disk.
    pub async fn commit(&self, org: OrgId, writes: Vec<Write>) -> Result<Receipt, CommitError> {
        self.carry_out(org, Commit(writes)).await
    }

    /// The same, for callers outside of an async runtime.
    pub fn blocking_commit(&self, org: OrgId, writes: Vec<Write>) -> Result<Receipt, CommitError> {
        self.submit(org, Commit(writes))?
            .blocking_recv()
            .map_err(|_| StoreError::Closed)?
    }

    /// Listens to what is committed from now on.
    pub fn hints(&self) -> broadcast::Receiver<Hint> {
        self.inner.hints.subscribe()
    }

    /// What the store has done since it was opened.
    pub fn counters(&self) -> Counters {
        let tally = &self.inner.tally;
        Counters {
            commits: tally.commits.load(Ordering::Relaxed),
            transactions: tally.transactions.load(Ordering::Relaxed),
            statements: tally.statements.load(Ordering::Relaxed),
            bytes: tally.bytes.load(Ordering::Relaxed),
            steps: tally.steps.load(Ordering::Relaxed),
        }
    }

    /// Commits what is queued, closes the database and frees its lock; blocks until that is done.
    /// Other clones can only read from now on.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Does a deed in one transaction, and answers when it is on the disk.
    pub(crate) async fn carry_out<D: Deed>(
        &self,
        org: OrgId,
        deed: D,
    ) -> Result<D::Answer, CommitError> {
        self.submit(org, deed)?
            .await
            .map_err(|_| StoreError::Closed)?
    }

    fn submit<D: Deed>(
        &self,
        org: OrgId,
        deed: D,
    ) -> Result<oneshot::Receiver<Result<D::Answer, CommitError>>, CommitError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.submit(org, deed),
            Engine::Postgres(postgres) => postgres.submit(org, deed),
        }
    }

    /// The first row of a statement.
    pub(crate) async fn one<R: Record>(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Option<R>, StoreError> {
        let rows = self.rows(sql, params).await?;
        rows.first().map(Row::decode).transpose()
    }

    /// Every row of a statement that limits itself.
    pub(crate) async fn all<R: Record>(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Vec<R>, StoreError> {
        let rows = self.rows(sql, params).await?;
        rows.iter().map(Row::decode).collect()
    }

    /// Every row of a statement that was put together.
    pub(crate) async fn select<R: Record>(&self, select: &Select) -> Result<Vec<R>, StoreError> {
        self.all(select.sql(), select.params()).await
    }

    pub(crate) async fn rows(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => {
                let readers = sqlite.readers();
                readers.read(|lite| lite.rows(sql, params)).await
            }
            Engine::Postgres(postgres) => postgres.rows(sql, params).await,
        }
    }

    /// Reads something long, seen as of one moment. It blocks.
    pub(crate) fn scan<T>(
        &self,
        work: impl FnOnce(&dyn Moment) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.readers().scan(|lite| work(lite)),
            Engine::Postgres(postgres) => postgres.scan(|moment| work(moment)),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Inner {
    fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close(),
            Engine::Postgres(postgres) => postgres.close(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
