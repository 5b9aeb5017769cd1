//! Deeds on their way to a connection, and what became of them.

use super::transaction::{Failure, Pg};
use super::{Pool, failed, is_lost, wall};
use crate::audit::Heads;
use crate::boundary::{Boundary, Deed};
use crate::claim::Turns;
use crate::lock::Key;
use crate::store::Tally;
use crate::{CommitError, Hint, StoreError};
use deadpool_postgres::ClientWrapper;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wardroom_domain::OrgId;

/// How often commits that got into each other's way are tried.
const ATTEMPTS_MAX: u32 = 8;
/// How long the fate of a commit is asked for whose connection was lost in the middle.
const FATE_LOOKS_MAX: u32 = 40;
const FATE_LOOK_EVERY: Duration = Duration::from_millis(250);

/// A deed of whatever kind.
pub(super) trait Work: Send {
    /// Does it, in a transaction that is open.
    fn attempt<'a>(
        &'a mut self,
        at: &'a mut Boundary<'_, Pg<'_>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + 'a>>;

    /// What must not be touched meanwhile.
    fn locks(&self) -> Vec<Key>;

    /// Answers whoever asked for it.
    fn settle(self: Box<Self>, fate: Result<(), CommitError>);
}

pub(super) struct Pending<D: Deed> {
    deed: D,
    answer: Option<D::Answer>,
    reply: oneshot::Sender<Result<D::Answer, CommitError>>,
}

impl<D: Deed> Pending<D> {
    pub(super) fn new(deed: D) -> (Self, oneshot::Receiver<Result<D::Answer, CommitError>>) {
        let (reply, answer) = oneshot::channel();
        let pending = Self {
            deed,
            answer: None,
            reply,
        };
        (pending, answer)
    }
}

impl<D: Deed> Work for Pending<D> {
    fn attempt<'a>(
        &'a mut self,
        at: &'a mut Boundary<'_, Pg<'_>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + 'a>> {
        Box::pin(async move {
            self.answer = Some(self.deed.run(at).await?);
            Ok(())
        })
    }

    fn locks(&self) -> Vec<Key> {
        self.deed.locks()
    }

    fn settle(self: Box<Self>, fate: Result<(), CommitError>) {
        let Self { answer, reply, .. } = *self;
        let closed = || CommitError::from(StoreError::Closed);
        // Whoever asked may have gone; what is committed stays committed.
        let _ = reply.send(fate.and_then(|()| answer.ok_or_else(closed)));
    }
}

/// What every deed needs of its engine.
pub(super) struct Hand {
    pub(super) pool: Pool,
    pub(super) tally: Arc<Tally>,
    pub(super) turns: Turns,
    pub(super) epoch: i64,
}

/// How one attempt ended.
enum Ended {
    Kept(Vec<Hint>),
    Refused(CommitError),
    Again(CommitError),
}

impl Hand {
    /// Does a deed, as often as it takes, and answers the hints to give when it was kept.
    pub(super) async fn carry_out(
        &self,
        org: OrgId,
        work: &mut dyn Work,
    ) -> Result<Vec<Hint>, CommitError> {
        let mut attempts = 1;
        loop {
            match self.attempt(org, work).await {
                Ended::Kept(hints) => {
                    self.tally.transaction(1);
                    return Ok(hints);
                }
                Ended::Refused(error) => return Err(error),
                Ended::Again(error) if attempts == ATTEMPTS_MAX => return Err(error),
                Ended::Again(_) => attempts += 1,
            }
            tokio::time::sleep(Duration::from_millis(u64::from(attempts * attempts))).await;
        }
    }

