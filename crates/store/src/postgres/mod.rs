//! PostgreSQL: the engine of a team. Any number of processes share one database.
//!
//! One thread of this process holds all connections and drives everything on them, so that the
//! store can be used from any runtime and from none. Commits run beside each other; what two at
//! once must not touch they lock first, all in one order. What is committed is told to the other
//! processes as hints.

mod value;
mod transaction;
mod work;
mod address;
mod migrate;
mod wall;
mod lease;
mod scan;
mod whisper;
pub(crate) mod copying;

use crate::boundary::Deed;
use crate::claim::Turns;
use crate::sql::{Moment, Row, Value};
use crate::store::Tally;
use crate::{CommitError, Hint, OpenMode, OpenOptions, Servers, StoreError};
use address::Address;
use deadpool_postgres::{Manager, ManagerConfig, PoolError, RecyclingMethod, Runtime, Timeouts};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio::task::LocalSet;
use transaction::Pg;
use wardroom_domain::OrgId;
use work::{Hand, Pending, Work};

type Pool = deadpool_postgres::Pool;

/// How many commits run at once in one process. More only wait for each other's locks.
const COMMITS_AT_ONCE: usize = 16;
/// How many reads run at once beside them.
const READS_AT_ONCE: usize = 8;
/// How long a connection may take to come about, so that a door can say 503 in time.
pub(super) const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// How long work waits for a free connection.
const FREE_TIME_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Postgres {
    reads: mpsc::UnboundedSender<Read>,
    writes: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    is_read_only: bool,
}

/// A deed, with whose it is.
struct Job {
    org: OrgId,
    work: Box<dyn Work>,
}

/// Something to read.
enum Read {
    Rows {
        sql: String,
        params: Vec<Value<'static>>,
        answer: oneshot::Sender<Result<Vec<Row>, StoreError>>,
    },
    Moment(scan::Questions),
}

