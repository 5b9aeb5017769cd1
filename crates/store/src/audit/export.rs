//! The audit log as JSON lines that anybody can check who has the public key.

use super::anchor::{ANCHORS, Anchor};
use super::check::{Check, EVENTS, StoredEvent, VerifyReport};
use super::signer::AuditVerifier;
use crate::sql::{Row, params};
use crate::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use wardroom_domain::{Digest, Timestamp, canonical_json};

/// The version of the lines.
const VERSION: u32 = 1;

/// One line: a header, then the anchors, then the events chain by chain.
#[derive(Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Line {
    Header { version: u32 },
    Anchor(Anchor),
    Event(ExportedEvent),
}

#[derive(Serialize, Deserialize)]
struct ExportedEvent {
    org: String,
    chain: String,
    seq: i64,
    at: Timestamp,
    kind: String,
    actor: String,
    tier: Option<String>,
    body: Value,
    body_digest: Digest,
    prev_hash: Digest,
    hash: Digest,
}

/// Both forms of an event have the same fields, and differ in how they hold the body.
macro_rules! with_body {
    ($event:expr, $body:expr) => {{
        let (event, body) = ($event, $body);
        Self {
            org: event.org,
            chain: event.chain,
            seq: event.seq,
            at: event.at,
            kind: event.kind,
            actor: event.actor,
            tier: event.tier,
            body,
            body_digest: event.body_digest,
            prev_hash: event.prev_hash,
            hash: event.hash,
        }
    }};
}

impl From<StoredEvent> for ExportedEvent {
    fn from(mut event: StoredEvent) -> Self {
        let text = std::mem::take(&mut event.body);
        with_body!(
            event,
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        )
    }
}

impl From<ExportedEvent> for StoredEvent {
    fn from(event: ExportedEvent) -> Self {
        let body = canonical_json(&event.body);
        with_body!(event, body)
    }
}

impl Store {
    /// Writes the whole audit log as JSON lines and says how many events it holds. It blocks.
    pub fn audit_export(&self, out: &mut dyn Write) -> Result<u64, StoreError> {
        let mut events = 0;
        write_line(out, &Line::Header { version: VERSION })?;
        self.scan(|moment| {
            moment.each(ANCHORS, params![], &mut |row: Row| {
                write_line(out, &Line::Anchor(row.decode()?))
            })?;
            moment.each(EVENTS, params![], &mut |row: Row| {
                events += 1;
                write_line(out, &Line::Event(row.decode::<StoredEvent>()?.into()))
            })
        })?;
        Ok(events)
    }
}

fn write_line(out: &mut dyn Write, line: &Line) -> Result<(), StoreError> {
    writeln!(out, "{}", crate::sql::json(line)).map_err(unusable)
}

/// Checks an export. A line that cannot be read is a finding like any other.
pub fn verify_export(
    input: &mut dyn BufRead,
    verifier: &AuditVerifier,
) -> Result<VerifyReport, StoreError> {
    let mut check = Check::new(verifier)?;
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(unusable)?;
        match serde_json::from_str(&line) {
            Ok(Line::Header { version: VERSION }) => {}
            Ok(Line::Header { version }) => {
                let reason = format!("it is an export of version {version}, we read {VERSION}");
                return Err(StoreError::File {
                    path: PathBuf::from("the export"),
                    reason,
                });
            }
            Ok(Line::Anchor(anchor)) => check.anchor(&anchor),
            Ok(Line::Event(event)) => check.event(&event.into()),
            Err(error) => check.bad(
                "export",
                number,
                format!("the line cannot be read: {error}"),
            ),
        }
    }
    Ok(check.finish())
}

fn unusable(error: std::io::Error) -> StoreError {
    StoreError::File {
        path: PathBuf::from("the export"),
        reason: error.to_string(),
    }
}
