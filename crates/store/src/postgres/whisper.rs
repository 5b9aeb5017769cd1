//! Hints between processes, by LISTEN and NOTIFY. They are gathered for a few milliseconds, so that
//! a commit never waits for them. Losing one costs latency only.

use crate::Hint;
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_postgres::{AsyncMessage, Config, NoTls};

/// How long hints gather.
const GATHER_FOR: Duration = Duration::from_millis(5);
/// How long after a lost connection the next is tried.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A notification holds less than 8000 bytes; a hint is far below 200.
const HINTS_PER_NOTE: usize = 32;

/// What one process tells the others.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Who says so: nobody needs to hear himself.
    from: String,
    hints: Vec<Hint>,
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
    pub(super) fn start(config: Config, here: broadcast::Sender<Hint>) -> Self {
        let name = name();
        let (elsewhere, whispers) = mpsc::unbounded_channel();
        tokio::task::spawn_local(listen(config.clone(), name.clone(), here.clone()));
        tokio::task::spawn_local(notify(config, name, whispers));
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

async fn notify(config: Config, name: String, mut whispers: mpsc::UnboundedReceiver<Whisper>) {
    loop {
        if let Ok((client, connection)) = config.connect(NoTls).await {
            tokio::task::spawn_local(connection);
            // A hint that is lost with the machine is worth no wait for the disk.
            let _ = client.batch_execute("SET synchronous_commit = off").await;
            while let Some(first) = whispers.recv().await {
                let mut hints = Vec::new();
                let mut done = None;
                take(first, &mut hints, &mut done);
                tokio::time::sleep(GATHER_FOR).await;
                while let Ok(next) = whispers.try_recv() {
                    take(next, &mut hints, &mut done);
                }
                hints.dedup();
                if tell_all(&client, &name, &hints).await.is_err() {
                    break;
                }
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }
        }
        if whispers.is_closed() {
            return;
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}

fn take(whisper: Whisper, hints: &mut Vec<Hint>, done: &mut Option<oneshot::Sender<()>>) {
    match whisper {
        Whisper::Hint(hint) => hints.push(hint),
        Whisper::Finish(finish) => *done = Some(finish),
    }
}

async fn tell_all(
    client: &tokio_postgres::Client,
    name: &str,
    hints: &[Hint],
) -> Result<(), tokio_postgres::Error> {
    for some in hints.chunks(HINTS_PER_NOTE) {
        let note = crate::sql::json(&Note {
            from: name.to_owned(),
            hints: some.to_vec(),
        });
        client
            .execute("SELECT pg_notify('wardroom', $1)", &[&note])
            .await?;
    }
    Ok(())
}

async fn listen(config: Config, name: String, here: broadcast::Sender<Hint>) {
    loop {
        if let Ok((client, mut connection)) = config.connect(NoTls).await {
            let (notes, mut heard) = mpsc::unbounded_channel();
            let driving = tokio::task::spawn_local(async move {
                while let Some(Ok(message)) =
                    poll_fn(|context| connection.poll_message(context)).await
                {
                    if let AsyncMessage::Notification(note) = message
                        && notes.send(note.payload().to_owned()).is_err()
                    {
                        return;
                    }
                }
            });
            if client.batch_execute("LISTEN wardroom").await.is_ok() {
                while let Some(payload) = heard.recv().await {
                    hear(&payload, &name, &here);
                }
            }
            driving.abort();
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}

fn hear(payload: &str, name: &str, here: &broadcast::Sender<Hint>) {
    let Ok(note) = serde_json::from_str::<Note>(payload) else {
        return;
    };
    if note.from != name {
        for hint in note.hints {
            // Nobody listening is no fault.
            let _ = here.send(hint);
        }
    }
}
