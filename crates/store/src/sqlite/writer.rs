//! The one thread that writes: everything queued becomes one transaction, each logical commit a
//! savepoint in it, and nobody is answered before the transaction is on the disk.
//!
//! No linger timer: an idle writer commits a single job at once; under load the next group gathers
//! while the last one is synced.

use super::{Lite, failed};
use crate::audit::Heads;
use crate::boundary::{Boundary, Deed};
use crate::claim::Turns;
use crate::store::Tally;
use crate::{CommitError, Hint, StoreError};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::sync::{broadcast, mpsc, oneshot};
use wardroom_domain::{OrgId, Timestamp, Waymark};

/// A group stays small enough that its first member need not wait long.
const GROUP_MAX: usize = 512;
/// The write-ahead log is carried into the database when it has grown to 8 MiB,
const CHECKPOINT_PAGES: i32 = 2048;
/// and cut off when readers have kept it from being reused until 128 MiB.
const TRUNCATE_PAGES: i32 = 16 * CHECKPOINT_PAGES;

type Work = Box<dyn FnOnce(&mut Boundary<'_, Lite<'_>>) -> Ended + Send>;
type Settle = Box<dyn FnOnce(Option<StoreError>) + Send>;

/// Work for the writer, with the way to answer it.
pub(super) struct Job {
    org: OrgId,
    work: Work,
}

/// How a deed went, and how to answer once the transaction's fate is known.
struct Ended {
    fate: Fate,
    settle: Settle,
}

enum Fate {
    Kept,
    Undone,
    Failed(StoreError),
}

impl Job {
    pub(super) fn new<D: Deed>(
        org: OrgId,
        deed: D,
    ) -> (Self, oneshot::Receiver<Result<D::Answer, CommitError>>) {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |boundary| {
            let result = ready(deed.run(boundary));
            let fate = match &result {
                Ok(_) => Fate::Kept,
                Err(CommitError::Failed(error)) => Fate::Failed(error.clone()),
                Err(_) => Fate::Undone,
            };
            let settle: Settle = Box::new(move |lost| {
                // Whoever asked may have gone; what is committed stays committed.
                let _ = reply.send(lost.map_or(result, |error| Err(error.into())));
            });
            Ended { fate, settle }
        });
        (Self { org, work }, answer)
    }
}

pub(super) struct Writer {
    connection: Connection,
    jobs: mpsc::Receiver<Job>,
    tally: Arc<Tally>,
    hints: broadcast::Sender<Hint>,
    log_pages: Arc<AtomicI32>,
    epoch: i64,
    heads: Heads,
    turns: Turns,
}

