//! The watcher of waymarks: strikes a process where the plan says so.

use crate::plan::{Kind, Strike};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::task::{Poll, Waker};
use wardroom_domain::{Pass, Watcher, Waymark, watch};

/// What goes on on this thread.
#[derive(Default)]
struct Stage {
    is_open: bool,
    strikes: Vec<Strike>,
    counts: BTreeMap<Waymark, u32>,
    struck: Option<Strike>,
    waker: Option<Waker>,
}

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::default();
}

struct Eyes;

impl Watcher for Eyes {
    fn reached(&self, waymark: Waymark) -> Pass {
        // Threads that wait for the disk have no stage, and pass.
        STAGE.with_borrow_mut(|stage| stage.reached(waymark))
    }
}

impl Stage {
    fn reached(&mut self, waymark: Waymark) -> Pass {
        if !self.is_open {
            return Pass::On;
        }
        if let Some(strike) = self.struck {
            // A process that is struck comes to no waymark any more.
            return match strike.kind {
                Kind::Crash => Pass::Never,
                Kind::Sleep => Pass::Later,
            };
        }
        let count = self.counts.entry(waymark).or_default();
        *count += 1;
        let count = *count;
        let falls = |strike: &Strike| strike.at == waymark && strike.count == count;
        let Some(place) = self.strikes.iter().position(falls) else {
            return Pass::On;
        };
        let strike = self.strikes.remove(place);
        self.struck = Some(strike);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        match strike.kind {
            Kind::Crash => Pass::Never,
            Kind::Sleep => Pass::Later,
        }
    }
}

/// Opens the stage of this thread for a run.
pub(crate) fn open(strikes: &[Strike]) {
    // Somebody of another run may have been first.
    watch(Eyes);
    STAGE.with_borrow_mut(|stage| {
        *stage = Stage {
            is_open: true,
            strikes: strikes.to_vec(),
            ..Stage::default()
        };
    });
}

/// Closes it, and answers how often each waymark was reached.
pub(crate) fn close() -> BTreeMap<Waymark, u32> {
    STAGE.with_borrow_mut(|stage| std::mem::take(stage).counts)
}

/// Ends when the process that runs now is struck.
pub(crate) async fn struck() {
    std::future::poll_fn(|context| {
        STAGE.with_borrow_mut(|stage| match stage.struck {
            Some(_) => Poll::Ready(()),
            None => {
                stage.waker = Some(context.waker().clone());
                Poll::Pending
            }
        })
    })
    .await;
}

/// What was handed to the wire leaves it before its sender falls asleep. Otherwise it would leave when
/// he wakes: that gap no software can close, and it is told to people.
pub(crate) async fn lets_go_out() {
    let falls_asleep = STAGE.with_borrow(|stage| {
        let strike = stage.struck.as_ref();
        strike.is_some_and(|it| it.kind == Kind::Sleep && it.at == Waymark::GateSent)
    });
    for _ in 0..if falls_asleep { 8 } else { 0 } {
        tokio::task::yield_now().await;
    }
}

/// The strike that fell just now; the stage is free for the next process.
pub(crate) fn take() -> Option<Strike> {
    STAGE.with_borrow_mut(|stage| stage.struck.take())
}
