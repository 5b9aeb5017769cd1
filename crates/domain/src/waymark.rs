//! Waymarks: the named boundaries of the road, between which a crash may fall.
//!
//! The road says where it is; who watches may end it there. Nothing watches in a released binary:
//! a debug build of the binary can be told to abort at one, and the simulator stops its
//! processes at them.

use crate::words;
use std::sync::OnceLock;
use std::task::Poll;

words! {
    /// A moment of the road.
    pub enum Waymark {
        /// A delivery is about to be taken in.
        Admit = "admit",
        /// A delivery was taken in.
        InboxCommit = "inbox-commit",
        /// A worker holds tasks.
        Claim = "claim",
        /// A task was read from its snapshot and its facts.
        Fold = "fold",
        /// An intent was written down.
        IntentCommit = "intent-commit",
        /// An effect is about to pass the gate.
        GatePre = "gate-pre",
        /// An effect is under way.
        GateSent = "gate-sent",
        /// An effect came back.
        GateReturned = "gate-returned",
        /// What came of an effect was written down.
        ResultCommit = "result-commit",
        /// A person was asked.
        ApprovalOpen = "approval-open",
        /// A question has ended.
        ApprovalDecide = "approval-decide",
        /// A task has read mail.
        SignalConsume = "signal-consume",
        /// Something stands in the outbox.
        OutboxCommit = "outbox-commit",
        /// A platform has what stood in the outbox.
        OutboxSent = "outbox-sent",
        /// That a platform has it was written down.
        OutboxAck = "outbox-ack",
        /// Something has become due.
        TimerFire = "timer-fire",
        /// A task was told to stop.
        CancelCommit = "cancel-commit",
        /// A task has ended.
        TerminalCommit = "terminal-commit",
        /// The ends of the audit chains were signed.
        AnchorWrite = "anchor-write",
        /// The write-ahead log was carried into the database.
        Checkpoint = "checkpoint",
        /// The database took a step of its schema.
        MigrateStep = "migrate-step",
    }
}

/// What becomes of whoever comes to a waymark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// He goes on.
    On,
    /// He goes on when he is next given a turn.
    Later,
    /// He never goes on: his process is dead.
    Never,
}

/// Somebody who watches waymarks.
pub trait Watcher: Send + Sync {
    /// Somebody has come to a waymark.
    fn reached(&self, waymark: Waymark) -> Pass;
}

static WATCHER: OnceLock<Box<dyn Watcher>> = OnceLock::new();

/// Begins to watch, for the rest of the process; false if somebody watches already.
pub fn watch(watcher: impl Watcher + 'static) -> bool {
    WATCHER.set(Box::new(watcher)).is_ok()
}

impl Waymark {
    /// Says that the road has come to here.
    pub async fn reached(self) {
        match WATCHER
            .get()
            .map_or(Pass::On, |watcher| watcher.reached(self))
        {
            Pass::On => {}
            Pass::Later => later().await,
            Pass::Never => std::future::pending().await,
        }
    }

    /// The same where nothing can wait: whoever watches may end the process, and no less.
    pub fn passed(self) {
        if let Some(watcher) = WATCHER.get() {
            watcher.reached(self);
        }
    }
}

/// Gives the turn away once.
async fn later() {
    let mut has_waited = false;
    std::future::poll_fn(|context| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
