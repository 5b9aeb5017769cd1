//! `wardroom audit`: what happened, and whether the record of it is whole.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::office::open_to_read;
use crate::output::{columns, print};
use crate::place::Place;
use crate::terminal::{clipped, size, style, visible};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;
use wardroom_api::audit::{AuditEvent, AuditEventList, AuditFilter};
use wardroom_domain::{AuditKind, RiskTier, TaskId, Timestamp};
use wardroom_store::{AuditVerifier, ChainScope, Page, VerifyReport, verify_export};

/// Read and check the audit log
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check every chain; names the first broken record
    Verify {
        /// Check an export instead of the database
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The public key to check it with [default: DIR/audit.pub]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    List(List),
    /// Write the whole log as JSON lines that anybody can check who has the public key
    Export {
        /// Write here instead of stdout
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

/// List events, newest first
#[derive(Debug, Args)]
pub struct List {
    /// Only the chain of this task
    #[arg(long, value_parser = TaskId::parse)]
    task: Option<TaskId>,
    /// Only this kind, such as approval.decided
    #[arg(long, value_parser = kind)]
    kind: Option<AuditKind>,
    /// Only what this actor did
    #[arg(long)]
    actor: Option<String>,
    /// Only this tier, such as L2
    #[arg(long, value_parser = tier)]
    tier: Option<RiskTier>,
    /// Only with these words in it
    #[arg(long)]
    words: Option<String>,
    /// Only at or after this time (RFC 3339)
    #[arg(long, value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before this time (RFC 3339)
    #[arg(long, value_parser = moment)]
    until: Option<Timestamp>,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// The `next_cursor` of the list before
    #[arg(long)]
    cursor: Option<String>,
}

fn kind(text: &str) -> Result<AuditKind, String> {
    AuditKind::parse(text).ok_or_else(|| {
        let words = AuditKind::ALL
            .iter()
            .map(|kind| kind.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        format!("it is one of {words}")
    })
}

pub fn tier(text: &str) -> Result<RiskTier, String> {
    RiskTier::parse(text).ok_or_else(|| "it is one of L0, L1, L2, L3".to_owned())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "write it like 2026-01-31T08:00:00Z".to_owned())
}

/// What `audit verify --json` prints.
#[derive(Serialize)]
struct Verified {
    intact: bool,
    chains: u64,
    events: u64,
    anchors: u64,
    first_bad: Option<Bad>,
}

#[derive(Serialize)]
struct Bad {
    chain: String,
    seq: i64,
    what: String,
}

impl Audit {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        match self {
            Self::Verify { file, key } => verify(place, file, key),
            Self::List(list) => list.run(place),
            Self::Export { to } => export(place, to),
        }
    }
}

/// The record is checked where it lies; a server would only be one more thing to trust.
fn verify(place: &Place, file: Option<PathBuf>, key: Option<PathBuf>) -> Result<Exit, Failure> {
    let config = place.config()?;
    let key = key.unwrap_or_else(|| config.audit_key_path().with_extension("pub"));
    let report = match file {
        Some(path) => {
            let file = std::fs::File::open(&path).map_err(|error| {
                Failure::caused(format!("{} cannot be read", path.display()), &error, "")
            })?;
            verify_export(&mut BufReader::new(file), &AuditVerifier::load(&key)?)?
        }
        None => open_to_read(&config)?.audit_verify(&AuditVerifier::load(&key)?)?,
    };
    let is_intact = report.first_bad.is_none();
    print(place.json, &verified(report), sentence)?;
    Ok(if is_intact { Exit::Done } else { Exit::Refused })
}

fn verified(report: VerifyReport) -> Verified {
    let first_bad = report.first_bad;
    Verified {
        intact: first_bad.is_none(),
        chains: report.chains,
        events: report.events,
        anchors: report.anchors,
        first_bad: first_bad.map(|bad| Bad {
            chain: bad.chain,
            seq: bad.seq,
            what: bad.what,
        }),
    }
}

fn sentence(verified: &Verified) -> String {
    let (good, bad) = (style::GOOD, style::BAD);
    match &verified.first_bad {
        None => format!(
            "{good}intact{good:#}: {} events in {} chains under {} anchors",
            verified.events, verified.chains, verified.anchors
        ),
        Some(first) => format!(
            "{bad}broken{bad:#}: record {} of chain {}: {}",
            first.seq,
            visible(&first.chain),
            visible(&first.what)
        ),
    }
}

impl List {
    fn run(self, place: &Place) -> Result<Exit, Failure> {
        let list = block_on(self.search(place))?;
        print(place.json, &list, table)?;
        Ok(Exit::Done)
    }

    /// A search that ends before its page is full goes on; whoever has seen enough stops it.
    async fn search(&self, place: &Place) -> Result<AuditEventList, Failure> {
        let mut asked = self.filter();
        let mut list = self.page(place, &asked).await?;
        while list.searched_to.is_some() && list.events.len() < self.limit as usize {
            asked.cursor = list.next_cursor.take();
            asked.limit = Some(self.limit - list.events.len() as u32);
            let page = self.page(place, &asked).await?;
            list.events.extend(page.events);
            list.next_cursor = page.next_cursor;
            list.searched_to = page.searched_to;
        }
        Ok(list)
    }

    async fn page(&self, place: &Place, asked: &AuditFilter) -> Result<AuditEventList, Failure> {
        match place.is_remote() {
            true => Ok(place.client()?.audit_events(asked).await?),
            false => read(place, asked).await,
        }
    }

    fn filter(&self) -> AuditFilter {
        AuditFilter {
            task: self.task,
            kind: self.kind,
            actor: self.actor.clone(),
            tier: self.tier,
            since: self.since,
            until: self.until,
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
            chain: None,
            words: self.words.clone(),
        }
    }
}

async fn read(place: &Place, asked: &AuditFilter) -> Result<AuditEventList, Failure> {
    let store = open_to_read(&place.config()?)?;
    let Some(org) = store.org_named(wardroom_server::config::ORG_NAME).await? else {
        return Ok(AuditEventList {
            events: Vec::new(),
            next_cursor: None,
            searched_to: None,
        });
    };
    let filter = wardroom_store::AuditFilter {
        scope: ChainScope::Everything,
        chain: None,
        from: asked.since,
        to: asked.until,
        actor: asked.actor.clone(),
        task: asked.task,
        kind: asked.kind,
        tier: asked.tier,
        words: asked.words.clone(),
    };
    let page = Page {
        limit: asked.limit,
        cursor: asked.cursor.clone(),
    };
    let found = store.audit_events(org, &filter, &page).await?;
    let events = found.items.into_iter().map(AuditEvent::from).collect();
    Ok(AuditEventList {
        events,
        next_cursor: found.next_cursor,
        searched_to: found.searched_to,
    })
}

fn table(list: &AuditEventList) -> String {
    let rest = size().0.saturating_sub(80).max(24);
    let rows: Vec<_> = list
        .events
        .iter()
        .map(|event| {
            vec![
                event.at.to_string(),
                event.kind.to_string(),
                visible(&event.actor).into_owned(),
                event.tier.map_or("-".to_owned(), |tier| tier.to_string()),
                clipped(&event.body.to_string(), rest),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => "No events.".to_owned(),
        false => columns(&["AT", "WHAT", "WHO", "TIER", "FACTS"], &rows),
    }
}

fn export(place: &Place, to: Option<PathBuf>) -> Result<Exit, Failure> {
    let store = open_to_read(&place.config()?)?;
    let unwritable = |error: std::io::Error| {
        Failure::caused(
            "the export cannot be written",
            &error,
            "Name a new file with --to FILE.",
        )
    };
    let mut out: Box<dyn Write> = match &to {
        Some(path) => Box::new(BufWriter::new(
            std::fs::File::create_new(path).map_err(unwritable)?,
        )),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let events = store.audit_export(&mut *out)?;
    out.flush().map_err(unwritable)?;
    anstream::eprintln!("{events} events.");
    Ok(Exit::Done)
}
