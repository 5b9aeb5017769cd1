//! The streams of a command: pipes or a terminal, with back-pressure and caps.

use crate::spec::OutputCap;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Lets the runtime watch a descriptor of ours.
pub fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open, keeps its number, and closes only when it is dropped.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}

/// One end of a pipe, or the master of a terminal.
#[derive(Clone)]
pub struct Stream(Arc<AsyncFd<OwnedFd>>);

impl Stream {
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&descriptor, true)?;
        watched(descriptor).map(|descriptor| Self(Arc::new(descriptor)))
    }

    pub fn descriptor(&self) -> &OwnedFd {
        self.0.get_ref()
    }

    /// Reads what is there now. The end of a terminal looks like an input error.
    fn read_now(&self, into: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(self.descriptor(), into) {
            Err(rustix::io::Errno::IO) => Ok(0),
            other => Ok(other?),
        }
    }

    fn poll_read(&self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            if let Ok(result) = guard.try_io(|_| self.read_now(into)) {
                return Poll::Ready(result);
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(Stream::poll_read(
            &self,
            context,
            buffer.initialize_unfilled()
        ))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(context))?;
            let write = |fd: &AsyncFd<OwnedFd>| Ok(rustix::io::write(fd.get_ref(), bytes)?);
            if let Ok(result) = guard.try_io(write) {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

type Ended = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// A command's output. It ends when all writers are gone, or when the command has ended and
/// nothing is waiting: what it left behind may hold the pipe open for ever.
pub struct CappedOutput {
    stream: Stream,
    /// `None` once it has come true.
    ended: Option<Ended>,
    cap: OutputCap,
    delivered: u64,
    dropped: Arc<AtomicU64>,
    kill: Box<dyn Fn() + Send + Sync>,
}

impl CappedOutput {
    pub fn new(
        stream: Stream,
        cap: OutputCap,
        ended: Ended,
        dropped: Arc<AtomicU64>,
        kill: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            stream,
            ended: Some(ended),
            cap,
            delivered: 0,
            dropped,
            kill,
        }
    }

    fn room(&self) -> u64 {
        match self.cap {
            OutputCap::Unlimited => u64::MAX,
            OutputCap::KillBeyond(cap) | OutputCap::DropBeyond(cap) => cap - self.delivered,
        }
    }

    fn poll_some(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(ended) = &mut self.ended {
            if let Poll::Ready(result) = self.stream.poll_read(context, into) {
                return Poll::Ready(result);
            }
            ready!(ended.as_mut().poll(context));
            self.ended = None;
        }
        // Read past the runtime's memory of readiness: it may not have heard of the last bytes.
        match self.stream.read_now(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Ready(Ok(0)),
            other => Poll::Ready(other),
        }
    }
}

impl AsyncRead for CappedOutput {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        const SPARE_BYTES: usize = 16 * 1024;
        let this = self.get_mut();
        loop {
            let room = usize::try_from(this.room()).unwrap_or(usize::MAX);
            if room > 0 {
                let space = buffer.initialize_unfilled();
                let most = space.len().min(room);
                let count = ready!(this.poll_some(context, &mut space[..most]))?;
                this.delivered += count as u64;
                buffer.advance(count);
                return Poll::Ready(Ok(()));
            }
            let mut spare = [0; SPARE_BYTES];
            let count = ready!(this.poll_some(context, &mut spare))?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            this.dropped.fetch_add(count as u64, Ordering::Relaxed);
            if matches!(this.cap, OutputCap::KillBeyond(_)) {
                (this.kill)();
                return Poll::Ready(Ok(()));
            }
        }
    }
}