impl Postgres {
    /// Connects, and for a writer makes and migrates the tables first.
    pub(crate) fn connect(
        servers: &Servers,
        options: OpenOptions,
        tally: &Arc<Tally>,
        hints: &broadcast::Sender<Hint>,
    ) -> Result<Self, StoreError> {
        let places = Places::find(servers)?;
        let (reads, to_read) = mpsc::unbounded_channel();
        let (writes, to_write) = mpsc::channel(options.queue_max);
        let (started, starting) = std::sync::mpsc::channel();
        let (tally, hints) = (Arc::clone(tally), hints.clone());
        let drive = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(no_thread(&error)))),
            };
            LocalSet::new().block_on(&runtime, async move {
                match Driver::start(places, options, tally, hints).await {
                    Ok(driver) => {
                        let _ = started.send(Ok(()));
                        driver.drive(to_read, to_write).await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("store-postgres".to_owned())
            .spawn(drive)
            .map_err(|error| no_thread(&error))?;
        starting.recv().map_err(|_| StoreError::Closed)??;
        Ok(Self {
            reads,
            writes: Mutex::new(Some(writes)),
            thread: Mutex::new(Some(thread)),
            is_read_only: options.mode == OpenMode::Read,
        })
    }

    /// Hands a deed over.
    pub(crate) fn submit<D: Deed>(
        &self,
        org: OrgId,
        deed: D,
    ) -> Result<oneshot::Receiver<Result<D::Answer, CommitError>>, CommitError> {
        if self.is_read_only {
            return Err(StoreError::ReadOnly.into());
        }
        let (pending, answer) = Pending::new(deed);
        let job = Job {
            org,
            work: Box::new(pending),
        };
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = writes.as_ref().ok_or(StoreError::Closed)?;
        match queue.try_send(job) {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CommitError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed.into()),
        }
    }

    /// Reads all rows of a statement.
    pub(crate) async fn rows(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let read = Read::Rows {
            sql: sql.to_owned(),
            params: params.iter().cloned().map(Value::into_owned).collect(),
            answer,
        };
        self.reads.send(read).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Reads something long, seen as of one moment. It blocks.
    pub(crate) fn scan<T>(
        &self,
        work: impl FnOnce(&dyn Moment) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (moment, questions) = scan::moment();
        self.reads
            .send(Read::Moment(questions))
            .map_err(|_| StoreError::Closed)?;
        work(&moment)
    }

    /// Commits what is queued and gives the worker's lease back.
    pub(crate) fn close(&self) {
        let lock = |writes: &Mutex<Option<mpsc::Sender<Job>>>| {
            writes.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        drop(lock(&self.writes));
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A thread that died has already failed everything that waited for it.
            let _ = thread.join();
        }
    }
}

/// Where everything is.
struct Places {
    database: Address,
    owner: Option<Address>,
    bus: Option<redis::Client>,
    lease: lease::Lease,
}

impl Places {
    fn find(servers: &Servers) -> Result<Self, StoreError> {
        let owner = servers.owner.as_deref().map(Address::parse).transpose()?;
        let bus = servers.bus.as_deref().map(whisper::redis_at).transpose()?;
        Ok(Self {
            database: Address::parse(&servers.database)?,
            owner,
            bus,
            lease: lease::Lease::of(servers),
        })
    }
}

/// Brings the tables up to this version as their owner, then begins to work as whoever works here.
async fn begin(places: &Places, pool: &Pool, options: OpenOptions) -> Result<i64, StoreError> {
    let now = options.now;
    match &places.owner {
        None => {
            let mut client = pool.get().await.map_err(|error| unreachable(&error))?;
            migrate::migrate(&mut client, now).await?;
        }
        Some(owner) => {
            let owners = self::pool(owner, 1)?;
            let mut client = owners.get().await.map_err(|error| unreachable(&error))?;
            migrate::migrate(&mut client, now).await?;
            wall::admit(&mut client, places.database.user()).await?;
        }
    }
    let client = pool.get().await.map_err(|error| unreachable(&error))?;
    if places.owner.is_some() {
        wall::require_no_way_over(&client).await?;
    }
    lease::begin_epoch(&client, places.lease, now).await
}

/// What lives on the thread.
struct Driver {
    hand: Rc<Hand>,
    readers: Pool,
    whisperer: whisper::Whisperer,
    keeper: Option<tokio::task::JoinHandle<()>>,
}

impl Driver {
    async fn start(
        places: Places,
        options: OpenOptions,
        tally: Arc<Tally>,
        hints: broadcast::Sender<Hint>,
    ) -> Result<Self, StoreError> {
        let pool = pool(&places.database, COMMITS_AT_ONCE + 2)?;
        let is_writer = options.mode == OpenMode::Write;
        let epoch = match is_writer {
            true => begin(&places, &pool, options).await?,
            false => {
                let client = pool.get().await.map_err(|error| unreachable(&error))?;
                migrate::require_known_schema(&client).await?;
                0
            }
        };
        let hand = Rc::new(Hand {
            pool: pool.clone(),
            tally,
            turns: Turns::default(),
            epoch,
        });
        let carrier = places.bus.map_or_else(
            || whisper::Carrier::Notify(places.database.clone()),
            whisper::Carrier::Redis,
        );
        let whisperer = whisper::Whisperer::start(carrier, hints);
        let keeper = is_writer.then(|| {
            let keep = lease::keep(pool, epoch, places.lease, whisperer.clone());
            tokio::task::spawn_local(keep)
        });
        Ok(Self {
            hand,
            readers: self::pool(&places.database, READS_AT_ONCE)?,
            whisperer,
            keeper,
        })
    }

    /// Until nobody can ask for anything any more.
    async fn drive(self, to_read: mpsc::UnboundedReceiver<Read>, to_write: mpsc::Receiver<Job>) {
        let reading = tokio::task::spawn_local(read_all(
            self.readers.clone(),
            Arc::clone(&self.hand.tally),
            to_read,
        ));
        self.write_all(to_write).await;
        if let Some(keeper) = self.keeper {
            keeper.abort();
            lease::end_epoch(&self.hand.pool, self.hand.epoch).await;
        }
        self.whisperer.finish().await;
        reading.abort();
    }

    async fn write_all(&self, mut to_write: mpsc::Receiver<Job>) {
        let slots = Arc::new(Semaphore::new(COMMITS_AT_ONCE));
        while let Some(Job { org, mut work }) = to_write.recv().await {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let (hand, whisperer) = (Rc::clone(&self.hand), self.whisperer.clone());
            tokio::task::spawn_local(async move {
                let fate = hand.carry_out(org, work.as_mut()).await;
                let fate = fate.map(|hints| whisperer.tell(hints));
                work.settle(fate);
                drop(slot);
            });
        }
        // Whoever still holds a slot is in the middle of a commit.
        let all = u32::try_from(COMMITS_AT_ONCE).unwrap_or(u32::MAX);
        let _ = slots.acquire_many(all).await;
    }
}

async fn read_all(pool: Pool, tally: Arc<Tally>, mut to_read: mpsc::UnboundedReceiver<Read>) {
    while let Some(read) = to_read.recv().await {
        let (pool, tally) = (pool.clone(), Arc::clone(&tally));
        tokio::task::spawn_local(async move {
            match read {
                Read::Rows {
                    sql,
                    params,
                    answer,
                } => {
                    // Whoever asked may have gone.
                    let _ = answer.send(rows(&pool, &tally, &sql, &params).await);
                }
                Read::Moment(questions) => scan::answer(&pool, &tally, questions).await,
            }
        });
    }
}

/// A connection that was lost while nobody looked is replaced once.
async fn rows(
    pool: &Pool,
    tally: &Tally,
    sql: &str,
    params: &[Value<'_>],
) -> Result<Vec<Row>, StoreError> {
    let mut attempts = 1;
    loop {
        let client = pool.get().await.map_err(|error| unreachable(&error))?;
        let reader = Pg {
            client: &client,
            tally,
            failure: None,
        };
        // Sent together, answered in order.
        let (stood, read) = tokio::join!(
            wall::stand_in(&client, wall::org_of(params)),
            reader.read(sql, params)
        );
        match stood.and(read) {
            Ok(rows) => return rows.iter().map(value::row).collect(),
            Err(error) if is_lost(&error) && attempts < 2 => attempts += 1,
            Err(error) => return Err(failed("reading", &error)),
        }
    }
}

fn pool(address: &Address, size: usize) -> Result<Pool, StoreError> {
    let settings = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_config(address.config.clone(), address.tls.clone(), settings);
    let timeouts = Timeouts {
        wait: Some(FREE_TIME_MAX),
        create: Some(CONNECT_TIME_MAX),
        recycle: Some(CONNECT_TIME_MAX),
    };
    let built = Pool::builder(manager)
        .max_size(size)
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .build();
    built.map_err(|error| StoreError::Unreachable {
        reason: error.to_string(),
    })
}

fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.code().is_some_and(|code| {
            // Class 57P: the server goes down, or ended our session.
            code.code().starts_with("57P") || code.code().starts_with("08")
        })
        || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
}

/// What PostgreSQL said, as one of our errors.
fn failed(attempt: &'static str, error: &tokio_postgres::Error) -> StoreError {
    use tokio_postgres::error::SqlState;
    match error.code() {
        Some(&SqlState::FOREIGN_KEY_VIOLATION) => StoreError::Dangling,
        Some(&SqlState::DISK_FULL) => StoreError::Full,
        _ if is_lost(error) => StoreError::Unreachable {
            reason: told(error),
        },
        _ => StoreError::Engine {
            attempt,
            reason: told(error),
        },
    }
}

/// The server's own words, where there are any.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

fn unreachable(error: &PoolError) -> StoreError {
    let reason = match error {
        PoolError::Backend(error) => told(error),
        other => other.to_string(),
    };
    StoreError::Unreachable { reason }
}

fn no_thread(error: &std::io::Error) -> StoreError {
    StoreError::Engine {
        attempt: "starting its thread",
        reason: error.to_string(),
    }
}
