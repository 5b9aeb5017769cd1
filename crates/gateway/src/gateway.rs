//! The parts of the foreign doors, put together.

use crate::progress::Board;
use crate::{deliver, follow, forget, intake, limits, poll, progress};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use wardroom_connectors::{Connector, Fault, Myself, Place};
use wardroom_coordinator::{Crew, Wrong};
use wardroom_domain::{AuditDraft, AuditKind, Chain, OrgId, Waymark};
use wardroom_store::{Hint, InboxRow, Receipt, Write};

/// A connector and how its messages come in.
pub struct Door {
    /// The platform's side.
    pub connector: Arc<dyn Connector>,
    /// Whether we ask; the platform calls otherwise.
    pub is_polled: bool,
    /// The address that the platform is told to call; none where the operator tells it himself.
    pub webhook: Option<String>,
}

/// A door as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorSeen {
    /// `telegram:main`.
    pub name: String,
    /// Whether we ask; the platform calls otherwise.
    pub is_polled: bool,
}

/// Every foreign door of one org.
pub struct Gateway {
    pub(crate) crew: Arc<Crew>,
    pub(crate) doors: BTreeMap<String, Door>,
    /// The places in which something is being seen to, delivered: one at a time each.
    pub(crate) arriving: Mutex<HashSet<String>>,
    pub(crate) leaving: Mutex<HashSet<String>>,
    /// How often an arrival was tried in vain.
    pub(crate) tries: Mutex<HashMap<String, u32>>,
    /// What was said in each place and waits to be answered, in order.
    pub(crate) turns: Mutex<HashMap<String, mpsc::UnboundedSender<InboxRow>>>,
    pub(crate) board: Mutex<Board>,
    pub(crate) strangers: Mutex<(i64, u32)>,
}

impl Gateway {
    /// Puts the doors together. Nothing runs yet.
    pub fn new(crew: Arc<Crew>, doors: Vec<Door>) -> Arc<Self> {
        let named = |door: Door| (door.connector.name().to_owned(), door);
        Arc::new(Self {
            crew,
            doors: doors.into_iter().map(named).collect(),
            arriving: Mutex::default(),
            leaving: Mutex::default(),
            tries: Mutex::default(),
            turns: Mutex::default(),
            board: Mutex::default(),
            strangers: Mutex::default(),
        })
    }

    /// Runs every door until told to stop. What is under way then is found again as rows.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.doors.is_empty() {
            return;
        }
        let mut parts = JoinSet::new();
        for name in self.doors.keys() {
            parts.spawn(poll::attend(self.clone(), name.clone()));
        }
        parts.spawn(intake::attend(self.clone()));
        parts.spawn(follow::attend(self.clone()));
        parts.spawn(progress::attend(self.clone()));
        parts.spawn(deliver::attend(self.clone()));
        parts.spawn(forget::attend(self.clone()));
        while !*stop.borrow() && stop.changed().await.is_ok() {}
        parts.shutdown().await;
    }

    /// The doors that the configuration names.
    pub fn seen(&self) -> Vec<DoorSeen> {
        let seen = |(name, door): (&String, &Door)| DoorSeen {
            name: name.clone(),
            is_polled: door.is_polled,
        };
        self.doors.iter().map(seen).collect()
    }

    /// Asks the platform of a door who we are there. None where there is no such door.
    pub async fn try_door(&self, name: &str) -> Option<Result<Myself, Fault>> {
        let door = self.doors.get(name)?;
        let asked = tokio::time::timeout(limits::TRY_MAX, door.connector.identify()).await;
        Some(asked.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", limits::TRY_MAX.as_secs());
            Err(Fault::Away { why })
        }))
    }

    pub(crate) fn org(&self) -> OrgId {
        self.crew.org
    }

    /// The door of a place, if it is still configured.
    pub(crate) fn door(&self, place: &Place) -> Option<&Door> {
        self.doors.get(&place.connector)
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<Receipt, Wrong> {
        let leaves = writes.iter().any(|write| matches!(write, Write::Outbox(_)));
        let receipt = self.crew.store.commit(self.crew.org, writes).await?;
        if leaves {
            Waymark::OutboxCommit.reached().await;
        }
        Ok(receipt)
    }

    /// A line for the org's audit chain.
    pub(crate) fn audit(&self, kind: AuditKind, actor: impl ToString, body: Value) -> Write {
        Write::Audit(AuditDraft {
            chain: Chain::Org,
            at: self.crew.clock.now(),
            kind,
            actor: actor.to_string(),
            tier: None,
            body,
        })
    }

    /// 256 bits of chance as letters that fit into any button, link or line.
    pub(crate) fn token(&self) -> String {
        format!(
            "{:032x}{:028x}",
            self.crew.clock.chance(),
            self.crew.clock.chance() >> 16
        )
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until a hint that matters, or long enough.
pub(crate) async fn wait(hints: &mut broadcast::Receiver<Hint>, matters: impl Fn(&Hint) -> bool) {
    let heard = async {
        loop {
            match hints.recv().await {
                Ok(hint) if matters(&hint) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(limits::LOOK_EVERY, heard).await;
}
