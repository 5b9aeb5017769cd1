//! How much of everything a sandbox may use on its way out, and who counts.

use super::refusal::Refusal;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Upper bounds of one sandbox. Each number has a reason where it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// The head of a request or an answer, or a TLS greeting.
    pub header_bytes: u64,
    /// For the head of a request, or the greeting, to arrive.
    pub header_time: Duration,
    /// For finding the address and connecting.
    pub connect_time: Duration,
    /// Without a byte in either direction.
    pub idle_time: Duration,
    /// For one connection to a remote.
    pub total_time: Duration,
    pub connections: u32,
    /// Requests and tunnels, over any second; as many may come at once.
    pub requests_per_second: u32,
    /// Of the whole sandbox, with TLS and HTTP heads, as sent to remotes and received.
    pub bytes_up: u64,
    pub bytes_down: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            // What ordinary servers accept; a greeting has about 2 KiB.
            header_bytes: 16 * KIB,
            header_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(15),
            // Package mirrors and compiling servers are silent for a while.
            idle_time: Duration::from_secs(120),
            total_time: Duration::from_secs(60 * 60),
            // Browsers open six per host; package managers up to fifty.
            connections: 64,
            requests_per_second: 100,
            // Uploads are where data leaves, so they are scarcer than downloads.
            bytes_up: 256 * MIB,
            bytes_down: 4 * KIB * MIB,
        }
    }
}

/// What one sandbox has used.
pub(super) struct Spending {
    pub budgets: Budgets,
    connections: Arc<Semaphore>,
    requests: DefaultDirectRateLimiter,
    up: AtomicU64,
    down: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Spending {
    pub fn new(budgets: Budgets) -> Self {
        let requests = NonZeroU32::new(budgets.requests_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            connections: Arc::new(Semaphore::new(budgets.connections as usize)),
            requests: RateLimiter::direct(Quota::per_second(requests)),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            budgets,
        }
    }

    /// A place among the connections at once; given back when dropped.
    pub fn connection(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = self.connections.clone().try_acquire_owned();
        place.map_err(|_| Refusal::TooManyConnections(self.budgets.connections))
    }

    pub fn request(&self) -> Result<(), Refusal> {
        let too_fast = |_| Refusal::TooFast(self.budgets.requests_per_second);
        self.requests.check().map_err(too_fast)
    }

    /// Counts, and says so when it was too much.
    pub fn spend(&self, direction: Direction, bytes: u64) -> Result<(), Refusal> {
        let (spent, budget) = self.account(direction);
        let before = spent.fetch_add(bytes, Ordering::Relaxed);
        match before.saturating_add(bytes) > budget {
            true => Err(self.exhausted(direction)),
            false => Ok(()),
        }
    }

    /// Asked before there is anything to count, so that a large body is refused in words.
    pub fn require(&self, direction: Direction, bytes: u64) -> Result<(), Refusal> {
        let (spent, budget) = self.account(direction);
        let left = budget.saturating_sub(spent.load(Ordering::Relaxed));
        match left == 0 || bytes > left {
            true => Err(self.exhausted(direction)),
            false => Ok(()),
        }
    }

    pub fn spent(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.up), read(&self.down))
    }

    fn account(&self, direction: Direction) -> (&AtomicU64, u64) {
        match direction {
            Direction::Up => (&self.up, self.budgets.bytes_up),
            Direction::Down => (&self.down, self.budgets.bytes_down),
        }
    }

    fn exhausted(&self, direction: Direction) -> Refusal {
        match direction {
            Direction::Up => Refusal::BytesUp(self.budgets.bytes_up),
            Direction::Down => Refusal::BytesDown(self.budgets.bytes_down),
        }
    }
}
