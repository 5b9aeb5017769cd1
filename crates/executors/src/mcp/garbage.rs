//! A server's output, cut off when too much of it is no message.

use super::limits::GARBAGE_BYTES_MAX;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Passes bytes on and counts those of lines that begin like no JSON message.
pub(super) struct Weighed<R> {
    inner: R,
    line: Line,
    garbage: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Begins,
    Message,
    Garbage,
}

impl<R> Weighed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            line: Line::Begins,
            garbage: 0,
        }
    }

    fn weigh(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            self.line = match (self.line, byte) {
                (_, b'\n') => Line::Begins,
                (Line::Begins, b'{' | b'[') => Line::Message,
                (Line::Begins, b' ' | b'\t' | b'\r') => Line::Begins,
                (Line::Begins, _) => Line::Garbage,
                (line, _) => line,
            };
            self.garbage += usize::from(self.line == Line::Garbage);
        }
        if self.garbage > GARBAGE_BYTES_MAX {
            return Err(io::Error::other("it prints what is no message"));
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Weighed<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let fresh = buffer.filled().get(before..).unwrap_or_default().to_vec();
        let weighed = self.weigh(&fresh);
        if weighed.is_err() {
            buffer.set_filled(before);
        }
        Poll::Ready(weighed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn read(bytes: Vec<u8>) -> io::Result<usize> {
        let mut all = Vec::new();
        Weighed::new(&bytes[..]).read_to_end(&mut all).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_line_of_log_passes_and_a_flood_does_not() {
        let mut talk = b"starting...\n{\"jsonrpc\": \"2.0\"}\n".to_vec();
        assert!(read(talk.clone()).await.is_ok());
        talk.extend(b"y\n".repeat(GARBAGE_BYTES_MAX + 1));
        assert!(read(talk).await.is_err());
        let mut long = b"{".to_vec();
        long.extend(vec![b'x'; GARBAGE_BYTES_MAX * 2]);
        assert!(
            read(long).await.is_ok(),
            "a long message is bounded elsewhere"
        );
    }
}