impl Writer {
    /// Begins a new epoch: what workers of older ones held is claimable at once.
    pub(super) fn begin(
        mut connection: Connection,
        jobs: mpsc::Receiver<Job>,
        tally: Arc<Tally>,
        hints: broadcast::Sender<Hint>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let log_pages = watch_log(&mut connection)?;
        let (heads, turns) = (Heads::default(), Turns::default());
        let mut writer = Self {
            connection,
            jobs,
            tally,
            hints,
            log_pages,
            epoch: 0,
            heads,
            turns,
        };
        writer.epoch = writer.begin_epoch(now, &[])?;
        Ok(writer)
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Begins an epoch, which frees what the ones before it held, but for those that live.
    pub(super) fn begin_epoch(
        &mut self,
        now: Timestamp,
        living: &[i64],
    ) -> Result<i64, StoreError> {
        let beginning = failed("taking up the work of the last process");
        let transaction = self.connection.transaction().map_err(&beginning)?;
        let mut tx = Lite {
            connection: &transaction,
            tally: &self.tally,
        };
        let epoch = ready(crate::claim::begin_epoch(&mut tx, now, living))?;
        transaction.commit().map_err(&beginning)?;
        Ok(epoch)
    }

    /// Carries out one job for the process of this epoch.
    pub(super) fn serve(&mut self, job: Job, epoch: i64) {
        self.epoch = epoch;
        self.group(job);
        self.checkpoint();
    }

    /// Works until every sender of the queue has gone.
    pub(super) fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            self.group(first);
            self.checkpoint();
        }
    }

    /// One transaction: this job and everything that is queued by now.
    fn group(&mut self, first: Job) {
        let mut settles = Vec::new();
        let mut hints = Vec::new();
        let mut kept = 0;
        let lost = self
            .execute("BEGIN IMMEDIATE")
            .and_then(|()| self.gather(first, &mut settles, &mut hints, &mut kept))
            .and_then(|()| self.execute("COMMIT"))
            .err();
        if lost.is_some() {
            self.give_up();
        } else if kept > 0 {
            self.tally.transaction(kept);
        }
        for settle in settles {
            settle(lost.clone());
        }
        if lost.is_none() {
            for hint in hints {
                // Nobody listening is no fault.
                let _ = self.hints.send(hint);
            }
        }
    }

    fn gather(
        &mut self,
        first: Job,
        settles: &mut Vec<Settle>,
        hints: &mut Vec<Hint>,
        kept: &mut u64,
    ) -> Result<(), StoreError> {
        let mut next = Some(first);
        while let Some(job) = next {
            let ended = self.savepoint(job, hints)?;
            *kept += u64::from(matches!(ended.fate, Fate::Kept));
            settles.push(ended.settle);
            if let Fate::Failed(error) = ended.fate
                && self.connection.is_autocommit()
            {
                // The engine has rolled the whole group back.
                return Err(error);
            }
            next = (settles.len() < GROUP_MAX)
                .then(|| self.jobs.try_recv().ok())
                .flatten();
        }
        Ok(())
    }

    fn savepoint(&mut self, job: Job, hints: &mut Vec<Hint>) -> Result<Ended, StoreError> {
        self.execute("SAVEPOINT job")?;
        let hinted = hints.len();
        let mut boundary = Boundary {
            org: job.org,
            tx: Lite {
                connection: &self.connection,
                tally: &self.tally,
            },
            epoch: self.epoch,
            heads: &mut self.heads,
            turns: &self.turns,
            hints,
            standing: None,
        };
        let ended = (job.work)(&mut boundary);
        if matches!(ended.fate, Fate::Kept) {
            self.heads.keep();
        } else {
            self.heads.undo();
            hints.truncate(hinted);
            if !self.connection.is_autocommit() {
                self.execute("ROLLBACK TO job")?;
            }
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE job")?;
        }
        Ok(ended)
    }

    fn give_up(&mut self) {
        self.heads.forget();
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
    }

    /// After the answers, so that nobody waits for it who has not come yet.
    fn checkpoint(&self) {
        let statement = match self.log_pages.load(Ordering::Relaxed) {
            ..CHECKPOINT_PAGES => return,
            CHECKPOINT_PAGES..TRUNCATE_PAGES => "PRAGMA wal_checkpoint(PASSIVE)",
            TRUNCATE_PAGES.. => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        // A checkpoint that fails leaves everything in the log, which is as durable.
        match self.connection.query_row(statement, (), |_| Ok(())) {
            Ok(()) => {
                self.log_pages.store(0, Ordering::Relaxed);
                Waymark::Checkpoint.passed();
            }
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be checkpointed"),
        }
    }

    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        let run = || self.connection.prepare_cached(sql)?.raw_execute();
        run().map(drop).map_err(failed("committing"))
    }
}

/// Learns after each commit how long the write-ahead log is.
fn watch_log(connection: &mut Connection) -> Result<Arc<AtomicI32>, StoreError> {
    let pages = Arc::new(AtomicI32::new(0));
    let seen = Arc::clone(&pages);
    connection
        .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, length| {
            seen.store(length, Ordering::Relaxed);
            Ok(())
        }))
        .map_err(failed("watching the write-ahead log"))?;
    Ok(pages)
}

/// The output of a future that never waits, as every future on SQLite.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("SQLite answers at once"),
    }
}
