//! What a turn costs, alone and among eight.

use crate::disk::Disk;
use crate::failure::{Failure, Outcome};
use crate::site::{Site, Talker};
use crate::table::{Row, Table, Target, Times, mib, ms};
use crate::{durable, machine};
use std::path::Path;
use std::time::{Duration, Instant};
use wardroom_domain::ConversationId;

/// Rounds of turns: few enough of each kind that all kinds see the same weather.
const ROUNDS: usize = 10;
const TURNS_PER_ROUND: usize = 20;
/// What a turn may cost beyond the model and two syncs.
const OVERHEAD_MAX: Duration = Duration::from_millis(1);
const TALKERS: usize = 8;
const THROUGHPUT_MIN: f64 = 450.0;
const THROUGHPUT_ROUNDS: usize = 4;
const THROUGHPUT_TIME: Duration = Duration::from_secs(3);
const PROMPT_BYTES_MAX: usize = 4096;
const MEMORY_MAX: u64 = 25 * 1024 * 1024;
const IDLE: Duration = Duration::from_secs(5);

pub async fn measure(binary: &Path, table: &mut Table) -> Outcome<()> {
    let mut site = Site::start(binary).await?;
    let prompt = site.prompt.len();
    table.push(Row::new(
        "prompt for \"hi\"",
        format!("{prompt} B"),
        Target::of("4096 B", prompt <= PROMPT_BYTES_MAX),
    ));
    tokio::time::sleep(IDLE).await;
    memory("memory, idle for 5 s", &site, table)?;
    latency(&site, table).await?;
    tokio::time::sleep(IDLE).await;
    memory("memory, after 200 turns and 5 s", &site, table)?;
    let talks = throughput(&site, table).await?;
    memory("memory, right after the throughput", &site, table)?;
    durable::check(&mut site, &talks, table).await
}

fn memory(what: &'static str, site: &Site, table: &mut Table) -> Outcome<()> {
    let ours = machine::memory(site.world.pid())?;
    let bare = machine::memory(site.bare.pid())?;
    let measured = format!(
        "{} resident ({} proportional, {} anonymous), {} threads",
        mib(ours.resident_bytes),
        mib(ours.proportional_bytes),
        mib(ours.anonymous_bytes),
        machine::threads(site.world.pid()),
    );
    let is_met = ours.resident_bytes <= MEMORY_MAX;
    let row = Row::new(what, measured, Target::of("25 MiB resident", is_met));
    let ratio = ours.resident_bytes as f64 / bare.resident_bytes as f64;
    table.push(row.beside(mib(bare.resident_bytes), ratio));
    Ok(())
}

#[derive(Default)]
struct Latency {
    sync: Times,
    model: Times,
    bare: Times,
    ours: Times,
}

async fn latency(site: &Site, table: &mut Table) -> Outcome<()> {
    let mut disk = Disk::new(site.world.folder())?;
    let (mut ours, mut bare) = (site.talker()?, site.bare_talker()?);
    // The first round opens connections and warms caches, and is forgotten.
    round(
        site,
        &mut disk,
        &mut ours,
        &mut bare,
        &mut Latency::default(),
    )
    .await?;
    let mut seen = Latency::default();
    let before = Counted::now(site).await?;
    for _ in 0..ROUNDS {
        round(site, &mut disk, &mut ours, &mut bare, &mut seen).await?;
    }
    let counted = Counted::now(site).await?.since(&before);
    let turns = ROUNDS * TURNS_PER_ROUND;
    let (p50, model, sync) = (seen.ours.median(), seen.model.median(), seen.sync.median());
    table.push(Row::new("sync of 4 KiB", seen.sync.shown(), Target::None));
    table.push(Row::new(
        "the model alone",
        seen.model.shown(),
        Target::None,
    ));
    table.push(Row::new("a turn", seen.ours.shown(), Target::None).beside(
        seen.bare.shown(),
        p50.as_secs_f64() / seen.bare.median().as_secs_f64(),
    ));
    let (cost, budget) = (p50.saturating_sub(model), 2 * sync + OVERHEAD_MAX);
    table.push(Row::new(
        "a turn above the model",
        ms(cost),
        Target::of(format!("2 × sync + 1 ms = {}", ms(budget)), cost <= budget),
    ));
    counted.tell(turns, table);
    Ok(())
}

