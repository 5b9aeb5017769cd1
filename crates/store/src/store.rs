//! Opening the store, committing to it, and the little that every read shares.

use crate::page::Select;
use crate::sql::{Record, Row, Value};
use crate::sqlite::{Lock, Readers, migrate, open_reader, open_writer, require_known_schema};
use crate::write::apply_all;
use crate::writer::{Boundary, Job, Writer, ready};
use crate::{CommitError, Hint, Receipt, StoreError, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{broadcast, mpsc, oneshot};
use wardroom_domain::{OrgId, Timestamp};

/// How many commits may wait. At 5,000 a second this is a fifth of a second; beyond it the doors
/// answer 503 instead of letting people wait.
const QUEUE_MAX: usize = 1024;
/// How many hints a slow listener may miss before it is told to look for itself.
const HINTS_MAX: usize = 4096;

/// What the store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read and write: takes the lock, migrates.
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
    /// How many pages of 4 KiB the database may have; none for as many as the disk holds.
    pub pages_max: Option<u32>,
    /// How many commits may wait.
    pub queue_max: usize,
}

impl OpenOptions {
    /// To read and write.
    pub fn write(now: Timestamp) -> Self {
        Self {
            mode: OpenMode::Write,
            now,
            pages_max: None,
            queue_max: QUEUE_MAX,
        }
    }

    /// To read only.
    pub fn read(now: Timestamp) -> Self {
        Self {
            mode: OpenMode::Read,
            ..Self::write(now)
        }
    }
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
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    commits: AtomicU64,
    transactions: AtomicU64,
    statements: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
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
    readers: Readers,
    hints: broadcast::Sender<Hint>,
    tally: Arc<Tally>,
    writing: Mutex<Option<Writing>>,
    queue: Option<mpsc::WeakSender<Job>>,
}

/// Ends when the queue's only sender goes. The lock goes after the thread.
struct Writing {
    queue: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
    _lock: Lock,
}

impl Store {
    /// Opens the database, and for a writer makes and migrates it first.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let tally = Arc::new(Tally::default());
        let (hints, _) = broadcast::channel(HINTS_MAX);
        let writing = match options.mode {
            OpenMode::Write => Some(start_writer(path, options, &tally, &hints)?),
            OpenMode::Read => {
                require_known_schema(&open_reader(path)?, path)?;
                None
            }
        };
        let readers = Readers::new(path.to_owned(), Arc::clone(&tally));
        let queue = writing.as_ref().map(|writing| writing.queue.downgrade());
        let writing = Mutex::new(writing);
        Ok(Self {
            inner: Arc::new(Inner {
                readers,
                hints,
                tally,
                writing,
                queue,
            }),
        })
    }

    /// Applies the writes in order, all or none, and answers when they are on the disk.
    pub async fn commit(&self, org: OrgId, writes: Vec<Write>) -> Result<Receipt, CommitError> {
        self.submit(org, move |boundary| ready(apply_all(boundary, &writes)))?
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// The same, for callers outside of an async runtime.
    pub fn blocking_commit(&self, org: OrgId, writes: Vec<Write>) -> Result<Receipt, CommitError> {
        self.submit(org, move |boundary| ready(apply_all(boundary, &writes)))?
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
        }
    }

    /// Commits what is queued, closes the database and frees its lock; blocks until that is done.
    /// Other clones can only read from now on.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Hands work to the writer.
    pub(crate) fn submit<R: Send + 'static>(
        &self,
        org: OrgId,
        deed: impl FnOnce(&mut Boundary<'_>) -> Result<R, CommitError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<R, CommitError>>, CommitError> {
        let queue = self.inner.queue.as_ref().ok_or(StoreError::ReadOnly)?;
        let queue = queue.upgrade().ok_or(StoreError::Closed)?;
        let (job, answer) = Job::new(org, deed);
        match queue.try_send(job) {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CommitError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed.into()),
        }
    }

    /// The first row of a statement.
    pub(crate) async fn one<R: Record>(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Option<R>, StoreError> {
        let rows = self
            .inner
            .readers
            .read(|lite| lite.rows(sql, params))
            .await?;
        rows.first().map(Row::decode).transpose()
    }

    /// Every row of a statement that limits itself.
    pub(crate) async fn all<R: Record>(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Vec<R>, StoreError> {
        let rows = self
            .inner
            .readers
            .read(|lite| lite.rows(sql, params))
            .await?;
        rows.iter().map(Row::decode).collect()
    }

    /// Every row of a statement that was put together.
    pub(crate) async fn select<R: Record>(&self, select: &Select) -> Result<Vec<R>, StoreError> {
        self.all(select.sql(), select.params()).await
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.inner.readers
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Inner {
    fn close(&self) {
        let writing = self
            .writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Writing {
            queue,
            thread,
            _lock,
        }) = writing
        {
            drop(queue);
            // A writer that died has already failed every commit that waited for it.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn start_writer(
    path: &Path,
    options: OpenOptions,
    tally: &Arc<Tally>,
    hints: &broadcast::Sender<Hint>,
) -> Result<Writing, StoreError> {
    create_private(path)?;
    let lock = Lock::take(path)?;
    let mut connection = open_writer(path, &options)?;
    migrate(&mut connection, options.now)?;
    let (queue, jobs) = mpsc::channel(options.queue_max);
    let writer = Writer::begin(
        connection,
        jobs,
        Arc::clone(tally),
        hints.clone(),
        options.now,
    )?;
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(|error| StoreError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(Writing {
        queue,
        thread,
        _lock: lock,
    })
}

/// The database holds hashes of secrets and people's words: it is for its owner only.
fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}
