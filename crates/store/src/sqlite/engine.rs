//! A database file: one thread that writes, a few connections that read.

use super::writer::{Job, Writer};
use super::{Lock, Readers, migrate, open_reader, open_writer, require_known_schema};
use crate::boundary::Deed;
use crate::store::Tally;
use crate::{CommitError, Hint, OpenMode, OpenOptions, StoreError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{broadcast, mpsc, oneshot};
use wardroom_domain::{OrgId, Timestamp};

pub(crate) struct Sqlite {
    readers: Readers,
    writing: Mutex<Option<Writing>>,
    queue: Option<mpsc::WeakSender<Job>>,
    here: Option<Here>,
}

/// A writer without a thread: whoever asks for a commit carries it out.
struct Here {
    writer: Arc<Mutex<Writer>>,
    path: PathBuf,
    epoch: i64,
    lock: Arc<Lock>,
}

/// Ends when the queue's only sender goes. The lock goes after the thread.
struct Writing {
    queue: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
    _lock: Lock,
}

impl Sqlite {
    /// Opens the database, and for a writer makes and migrates it first.
    pub(crate) fn open(
        path: &Path,
        options: OpenOptions,
        tally: &Arc<Tally>,
        hints: &broadcast::Sender<Hint>,
    ) -> Result<Self, StoreError> {
        if options.is_here && options.mode == OpenMode::Write {
            return Self::open_here(path, options, tally, hints);
        }
        let writing = match options.mode {
            OpenMode::Write => Some(start_writer(path, options, tally, hints)?),
            OpenMode::Read => {
                require_known_schema(&open_reader(path)?, path)?;
                None
            }
        };
        let queue = writing.as_ref().map(|writing| writing.queue.downgrade());
        Ok(Self {
            readers: Readers::new(path.to_owned(), Arc::clone(tally)),
            writing: Mutex::new(writing),
            queue,
            here: None,
        })
    }

    fn open_here(
        path: &Path,
        options: OpenOptions,
        tally: &Arc<Tally>,
        hints: &broadcast::Sender<Hint>,
    ) -> Result<Self, StoreError> {
        let (writer, lock) = begin(path, options, tally, hints, mpsc::channel(1).1)?;
        let here = Here {
            epoch: writer.epoch(),
            writer: Arc::new(Mutex::new(writer)),
            path: path.to_owned(),
            lock: Arc::new(lock),
        };
        Ok(Self::over(here, tally))
    }

    fn over(here: Here, tally: &Arc<Tally>) -> Self {
        Self {
            readers: Readers::new(here.path.clone(), Arc::clone(tally)),
            writing: Mutex::default(),
            queue: None,
            here: Some(here),
        }
    }

    /// Another process over the same writer.
    pub(crate) fn another(
        &self,
        now: Timestamp,
        living: &[i64],
        tally: &Arc<Tally>,
    ) -> Result<Self, StoreError> {
        let here = self.here.as_ref().ok_or(StoreError::ReadOnly)?;
        let mut writer = here.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = writer.begin_epoch(now, living)?;
        drop(writer);
        let another = Here {
            writer: Arc::clone(&here.writer),
            path: here.path.clone(),
            epoch,
            lock: Arc::clone(&here.lock),
        };
        Ok(Self::over(another, tally))
    }

    /// Hands work to the writer.
    pub(crate) fn submit<D: Deed>(
        &self,
        org: OrgId,
        deed: D,
    ) -> Result<oneshot::Receiver<Result<D::Answer, CommitError>>, CommitError> {
        if let Some(here) = &self.here {
            let (job, answer) = Job::new(org, deed);
            let mut writer = here.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.serve(job, here.epoch);
            return Ok(answer);
        }
        let queue = self.queue.as_ref().ok_or(StoreError::ReadOnly)?;
        let queue = queue.upgrade().ok_or(StoreError::Closed)?;
        let (job, answer) = Job::new(org, deed);
        match queue.try_send(job) {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CommitError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed.into()),
        }
    }

    /// The epoch of this process, where there may be another.
    pub(crate) fn epoch(&self) -> Option<i64> {
        self.here.as_ref().map(|here| here.epoch)
    }

    /// Whether there may be [another](Self::another) process.
    pub(crate) fn is_here(&self) -> bool {
        self.here.is_some()
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Commits what is queued and frees the lock.
    pub(crate) fn close(&self) {
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

fn start_writer(
    path: &Path,
    options: OpenOptions,
    tally: &Arc<Tally>,
    hints: &broadcast::Sender<Hint>,
) -> Result<Writing, StoreError> {
    let (queue, jobs) = mpsc::channel(options.queue_max);
    let (writer, lock) = begin(path, options, tally, hints, jobs)?;
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

fn begin(
    path: &Path,
    options: OpenOptions,
    tally: &Arc<Tally>,
    hints: &broadcast::Sender<Hint>,
    jobs: mpsc::Receiver<Job>,
) -> Result<(Writer, Lock), StoreError> {
    create_private(path)?;
    let lock = Lock::take(path)?;
    let mut connection = open_writer(path, &options)?;
    migrate(&mut connection, options.now)?;
    let (tally, hints) = (Arc::clone(tally), hints.clone());
    let writer = Writer::begin(connection, jobs, tally, hints, options.now)?;
    Ok((writer, lock))
}

/// The database holds hashes of secrets and people's words: it is for its owner only.
pub(crate) fn create_private(path: &Path) -> Result<(), StoreError> {
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