    async fn attempt(&self, org: OrgId, work: &mut dyn Work) -> Ended {
        let client = match self.pool.get().await {
            Ok(client) => client,
            Err(error) => return Ended::Refused(super::unreachable(&error).into()),
        };
        let number = match begin(&client, org, &work.locks()).await {
            Ok(number) => number,
            Err(error) if is_lost(&error) => {
                return Ended::Again(failed("beginning", &error).into());
            }
            Err(error) => {
                roll_back(&client).await;
                return Ended::Again(failed("beginning", &error).into());
            }
        };
        let mut hints = Vec::new();
        let mut heads = Heads::default();
        let mut boundary = Boundary {
            org,
            tx: Pg {
                client: &client,
                tally: &self.tally,
                failure: None,
            },
            epoch: self.epoch,
            heads: &mut heads,
            turns: &self.turns,
            hints: &mut hints,
            standing: None,
        };
        let done = work.attempt(&mut boundary).await;
        let failure = boundary.tx.failure;
        match done {
            Ok(()) => self.commit(&client, &number, hints).await,
            Err(error) => {
                roll_back(&client).await;
                match failure {
                    Some(Failure::InTheWay | Failure::Lost) => Ended::Again(error),
                    Some(Failure::Other) | None => Ended::Refused(error),
                }
            }
        }
    }

    async fn commit(&self, client: &ClientWrapper, number: &str, hints: Vec<Hint>) -> Ended {
        match client.batch_execute("COMMIT").await {
            Ok(()) => Ended::Kept(hints),
            // A connection that is lost now may have been lost before or after the commit.
            Err(error) if is_lost(&error) => match self.fate(number).await {
                Some(true) => Ended::Kept(hints),
                Some(false) => Ended::Again(failed("committing", &error).into()),
                None => Ended::Refused(failed("committing", &error).into()),
            },
            Err(error) => {
                let again = Failure::of(&error) == Failure::InTheWay;
                let error = failed("committing", &error).into();
                if again {
                    Ended::Again(error)
                } else {
                    Ended::Refused(error)
                }
            }
        }
    }

    /// Whether the transaction of this number was committed; none when nobody can tell.
    async fn fate(&self, number: &str) -> Option<bool> {
        for _ in 0..FATE_LOOKS_MAX {
            if let Ok(client) = self.pool.get().await {
                let sql = "SELECT pg_xact_status($1::TEXT::XID8)";
                let seen = client.query_one(sql, &[&number]).await;
                match seen
                    .ok()
                    .and_then(|row| row.get::<_, Option<String>>(0))
                    .as_deref()
                {
                    Some("committed") => return Some(true),
                    Some("aborted") => return Some(false),
                    _ => {}
                }
            }
            tokio::time::sleep(FATE_LOOK_EVERY).await;
        }
        None
    }
}

/// Opens a transaction with its locks, taken in one order by everybody, and answers its number.
async fn begin(
    client: &ClientWrapper,
    org: OrgId,
    locks: &[Key],
) -> Result<String, tokio_postgres::Error> {
    let numbers = |is_shared: bool| {
        let wanted = locks.iter().filter(|key| key.is_shared() == is_shared);
        let mut numbers: Vec<i64> = wanted.map(|key| key.number(org)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    let (shared, alone) = (numbers(true), numbers(false));
    let begin = format!("BEGIN; {}", wall::standing_in(Some(org), true));
    // Sent together, answered in order.
    let (begun, held) = tokio::join!(client.batch_execute(&begin), lock(client, &shared, &alone));
    begun?;
    held
}

async fn lock(
    client: &ClientWrapper,
    shared: &[i64],
    alone: &[i64],
) -> Result<String, tokio_postgres::Error> {
    let sql = "SELECT pg_current_xact_id()::TEXT, \
               (SELECT COUNT(*) FROM (SELECT pg_advisory_xact_lock_shared(key) \
                FROM unnest($1::BIGINT[]) AS key OFFSET 0) AS shared), \
               (SELECT COUNT(*) FROM (SELECT pg_advisory_xact_lock(key) \
                FROM unnest($2::BIGINT[]) AS key OFFSET 0) AS alone)";
    let statement = client.prepare_cached(sql).await?;
    let row = client.query_one(&statement, &[&shared, &alone]).await?;
    Ok(row.get(0))
}

async fn roll_back(client: &ClientWrapper) {
    // What cannot be rolled back is on a connection that is gone, and so is the transaction.
    let _ = client.batch_execute("ROLLBACK").await;
}
