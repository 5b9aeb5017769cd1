//! The org's emergency controls: pause what changes something, end every bypass, cancel what is
//! risky, end every credential. They are rows, so they outlive a restart.

use crate::crew::Crew;
use crate::rulebook::Author;
use crate::signals::kind;
use crate::{Wrong, bypass, control};
use serde_json::{Value, json};
use std::sync::Arc;
use wardroom_domain::{
    AuditKind, Capability, Chain, Emergency, Principal, RiskTier, TaskId, Timestamp, UserId, limits,
};
use wardroom_store::{
    CommitError, Conflict, Document, EndCredentials, Page, PutDocument, Signal, StatusFilter,
    TaskFilter, TaskRow, Write,
};

const DOCUMENT: &str = "emergency";

/// One control, and where it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Everything above `L0_READONLY` waits, or goes on.
    PauseMutations(bool),
    /// Nobody's bypass counts, or may be switched on again.
    DisableBypass(bool),
    /// Every task at or above a tier that has not ended is cancelled.
    CancelRisky(RiskTier),
    /// Every token, session, sign-in link, invitation and pairing ends.
    RotateCredentials,
}

/// How the controls stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// What policy reads.
    pub emergency: Emergency,
    /// When one was moved last.
    pub changed_at: Option<Timestamp>,
    /// By whom.
    pub changed_by: Option<UserId>,
}

/// What moving a control came to.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// How the controls stand now.
    pub controls: Controls,
    /// The tasks that were cancelled.
    pub cancelled: Vec<TaskId>,
    /// How many tokens ended.
    pub tokens: usize,
    /// How many sessions ended.
    pub sessions: usize,
    /// Secrets that only who issued them can renew: set them anew.
    pub secrets_to_renew: Vec<String>,
}

/// What policy reads. A row that cannot be read counts as everything switched.
pub async fn stands(crew: &Crew) -> Result<Emergency, Wrong> {
    let found = crew.store.document(crew.org, DOCUMENT).await?;
    Ok(found.as_ref().map_or_else(Emergency::default, read))
}

fn read(document: &Document) -> Emergency {
    serde_json::from_value(document.body.clone()).unwrap_or(Emergency {
        pause_mutations: true,
        bypass_disabled: true,
    })
}

/// How the controls stand, for somebody who may know.
pub async fn show(crew: &Crew, by: &Principal) -> Result<Controls, Wrong> {
    by.require(Capability::SeeOwn)?;
    controls(crew).await
}

async fn controls(crew: &Crew) -> Result<Controls, Wrong> {
    let found = crew.store.document(crew.org, DOCUMENT).await?;
    Ok(found.map_or_else(Controls::default, |document| Controls {
        emergency: read(&document),
        changed_at: Some(document.at),
        changed_by: UserId::parse(&document.author).ok(),
    }))
}

/// Moves a control. All that it says has happened when this returns, but for tasks that are being
/// stopped in the middle of something.
pub async fn move_control(
    crew: &Arc<Crew>,
    by: &Principal,
    control: Control,
) -> Result<Moved, Wrong> {
    by.require(Capability::MoveEmergency)?;
    let mut moved = match control {
        Control::PauseMutations(on) => pause(crew, by, on).await?,
        Control::DisableBypass(on) => disable_bypass(crew, by, on).await?,
        Control::CancelRisky(tier) => cancel_risky(crew, by, tier).await?,
        Control::RotateCredentials => rotate(crew, by).await?,
    };
    moved.controls = controls(crew).await?;
    Ok(moved)
}

fn audit(crew: &Crew, by: &Principal, mut body: Value) -> Write {
    body["via"] = json!(by.via);
    crew.audit(Chain::Org, AuditKind::EmergencyChanged, by.user, None, body)
}

/// Writes the controls as `change` leaves them, with whatever belongs to that.
async fn put(
    crew: &Crew,
    by: &Principal,
    change: impl Fn(&mut Emergency),
    body: Value,
    also: Vec<Write>,
) -> Result<(), Wrong> {
    loop {
        let found = crew.store.document(crew.org, DOCUMENT).await?;
        let mut emergency = found.as_ref().map_or_else(Emergency::default, read);
        change(&mut emergency);
        let put = PutDocument {
            kind: DOCUMENT.to_owned(),
            seen_version: found.map_or(0, |found| found.version),
            author: by.user.to_string(),
            body: json!(emergency),
            at: crew.clock.now(),
        };
        let mut writes = vec![Write::PutDocument(put), audit(crew, by, body.clone())];
        writes.extend(also.iter().cloned());
        match crew.commit(writes).await {
            // Two admins at once: both wishes count.
            Err(Wrong::Commit(CommitError::Refused(Conflict::DocumentMoved { kind, .. })))
                if kind == DOCUMENT => {}
            other => return other.map(drop),
        }
    }
}