async fn round(
    site: &Site,
    disk: &mut Disk,
    ours: &mut Talker,
    bare: &mut Talker,
    seen: &mut Latency,
) -> Outcome<()> {
    for _ in 0..TURNS_PER_ROUND {
        disk.sync(1, &mut seen.sync)?;
        seen.ours.push(ours.turn().await?);
        seen.bare.push(bare.turn().await?);
        seen.model.push(site.ask_model().await?);
    }
    Ok(())
}

/// What the product counts, and what the kernel counts of both.
struct Counted {
    commits: u64,
    transactions: u64,
    ours: Duration,
    bare: Duration,
}

impl Counted {
    async fn now(site: &Site) -> Outcome<Self> {
        Ok(Self {
            commits: site.counter("wardroom_store_commits_total ").await?,
            transactions: site.counter("wardroom_store_transactions_total ").await?,
            ours: machine::processor_time(site.world.pid())?,
            bare: machine::processor_time(site.bare.pid())?,
        })
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            commits: self.commits - before.commits,
            transactions: self.transactions - before.transactions,
            ours: self.ours - before.ours,
            bare: self.bare - before.bare,
        }
    }

    fn tell(&self, turns: usize, table: &mut Table) {
        let each = |count: u64| count as f64 / turns as f64;
        // The signed anchor of the audit log, every other second, is among them.
        table.push(Row::new(
            "commits per turn, anchors included",
            format!("{:.2}", each(self.commits)),
            Target::of("2", each(self.commits).round() <= 2.0),
        ));
        let (ours, bare) = (self.ours / turns as u32, self.bare / turns as u32);
        table.push(
            Row::new("processor time of a turn", ms(ours), Target::None)
                .beside(ms(bare), ours.as_secs_f64() / bare.as_secs_f64()),
        );
    }
}

/// Turns per second of eight conversations at once, ours and the bare handler's by turns.
async fn throughput(site: &Site, table: &mut Table) -> Outcome<Vec<(ConversationId, usize)>> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..TALKERS {
        ours.push(site.talker()?);
        bare.push(site.bare_talker()?);
    }
    let before = Counted::now(site).await?;
    let (mut our_turns, mut bare_turns) = (0, 0);
    let mut times = Times::default();
    for _ in 0..THROUGHPUT_ROUNDS {
        let (talkers, count) = rush(bare, &mut Times::default()).await?;
        (bare, bare_turns) = (talkers, bare_turns + count);
        let (talkers, count) = rush(ours, &mut times).await?;
        (ours, our_turns) = (talkers, our_turns + count);
    }
    let counted = Counted::now(site).await?.since(&before);
    let seconds = THROUGHPUT_TIME.as_secs_f64() * THROUGHPUT_ROUNDS as f64;
    let (rate, bare_rate) = (our_turns as f64 / seconds, bare_turns as f64 / seconds);
    table.push(
        Row::new(
            "turns of 8 conversations at once",
            format!("{rate:.0}/s, {}", times.shown()),
            Target::of("450/s", rate >= THROUGHPUT_MIN),
        )
        .beside(format!("{bare_rate:.0}/s"), rate / bare_rate),
    );
    let syncs = counted.transactions as f64 / our_turns as f64;
    table.push(Row::new(
        "syncs per turn among 8",
        format!("{syncs:.2}"),
        Target::None,
    ));
    let each = counted.ours / our_turns as u32;
    let bare_each = counted.bare / bare_turns as u32;
    table.push(
        Row::new("processor time of a turn among 8", ms(each), Target::None)
            .beside(ms(bare_each), each.as_secs_f64() / bare_each.as_secs_f64()),
    );
    Ok(ours.into_iter().flat_map(|talker| talker.talks).collect())
}

/// All talk at once until time is up. Answers them, and how many turns they had.
async fn rush(talkers: Vec<Talker>, times: &mut Times) -> Outcome<(Vec<Talker>, usize)> {
    let until = Instant::now() + THROUGHPUT_TIME;
    let talking: Vec<_> = talkers
        .into_iter()
        .map(|mut talker| {
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < until {
                    times.push(talker.turn().await?);
                }
                Ok::<_, Failure>((talker, times))
            })
        })
        .collect();
    let (mut back, mut turns) = (Vec::new(), 0);
    for talk in talking {
        let (talker, took) = talk.await.map_err(Failure::to("talk"))??;
        turns += took.len();
        took.into_iter().for_each(|time| times.push(time));
        back.push(talker);
    }
    Ok((back, turns))
}
