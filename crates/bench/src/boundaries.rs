//! How many boundaries of busy tasks the store writes per second, beside a bare loop over SQLite
//! that runs the same statements and nothing else.

mod busy;
mod bare;
mod team;

use crate::disk::Disk;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::table::{Row, Table, Target, Times};
use busy::Office;
use std::time::Duration;
use wardroom_domain::Timestamp;
use wardroom_store::{OpenOptions, Store};

/// How many ready tasks are claimed.
const CLAIMED: usize = 4000;
const ROUNDS: u32 = 3;
const TIME: Duration = Duration::from_secs(2);

/// How many tasks are busy, and how many boundaries they should pass per second.
const CASES: [(usize, &str, f64); 2] = [
    (64, "boundaries of 64 busy tasks, 8 writes each", 5_000.0),
    (256, "boundaries of 256 busy tasks, 8 writes each", 12_000.0),
];

pub async fn measure(table: &mut Table) -> Outcome<()> {
    for (tasks, what, least) in CASES {
        case(tasks, what, least, table).await?;
    }
    one_step(table).await?;
    claims(table).await?;
    team::measure(table).await
}

/// What one boundary costs a task that is alone, beside a sync of the same disk.
async fn one_step(table: &mut Table) -> Outcome<()> {
    let folder = tempfile::tempdir().map_err(Failure::to("make a temporary folder"))?;
    let mut disk = Disk::new(folder.path())?;
    let mut office = Office::open(&folder.path().join("one.db"), 1).await?;
    let (mut sync, mut times) = (Times::default(), Times::default());
    for _ in 0..40 {
        disk.sync(5, &mut sync)?;
        office.step(5, &mut times).await?;
    }
    let over = times.median().saturating_sub(sync.median());
    let target = Target::of("a sync + 0.5 ms", over <= Duration::from_micros(500));
    let ratio = times.median().as_secs_f64() / sync.median().as_secs_f64();
    let row = Row::new("a boundary of one task alone", times.shown(), target);
    table.push(row.beside(format!("sync {}", sync.shown()), ratio));
    Ok(())
}

/// How many ready tasks are claimed per second, sixteen at a time.
async fn claims(table: &mut Table) -> Outcome<()> {
    let folder = tempfile::tempdir().map_err(Failure::to("make a temporary folder"))?;
    let store = Store::open(&folder.path().join("claims.db"), options());
    let store = store.map_err(Failure::to("open the database"))?;
    let mut disk = Disk::new(folder.path())?;
    let (mut before, mut after) = (Times::default(), Times::default());
    disk.sync(20, &mut before)?;
    let (taken, took) = Office::over(store, CLAIMED, 0).await?.drain(16).await?;
    disk.sync(20, &mut after)?;
    let rate = taken as f64 / took.as_secs_f64();
    let shown = format!(
        "{rate:.0}/s; sync before {}, after {}",
        before.shown(),
        after.shown()
    );
    let target = Target::of("5000/s", rate >= 5_000.0);
    table.push(Row::new("claims, 16 at a time", shown, target));
    Ok(())
}

fn options() -> OpenOptions {
    OpenOptions::write(Timestamp::from_micros(1_767_225_600_000_000))
}

/// What one of the two has done so far.
#[derive(Default)]
struct Side {
    passed: u64,
    processor_time: Duration,
}

impl Side {
    fn add(&mut self, passed: u64, since: Duration) -> Outcome<()> {
        self.passed += passed;
        self.processor_time += machine::processor_time(std::process::id())? - since;
        Ok(())
    }

    fn per_second(&self) -> f64 {
        self.passed as f64 / (TIME * ROUNDS).as_secs_f64()
    }

    fn micros_each(&self) -> f64 {
        self.processor_time.as_secs_f64() * 1e6 / self.passed as f64
    }
}

/// The store and the loop take turns, each on a database of its own.
async fn case(tasks: usize, what: &'static str, least: f64, table: &mut Table) -> Outcome<()> {
    let folder = tempfile::tempdir().map_err(Failure::to("make a temporary folder"))?;
    let mut sync = Times::default();
    let mut disk = Disk::new(folder.path())?;
    let mut office = Office::open(&folder.path().join("ours.db"), tasks).await?;
    let copy = Office::open(&folder.path().join("bare.db"), tasks).await?;
    let mut bare = bare::Loop::take_over(&folder.path().join("bare.db"), copy)?;
    let before = office.store.counters();
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for _ in 0..ROUNDS {
        disk.sync(20, &mut sync)?;
        let since = machine::processor_time(std::process::id())?;
        theirs.add(bare.work(TIME)?, since)?;
        let since = machine::processor_time(std::process::id())?;
        ours.add(office.work(TIME).await?, since)?;
    }
    let mut after = Times::default();
    disk.sync(20, &mut after)?;
    let counters = office.store.counters();
    let each = |now: u64, before: u64| (now - before) as f64 / ours.passed as f64;
    let counted = format!(
        "{:.1} statements, {:.3} syncs, {:.0} bytes each; sync {}, after {}",
        each(counters.statements, before.statements),
        each(counters.transactions, before.transactions),
        each(counters.bytes, before.bytes),
        sync.shown(),
        after.shown(),
    );
    tell(what, least, &counted, [&ours, &theirs], table);
    Ok(())
}

fn tell(what: &'static str, least: f64, counted: &str, sides: [&Side; 2], table: &mut Table) {
    let [rate, bare_rate] = sides.map(Side::per_second);
    let target = Target::of(format!("{least:.0}/s"), rate >= least);
    table.push(
        Row::new(what, format!("{rate:.0}/s; {counted}"), target)
            .beside(format!("{bare_rate:.0}/s"), rate / bare_rate),
    );
    let [each, bare_each] = sides.map(Side::micros_each);
    let what = "processor time of such a boundary";
    table.push(
        Row::new(what, format!("{each:.0} µs"), Target::None)
            .beside(format!("{bare_each:.0} µs"), each / bare_each),
    );
}
