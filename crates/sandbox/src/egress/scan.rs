//! Looking for words in a body as it passes: a placeholder on its way out, a secret on its
//! way back.

use super::flow::Flow;
use super::message::Failure;
use super::refusal::Refusal;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use memchr::memmem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use zeroize::Zeroizing;

/// A word, and what its appearance means.
pub(super) struct Needle {
    pub word: Zeroizing<Vec<u8>>,
    pub means: Refusal,
}

/// Finds words also where they are spread over several pieces.
pub(super) struct Scanner {
    needles: Vec<Needle>,
    /// The end of what has passed, one byte shorter than the longest word.
    tail: Zeroizing<Vec<u8>>,
    tail_max: usize,
    flow: Arc<Flow>,
}

impl Scanner {
    pub fn new(needles: Vec<Needle>, flow: Arc<Flow>) -> Self {
        let longest = needles.iter().map(|needle| needle.word.len()).max();
        Self {
            needles,
            tail: Zeroizing::default(),
            tail_max: longest.unwrap_or(0).saturating_sub(1),
            flow,
        }
    }

    /// One whole value, unrelated to what passed before.
    pub fn look_at(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let found = |needle: &&Needle| memmem::find(bytes, &needle.word).is_some();
        match self.needles.iter().find(found) {
            Some(needle) => Err(needle.means.clone()),
            None => Ok(()),
        }
    }

    /// The next piece of a body.
    pub fn pass(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        if self.needles.is_empty() {
            return Ok(());
        }
        let mut seam = std::mem::take(&mut self.tail);
        seam.extend_from_slice(&piece[..piece.len().min(self.tail_max)]);
        self.look_at(&seam)?;
        self.look_at(piece)?;
        if piece.len() >= self.tail_max {
            seam.clear();
            seam.extend_from_slice(&piece[piece.len() - self.tail_max..]);
        } else {
            let surplus = seam.len().saturating_sub(self.tail_max);
            seam.drain(..surplus);
        }
        self.tail = seam;
        Ok(())
    }
}

/// A body that ends with an error when one of the words appears.
pub(super) struct Watched<B> {
    body: B,
    scanner: Scanner,
}

impl<B> Watched<B> {
    pub fn new(body: B, scanner: Scanner) -> Self {
        Self { body, scanner }
    }
}

impl Body for Watched<Incoming> {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        // Trailers may hold anything and are needed by nobody here.
        let Ok(piece) = frame.into_data() else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(match self.scanner.pass(&piece) {
            Ok(()) => Ok(Frame::data(piece)),
            Err(why) => {
                self.scanner.flow.end(why.clone());
                Err(why.into())
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
