//! Hints between processes, by LISTEN and NOTIFY or by Redis. They are gathered for a few
//! milliseconds, so that a commit never waits for them. Losing one costs latency only: what is not
//! heard is found by looking, and what cannot be carried is dropped.

mod notify;
mod redis;

pub(super) use redis::at as redis_at;

use super::address::Address;
use crate::Hint;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};

/// How long hints gather.
const GATHER_FOR: Duration = Duration::from_millis(5);
/// How long after a lost connection the next is tried.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A notification holds less than 8000 bytes; a hint is far below 200.
const HINTS_PER_NOTE: usize = 32;

/// Where hints travel.
const CHANNEL: &str = "wardroom";

/// What one process tells the others.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Who says so: nobody needs to hear himself.
    from: String,
    hints: Vec<Hint>,
}

/// Who carries hints to other processes.
pub(super) enum Carrier {
    /// The database.
    Notify(Address),
    /// A Redis.
    Redis(::redis::Client),
}

/// Tells hints here and elsewhere.
#[derive(Clone)]
pub(super) struct Whisperer {
    here: broadcast::Sender<Hint>,
    elsewhere: mpsc::UnboundedSender<Whisper>,
}

enum Whisper {
    Hint(Hint),
    Finish(oneshot::Sender<()>),
}

impl Whisperer {
    pub(super) fn start(carrier: Carrier, here: broadcast::Sender<Hint>) -> Self {
        let name = name();
        let (elsewhere, whispers) = mpsc::unbounded_channel();
        let hear = Hearing {
            name: name.clone(),
            here: here.clone(),
        };
        let whispers = Whispers { name, whispers };
        match carrier {
            Carrier::Notify(address) => {
                tokio::task::spawn_local(notify::listen(address.clone(), hear));
                tokio::task::spawn_local(notify::tell(address, whispers));
            }
            Carrier::Redis(client) => {
                tokio::task::spawn_local(redis::listen(client.clone(), hear));
                tokio::task::spawn_local(redis::tell(client, whispers));
            }
        }
        Self { here, elsewhere }
    }

    /// Tells what was committed.
    pub(super) fn tell(&self, hints: Vec<Hint>) {
        for hint in hints {
            // Nobody listening is no fault.
            let _ = self.here.send(hint.clone());
            let _ = self.elsewhere.send(Whisper::Hint(hint));
        }
    }

    /// Waits until the others have been told.
    pub(super) async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.elsewhere.send(Whisper::Finish(done)).is_ok() {
            let _ = tokio::time::timeout(TRY_AGAIN_AFTER, finished).await;
        }
    }
}

/// Tells apart the processes of one database.
fn name() -> String {
    let mut random = [0; 8];
    // Without randomness a process hears itself, which does no harm.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random);
    hex::encode(random)
}

/// What is to be told, as it comes.
struct Whispers {
    name: String,
    whispers: mpsc::UnboundedReceiver<Whisper>,
}

/// Some of it, ready to be told.
struct Gathered {
    notes: Vec<String>,
    done: Option<oneshot::Sender<()>>,
}

impl Whispers {
    /// What there is to tell, with what comes in the next moment; none when nobody will say
    /// anything any more.
    async fn gather(&mut self) -> Option<Gathered> {
        let first = self.whispers.recv().await?;
        let (mut hints, mut done) = (Vec::new(), None);
        take(first, &mut hints, &mut done);
        tokio::time::sleep(GATHER_FOR).await;
        while let Ok(next) = self.whispers.try_recv() {
            take(next, &mut hints, &mut done);
        }
        hints.dedup();
        let note = |some: &[Hint]| {
            crate::sql::json(&Note {
                from: self.name.clone(),
                hints: some.to_vec(),
            })
        };
        let notes = hints.chunks(HINTS_PER_NOTE).map(note).collect();
        Some(Gathered { notes, done })
    }

    /// Drops what cannot be told, and answers whether more may come.
    fn drop_all(&mut self) -> bool {
        while let Ok(whisper) = self.whispers.try_recv() {
            drop(whisper);
        }
        !self.whispers.is_closed()
    }
}

fn take(whisper: Whisper, hints: &mut Vec<Hint>, done: &mut Option<oneshot::Sender<()>>) {
    match whisper {
        Whisper::Hint(hint) => hints.push(hint),
        Whisper::Finish(finish) => *done = Some(finish),
    }
}

/// What others tell becomes hints here.
struct Hearing {
    name: String,
    here: broadcast::Sender<Hint>,
}

impl Hearing {
    /// What is no note of ours is nothing.
    fn hear(&self, payload: &str) {
        let Ok(note) = serde_json::from_str::<Note>(payload) else {
            return;
        };
        if note.from != self.name {
            for hint in note.hints {
                // Nobody listening is no fault.
                let _ = self.here.send(hint);
            }
        }
    }
}
