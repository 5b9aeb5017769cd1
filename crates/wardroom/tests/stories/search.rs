//! A long audit log: every search and every page of it, over HTTP, from the real server.
//!
//! The log is filled beside the server, for nobody waits for a million messages; its chains do not
//! hold together, and nothing here verifies them. `WARDROOM_AUDIT_EVENTS=1000000` makes it as long
//! as the figure in `docs/portal.md` says.

use crate::govern::get;
use crate::{laptop, world};
use serde_json::Value;
use std::time::{Duration, Instant};
use wardroom_testkit::world::World;

/// So long that reading all of it for a page would show, so short that a test can fill it.
const EVENTS: i64 = 60_000;
/// Slower than this is no index: these machines are noisy.
const PAGE_MAX: Duration = Duration::from_secs(3);
/// Begins in 2023, an event every second.
const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
    INSERT INTO audit (org, chain, seq, at, kind, actor, tier, body, body_digest, prev_hash, hash) \
    SELECT (SELECT org FROM audit LIMIT 1), printf('task_%026d', i / 10), i % 10 + 1, \
        1700000000000000 + i * 1000000, \
        CASE WHEN i % 20011 = 7 THEN 'effect.in_doubt' WHEN i % 3 = 0 THEN 'model.called' \
             WHEN i % 3 = 1 THEN 'effect.intended' ELSE 'effect.settled' END, \
        CASE WHEN i % 30011 = 9 THEN 'user_rare' WHEN i % 2 = 0 THEN 'model' ELSE printf('user_%026d', i % 200) END, \
        CASE WHEN i % 25013 = 5 THEN 'L3_PRIVILEGED' WHEN i % 5 = 0 THEN 'L1_MUTATING' END, \
        json_object('title', 'task number ' || i, 'note', CASE i WHEN 1234 THEN 'a Quixotic one' ELSE 'one of many' END), \
        zeroblob(32), zeroblob(32), zeroblob(32) FROM n";

fn fill(world: &World, events: i64) {
    let path = world.data().join("wardroom.db");
    let database = rusqlite::Connection::open(path).expect("the database");
    let added = database.execute(FILL, [events]).expect("the events");
    assert_eq!(i64::try_from(added), Ok(events));
}

/// A page, and how long it took.
fn page(world: &World, token: &str, query: &str) -> (Value, Duration) {
    let began = Instant::now();
    let answer = get(world, &format!("/v1/audit-events?limit=100{query}"), token);
    let took = began.elapsed();
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    (answer.json(), took)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_audit_log_is_searched_and_paged_without_a_hitch() {
    let mut world = world(laptop()).await;
    world.owner().says("hello", None).await;
    world.stop();
    let wished = std::env::var("WARDROOM_AUDIT_EVENTS").ok();
    let events = wished.and_then(|it| it.parse().ok()).unwrap_or(EVENTS);
    fill(&world, events);
    world.up();
    let token = world.token("owner");
    page(&world, &token, "");
    for (query, least) in [
        ("", 100),
        ("&since=2023-11-14T22:20:00Z&until=2023-11-14T22:21:00Z", 60),
        ("&actor=user_rare", 1),
        ("&actor=user_nobody", 0),
        ("&kind=effect.in_doubt", 1),
        ("&kind=emergency.changed", 0),
        ("&tier=L3_PRIVILEGED", 1),
        ("&tier=L1_MUTATING&kind=model.called", 100),
        ("&chain=task_00000000000000000000000007", 10),
        ("&words=task%20number%205", 100),
        ("&words=quixotic&until=2023-11-15T00:00:00Z", 1),
    ] {
        let (found, took) = page(&world, &token, query);
        let rows = found["events"].as_array().map_or(0, Vec::len);
        println!(
            "{rows:4} of {events} in {:7.1} ms  {query}",
            took.as_secs_f64() * 1000.0
        );
        assert!(rows >= least && (least > 0 || rows == 0), "{query}: {rows}");
        assert!(took < PAGE_MAX, "{query} took {took:?}");
    }
    // Twenty pages, one after another: each goes on where the last one ended.
    let (mut cursor, mut seen, mut longest) = (String::new(), 0, Duration::ZERO);
    for _ in 0..20 {
        let query = match cursor.as_str() {
            "" => String::new(),
            cursor => format!("&cursor={cursor}"),
        };
        let (found, took) = page(&world, &token, &query);
        seen += found["events"].as_array().map_or(0, Vec::len);
        longest = longest.max(took);
        cursor = found["next_cursor"].as_str().expect("more").to_owned();
    }
    println!(
        "twenty pages: the longest took {:.1} ms",
        longest.as_secs_f64() * 1000.0
    );
    assert_eq!(seen, 2000);
    assert!(longest < PAGE_MAX, "{longest:?}");
    // A word that is nowhere is looked for everywhere: each answer says how far it came.
    let (mut cursor, mut answers, mut longest) = (String::new(), 0, Duration::ZERO);
    loop {
        let query = format!("&words=nowhere-to-be-found{cursor}");
        let (found, took) = page(&world, &token, &query);
        assert_eq!(found["events"].as_array().map(Vec::len), Some(0));
        (answers, longest) = (answers + 1, longest.max(took));
        match found["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        assert!(found["searched_to"].is_string(), "{found}");
    }
    println!(
        "a word that is nowhere: {answers} answers, the longest after {:.0} ms",
        longest.as_secs_f64() * 1000.0
    );
    assert!(answers > 1, "it was read in one piece");
    assert!(longest < PAGE_MAX, "{longest:?}");
}
