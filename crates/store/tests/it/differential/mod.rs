//! One store in memory, written down as plainly as it can be, and the real engines beside it: under
//! the same random operations all answer the same and stand the same.
//!
//! A failure names its seed; `WARDROOM_DIFFERENTIAL=seed` plays it alone, and
//! `WARDROOM_DIFFERENTIAL_SEEDS=n` plays so many.

mod oracle;
mod deed;

use crate::place::Place;
use crate::world::at;
use deed::{Deed, Players};
use oracle::Oracle;
use std::collections::{BTreeMap, BTreeSet};
use wardroom_domain::*;
use wardroom_store::*;

/// How many operations one seed plays.
const DEEDS: u32 = 400;

/// What every kind of operation must have been answered at least once, over all seeds.
const ANSWERS: &[(&str, &[&str])] = &[
    ("create", &["done", "Exists"]),
    ("claim", &["done"]),
    ("claim_one", &["done", "NotFound"]),
    ("save", &["done", "Fenced", "IllegalMove", "NotFound"]),
    ("release", &["done", "Fenced", "NotFound"]),
    ("hold", &["done", "Fenced", "NotFound"]),
    ("mail", &["done", "NotFound"]),
    ("read", &["done"]),
    ("intend", &["done", "Exists", "Fenced", "NotFound"]),
    ("settle", &["done", "Fenced", "NotFound"]),
    ("ask", &["done", "Exists", "Dangling"]),
    (
        "decide",
        &[
            "done",
            "AlreadyDecided",
            "Expired",
            "DigestMismatch",
            "NotFound",
        ],
    ),
    ("spend", &["done", "NotApproved", "Spent", "NotFound"]),
    ("admit", &["done", "Duplicate"]),
    ("answer", &["done", "NotFound"]),
    ("post", &["done"]),
    ("sent", &["done", "NotFound"]),
    ("failed", &["done", "NotFound"]),
    ("dropped", &["done", "NotFound"]),
    ("restart", &["done"]),
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Every engine that there is here, with a name.
struct Engines {
    _folder: tempfile::TempDir,
    place: Option<Place>,
    stores: Vec<(&'static str, Store)>,
    file: std::path::PathBuf,
}

impl Engines {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wardroom.db");
        let place = (!Place::HAS_ONE_WRITER).then(|| Place::fresh(folder.path()));
        let mut engines = Self {
            _folder: folder,
            place,
            stores: Vec::new(),
            file,
        };
        engines.reopen();
        engines
    }

    /// What a restart of the process does.
    fn reopen(&mut self) {
        for (_, store) in self.stores.drain(..) {
            store.close();
        }
        let options = OpenOptions::write(at(0));
        self.stores
            .push(("SQLite", Store::open(&self.file, options).unwrap()));
        if let Some(place) = &self.place {
            self.stores
                .push(("PostgreSQL", place.open(options).unwrap()));
        }
    }
}

/// What somebody sees of a task and all that belongs to it.
async fn seen(store: &Store, org: OrgId, players: &Players) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for &task in &players.tasks {
        if let Some(row) = store.task(org, task).await.unwrap() {
            let line = format!(
                "{} {} {} {}",
                row.task.status, row.fence, row.ver, row.is_claimed
            );
            seen.insert(format!("task {task}"), line);
            let mail = store.signals(org, task).await.unwrap();
            let mail: Vec<i64> = mail.iter().map(|letter| letter.seq).collect();
            seen.insert(format!("mail {task}"), format!("{mail:?}"));
            let journal = store.journal(org, task, 0).await.unwrap();
            let facts: Vec<_> = journal.iter().map(|fact| (fact.seq, fact.fence)).collect();
            seen.insert(format!("journal {task}"), format!("{facts:?}"));
            for effect in store.effects(org, task).await.unwrap() {
                let line = format!("{} {}", effect.state, effect.fence);
                seen.insert(format!("effect {}", effect.effect.id), line);
            }
        }
    }
    for &question in &players.questions {
        if let Some(row) = store.approval(org, question).await.unwrap() {
            let decision = row.approval.decision.map(|decision| decision.to_string());
            let line = format!("{decision:?} {}", row.spent_at.is_some());
            seen.insert(format!("question {question}"), line);
        }
    }
    let pending = store.inbox_pending(org).await.unwrap();
    let mut pending: Vec<_> = pending
        .into_iter()
        .map(|row| row.inbound.external_id)
        .collect();
    pending.sort();
    seen.insert("inbox".to_owned(), format!("{pending:?}"));
    let heads = store.outbox_heads(org, at(50), 100).await.unwrap();
    let heads: Vec<_> = heads
        .iter()
        .map(|row| (row.outbox.id, row.attempts))
        .collect();
    seen.insert("outbox".to_owned(), format!("{heads:?}"));
    let ready = store.ready_count(org, at(50)).await.unwrap();
    seen.insert("ready".to_owned(), ready.to_string());
    seen
}

/// Plays one seed, and counts what was answered to what.
async fn play(seed: u64, answers: &mut BTreeSet<(&'static str, String)>) {
    let mut engines = Engines::open();
    let mut players = Players::new(seed);
    for (_, store) in &engines.stores {
        players.come_in(store).await;
    }
    let mut oracle = Oracle::new(Players::new(seed));
    for turn in 0..DEEDS {
        let deed = players.next(&oracle);
        let expected = oracle.answer(&deed);
        answers.insert((
            deed.name(),
            expected.split(' ').next().unwrap_or_default().to_owned(),
        ));
        if matches!(deed, Deed::Restart) {
            engines.reopen();
            continue;
        }
        for (name, store) in &engines.stores {
            let answer = deed.ask(store, &players).await;
            assert_eq!(
                answer, expected,
                "{name}, seed {seed}, turn {turn}: {deed:?}"
            );
        }
        if turn % 40 == 39 {
            for (name, store) in &engines.stores {
                let seen = seen(store, players.org, &players).await;
                assert_eq!(seen, oracle.seen(), "{name}, seed {seed}, turn {turn}");
            }
        }
    }
    for (name, store) in &engines.stores {
        let examined = store.examine(&Outside::default(), None).unwrap();
        let broken = examined.broken.iter().filter(|broken| is_of_rows(broken));
        assert_eq!(
            broken.collect::<Vec<_>>(),
            Vec::<&Broken>::new(),
            "{name}, seed {seed}"
        );
    }
}

/// What holds whoever writes: random hands keep to no journal's words and leave tasks asleep.
fn is_of_rows(broken: &Broken) -> bool {
    matches!(
        broken.invariant,
        Invariant::FencesRise | Invariant::ChainsWhole | Invariant::OneTenant
    )
}

#[tokio::test]
async fn the_oracle_and_the_engines_answer_and_stand_the_same() {
    let mut answers = BTreeSet::new();
    if let Some(seed) = number("WARDROOM_DIFFERENTIAL") {
        return play(seed, &mut answers).await;
    }
    let seeds = number("WARDROOM_DIFFERENTIAL_SEEDS").unwrap_or(u64::from(Place::PLAYS) / 3);
    for seed in 0..seeds {
        play(seed, &mut answers).await;
    }
    if !Place::HAS_ONE_WRITER {
        // One seed beside a slow server; what must have been answered is counted on SQLite.
        return;
    }
    for (name, wanted) in ANSWERS {
        for answer in *wanted {
            let was_seen = answers.contains(&(*name, (*answer).to_owned()));
            assert!(was_seen, "nothing was ever answered {answer:?} to `{name}`");
        }
    }
}
