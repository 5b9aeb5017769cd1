//! Counting what moves on a connection, and noticing when it has gone on for too long.

use super::budget::{Direction, Spending};
use super::refusal::Refusal;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// One connection's counters, shared by its stream, its watch and its record.
pub(super) struct Flow {
    began: Instant,
    up: AtomicU64,
    down: AtomicU64,
    /// Milliseconds after `began`.
    last_moved_ms: AtomicU64,
    cut: OnceLock<Refusal>,
    /// Absent towards the sandbox, where only silence matters.
    spending: Option<Arc<Spending>>,
    idle_max: Duration,
    total_max: Duration,
}

impl Flow {
    pub fn to_remote(spending: &Arc<Spending>) -> Arc<Self> {
        let budgets = &spending.budgets;
        let (idle, total) = (budgets.idle_time, budgets.total_time);
        Self::new(Some(spending.clone()), idle, total)
    }

    /// The sandbox waits for a remote at most for its idle time; whoever stays silent
    /// longer than that has stopped reading.
    pub fn to_sandbox(spending: &Arc<Spending>) -> Arc<Self> {
        let budgets = &spending.budgets;
        let idle = budgets.idle_time + budgets.connect_time + budgets.header_time;
        Self::new(None, idle, Duration::MAX)
    }

    fn new(spending: Option<Arc<Spending>>, idle_max: Duration, total_max: Duration) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            last_moved_ms: AtomicU64::new(0),
            cut: OnceLock::new(),
            spending,
            idle_max,
            total_max,
        })
    }

    /// Bytes up and down.
    pub fn moved(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.up), read(&self.down))
    }

    /// Why it was ended early, if it was.
    pub fn cut(&self) -> Option<Refusal> {
        self.cut.get().cloned()
    }

    /// The first reason stays.
    pub fn end(&self, why: Refusal) {
        let _ = self.cut.set(why);
    }

    /// Completes when the connection must end.
    pub async fn overdue(&self) -> Refusal {
        loop {
            let last = Duration::from_millis(self.last_moved_ms.load(Ordering::Relaxed));
            let age = self.began.elapsed();
            let silent = age.saturating_sub(last);
            let why = if age >= self.total_max {
                Refusal::TooLong(self.total_max)
            } else if silent >= self.idle_max {
                Refusal::Idle(self.idle_max)
            } else {
                let left = (self.idle_max - silent).min(self.total_max - age);
                tokio::time::sleep(left + Duration::from_millis(1)).await;
                continue;
            };
            self.end(why.clone());
            return why;
        }
    }

    fn count(&self, direction: Direction, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let counter = match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        };
        counter.fetch_add(bytes, Ordering::Relaxed);
        let now = self.began.elapsed().as_millis() as u64;
        self.last_moved_ms.store(now, Ordering::Relaxed);
        let Some(spending) = &self.spending else {
            return Ok(());
        };
        spending.spend(direction, bytes).map_err(|why| {
            self.end(why.clone());
            io::Error::other(why.to_string())
        })
    }
}

/// A stream that is counted.
pub(super) struct Metered<S> {
    stream: S,
    flow: Arc<Flow>,
}

impl<S> Metered<S> {
    pub fn new(stream: S, flow: Arc<Flow>) -> Self {
        Self { stream, flow }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.flow.count(Direction::Down, read)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.flow.count(Direction::Up, written)?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
