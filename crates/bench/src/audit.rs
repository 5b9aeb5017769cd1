//! How long a search in the audit log takes when it holds a million events, beside a look-up of one
//! task's records in the same run.

mod filled;

use crate::failure::{Failure, Outcome};
use crate::table::{Row, Table, Target, Times, ms};
use filled::{EVENTS, Log, NEEDLE_FAR, NEEDLE_NEAR};
use std::time::{Duration, Instant};
use wardroom_domain::{AuditKind, RiskTier, Timestamp};
use wardroom_store::{AuditFilter, ChainScope, Page};

/// How often each search is made; the longest ones read a million bodies each time.
const ROUNDS: usize = 15;
const ROUNDS_LONG: usize = 1;
/// What a person who waits for a page does not notice as a hitch, for one answer.
const TARGET: Duration = Duration::from_millis(300);

pub async fn measure(table: &mut Table) -> Outcome<()> {
    let folder = tempfile::tempdir().map_err(Failure::to("make a temporary folder"))?;
    let log = Log::on_sqlite(&folder.path().join("audit.db")).await?;
    searches(&log, "SQLite", table).await?;
    if std::env::var_os("WARDROOM_TEST_POSTGRES").is_none() {
        eprintln!("not measured on PostgreSQL: WARDROOM_TEST_POSTGRES names no server");
        return Ok(());
    }
    let log = Log::on_postgres().await?;
    searches(&log, "PostgreSQL", table).await
}

/// One kind of search, and how often it is made.
struct Case {
    what: &'static str,
    filter: AuditFilter,
    rounds: usize,
}

fn case(what: &'static str, change: impl FnOnce(&mut AuditFilter)) -> Case {
    let mut filter = AuditFilter::default();
    change(&mut filter);
    let is_long = filter.words.is_some() || (filter.kind.is_some() && filter.actor.is_some());
    Case {
        what,
        filter,
        rounds: if is_long { ROUNDS_LONG } else { ROUNDS },
    }
}

fn cases(log: &Log) -> Vec<Case> {
    let words = |text: &str| Some(text.to_owned());
    vec![
        case("the newest page", |_| {}),
        case("a page from the middle", |filter| {
            filter.to = Some(Timestamp::from_micros(filled::at(EVENTS / 2)));
        }),
        case("one kind", |filter| {
            filter.kind = Some(AuditKind::ApprovalDecided)
        }),
        case("one person", |filter| {
            filter.actor = Some(log.member.to_string())
        }),
        case("the highest tier", |filter| {
            filter.tier = Some(RiskTier::L3Privileged)
        }),
        case("a kind and a person who never did that", |filter| {
            filter.kind = Some(AuditKind::ModelCalled);
            filter.actor = Some(log.member.to_string());
        }),
        case("the chain of the org", |filter| filter.chain = words("org")),
        case("words among the newest", |filter| {
            filter.words = words(NEEDLE_NEAR)
        }),
        case("words among the oldest", |filter| {
            filter.words = words(NEEDLE_FAR)
        }),
        case("words that are nowhere", |filter| {
            filter.words = words("nowhere at all")
        }),
        case("a member's own page", |filter| {
            filter.scope = ChainScope::Of(log.member)
        }),
        case("the own page of one who was away long", |filter| {
            filter.scope = ChainScope::Of(log.absent);
        }),
        case("a member's own words that are nowhere", |filter| {
            filter.scope = ChainScope::Of(log.member);
            filter.words = words("nowhere at all");
        }),
    ]
}

async fn searches(log: &Log, engine: &str, table: &mut Table) -> Outcome<()> {
    let plain = AuditFilter {
        task: Some(log.task),
        ..AuditFilter::default()
    };
    for Case {
        what,
        filter,
        rounds,
    } in cases(log)
    {
        let (mut lookups, mut answers, mut wholes) =
            (Times::default(), Times::default(), Times::default());
        let mut count = 0;
        for _ in 0..rounds {
            search(log, &plain, &mut lookups).await?;
            let begun = Instant::now();
            count = search(log, &filter, &mut answers).await?;
            wholes.push(begun.elapsed());
        }
        let [median, tail] = [50, 95].map(|hundredths| answers.percentile(hundredths));
        let shown = format!(
            "p50 {}, p95 {} an answer; {count} to the end or a full page, {}",
            ms(median),
            ms(tail),
            ms(wholes.median())
        );
        let base = lookups.median();
        let ratio = median.as_secs_f64() / base.as_secs_f64().max(f64::EPSILON);
        let target = Target::of(format!("p95 {} an answer", ms(TARGET)), tail <= TARGET);
        let row = Row::new(what, format!("{engine}: {shown}"), target);
        table.push(row.beside(format!("one task's records {}", ms(base)), ratio));
    }
    Ok(())
}

/// Goes on until the page is full or the log ends, as the portal does. Says how many answers it took.
async fn search(log: &Log, filter: &AuditFilter, times: &mut Times) -> Outcome<usize> {
    let mut page = Page {
        limit: Some(100),
        cursor: None,
    };
    let mut count = 0;
    loop {
        let begun = Instant::now();
        let found = log.store.audit_events(log.org, filter, &page).await;
        let found = found.map_err(Failure::to("search the audit log"))?;
        times.push(begun.elapsed());
        count += 1;
        if found.searched_to.is_none() {
            return Ok(count);
        }
        page.cursor = found.next_cursor;
    }
}
