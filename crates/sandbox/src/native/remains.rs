//! What a sandbox leaves on the host, and that it is put away whatever happens.

use super::cgroup::Group;
use super::identity::Identity;
use super::placeholder::Placeholders;
use super::session::Ground;
use super::stream::watched;
use crate::volume::Volume;
use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{WaitId, WaitIdOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// An empty cgroup may refuse to go for a moment after its last process.
const REMOVAL_TRIES: u32 = 500;
const REMOVAL_PAUSE: Duration = Duration::from_millis(1);
/// Without a runtime to wait with, nobody is blocked for longer than this.
const BLOCKED_MAX: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
const BLOCKED_PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 1_000_000,
};

/// What was taken for a sandbox before it was started.
pub struct Holdings {
    #[expect(dead_code, reason = "held for its claim on a user number")]
    pub identity: Identity,
    pub group: Group,
    pub placeholders: Placeholders,
    #[expect(dead_code, reason = "held so that the placeholders can be reached")]
    pub volume: Option<Arc<Volume>>,
}

/// The holdings and the helper process of a started sandbox.
pub struct Remains {
    helper: OwnedFd,
    holdings: Holdings,
    cleared: AtomicBool,
}

impl Remains {
    pub fn of(helper: OwnedFd, holdings: Holdings) -> Self {
        Self {
            helper,
            holdings,
            cleared: AtomicBool::new(false),
        }
    }

    fn take_status(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let _ = rustix::process::waitid(WaitId::PidFd(self.helper.as_fd()), options);
    }

    /// True: nothing is left.
    fn remove(&self) -> bool {
        self.holdings.placeholders.remove();
        let gone = self.holdings.group.remove();
        self.cleared.fetch_or(gone, Ordering::Relaxed);
        gone
    }
}

#[async_trait]
impl Ground for Remains {
    fn group(&self) -> &Group {
        &self.holdings.group
    }

    /// Waits for the helper, which outlives everything inside, and puts everything away.
    async fn clear(&self) {
        if let Ok(helper) = self.helper.try_clone().and_then(watched)
            && let Ok(mut guard) = helper.readable().await
        {
            guard.retain_ready();
        }
        self.take_status();
        for _ in 0..REMOVAL_TRIES {
            if self.remove() {
                return;
            }
            tokio::time::sleep(REMOVAL_PAUSE).await;
        }
        tracing::warn!(group = ?self.group(), "a cgroup stays until the next sweep");
        self.cleared.store(true, Ordering::Relaxed);
    }
}

/// Only where a start was cancelled, or the runtime ended before the sandbox did. The
/// lifeline is closed by then, so the helper is about to end.
impl Drop for Remains {
    fn drop(&mut self) {
        if self.cleared.load(Ordering::Relaxed) {
            return;
        }
        let mut helper = [PollFd::new(&self.helper, PollFlags::IN)];
        let _ = rustix::event::poll(&mut helper, Some(&BLOCKED_MAX));
        self.take_status();
        for _ in 0..REMOVAL_TRIES {
            if self.remove() {
                return;
            }
            let _ = rustix::event::poll(&mut [], Some(&BLOCKED_PAUSE));
        }
    }
}