async fn pause(crew: &Arc<Crew>, by: &Principal, on: bool) -> Result<Moved, Wrong> {
    let body = json!({"control": "pause_mutations", "on": on});
    let change = |emergency: &mut Emergency| emergency.pause_mutations = on;
    put(crew, by, change, body, Vec::new()).await?;
    if !on {
        for row in open_tasks(crew, None).await? {
            send(crew, row.task.id, kind::RESUME, json!({})).await?;
        }
    }
    Ok(Moved::default())
}

async fn disable_bypass(crew: &Arc<Crew>, by: &Principal, on: bool) -> Result<Moved, Wrong> {
    let body = json!({"control": "disable_bypass", "on": on});
    let change = |emergency: &mut Emergency| emergency.bypass_disabled = on;
    // First the switch, which counts for everybody at once; then each person's own, so that nobody
    // finds his bypass on again when the switch is moved back.
    put(crew, by, change, body, Vec::new()).await?;
    if on {
        let author = Author {
            actor: by.user.to_string(),
            via: by.via.clone(),
            at: crew.clock.now(),
        };
        let revoked = bypass::revoked(&crew.store, crew.org, &author).await?;
        crew.commit(revoked).await?;
    }
    Ok(Moved::default())
}

async fn cancel_risky(crew: &Arc<Crew>, by: &Principal, tier: RiskTier) -> Result<Moved, Wrong> {
    let mut cancelled = Vec::new();
    for row in open_tasks(crew, None).await? {
        if row.task.tier >= tier {
            cancelled.push(row.task.id);
        }
    }
    let body = json!({"control": "cancel_risky", "tier": tier, "tasks": cancelled});
    crew.commit(vec![audit(crew, by, body)]).await?;
    let why = format!("cancelled by {}: everything of {tier} and above", by.name);
    for task in &cancelled {
        send(crew, *task, kind::CANCEL, json!({"why": why})).await?;
        control::stop_now(crew, *task).await?;
    }
    Ok(Moved {
        cancelled,
        ..Moved::default()
    })
}

async fn rotate(crew: &Arc<Crew>, by: &Principal) -> Result<Moved, Wrong> {
    let at = crew.clock.now();
    let (store, org) = (&crew.store, crew.org);
    let tokens = store.tokens(org, None).await?;
    let tokens = tokens.iter().filter(|token| token.revoked_at.is_none());
    let tokens = tokens.count();
    let mut sessions = 0;
    for user in store.users(org).await? {
        sessions += store.sessions(org, user.id, at).await?.len();
    }
    let secrets = store.secret_names(org).await?;
    let secrets_to_renew: Vec<_> = secrets.into_iter().map(|row| row.name).collect();
    let body = json!({"control": "rotate_credentials", "tokens": tokens, "sessions": sessions,
        "secrets_to_renew": secrets_to_renew});
    let ends = Write::EndCredentials(EndCredentials { of: None, at });
    crew.commit(vec![ends, audit(crew, by, body)]).await?;
    Ok(Moved {
        tokens,
        sessions,
        secrets_to_renew,
        ..Moved::default()
    })
}

/// Tasks that have not ended, of one person or of everybody.
pub(crate) async fn open_tasks(
    crew: &Crew,
    requester: Option<UserId>,
) -> Result<Vec<TaskRow>, Wrong> {
    let filter = TaskFilter {
        requester,
        status: StatusFilter::Open,
        ..TaskFilter::default()
    };
    let mut page = Page {
        limit: Some(limits::PAGE_ROWS_MAX),
        cursor: None,
    };
    let mut open = Vec::new();
    loop {
        let paged = crew.store.tasks(crew.org, &filter, &page).await?;
        open.extend(paged.items);
        page.cursor = paged.next_cursor;
        if page.cursor.is_none() {
            return Ok(open);
        }
    }
}

/// Puts a letter into a task's mail; one that has ended meanwhile needs none.
pub(crate) async fn send(crew: &Crew, task: TaskId, kind: &str, body: Value) -> Result<(), Wrong> {
    let signal = Signal {
        task,
        dedup_key: format!("{kind}:{}", crew.nonce()),
        kind: kind.to_owned(),
        body,
        at: crew.clock.now(),
    };
    match crew.commit(vec![Write::Signal(signal)]).await {
        Err(Wrong::Commit(CommitError::Refused(Conflict::NotFound { .. }))) => Ok(()),
        other => other.map(drop),
    }
}
