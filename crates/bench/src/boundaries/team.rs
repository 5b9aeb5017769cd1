//! The same on PostgreSQL, where a server is named: `WARDROOM_TEST_POSTGRES=postgres://me@host:port`.

use super::busy::Office;
use super::{CLAIMED, TIME, options};
use crate::failure::{Failure, Outcome};
use crate::table::{Row, Table, Target};
use wardroom_store::Store;
use wardroom_testkit::postgres::Database;

pub async fn measure(table: &mut Table) -> Outcome<()> {
    if std::env::var_os("WARDROOM_TEST_POSTGRES").is_none() {
        eprintln!("not measured on PostgreSQL: WARDROOM_TEST_POSTGRES names no server");
        return Ok(());
    }
    let database = Database::fresh();
    let mut office = Office::over(connect(&database)?, 64, 64).await?;
    let before = office.store.counters();
    let passed = office.work(TIME).await?;
    let counters = office.store.counters();
    let each = |now: u64, before: u64| (now - before) as f64 / passed as f64;
    let rate = passed as f64 / TIME.as_secs_f64();
    let shown = format!(
        "{rate:.0}/s; {:.1} statements, {:.0} bytes each",
        each(counters.statements, before.statements),
        each(counters.bytes, before.bytes)
    );
    let target = Target::of("5000/s", rate >= 5_000.0);
    table.push(Row::new(
        "boundaries of 64 busy tasks on PostgreSQL",
        shown,
        target,
    ));
    office.store.close();
    let database = Database::fresh();
    let office = Office::over(connect(&database)?, CLAIMED, 0).await?;
    let (taken, took) = office.drain(16).await?;
    let rate = taken as f64 / took.as_secs_f64();
    let target = Target::of("5000/s", rate >= 5_000.0);
    let what = "claims on PostgreSQL, 16 at a time";
    table.push(Row::new(what, format!("{rate:.0}/s"), target));
    office.store.close();
    Ok(())
}

fn connect(database: &Database) -> Outcome<Store> {
    let url = database.url();
    let connect = move || Store::connect(&url, options());
    // It blocks, and brings a runtime of its own.
    let joined = std::thread::spawn(connect).join();
    let store = joined.map_err(|_| Failure::new("the store's thread died"))?;
    store.map_err(Failure::to("connect to PostgreSQL"))
}
