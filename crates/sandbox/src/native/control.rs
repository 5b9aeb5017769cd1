//! The platform's end of the control socket.

use super::stream::watched;
use super::wire::{Malformed, PACKET_BYTES_MAX, Report, Request, Wire};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// A report is small; what is larger is not from our guest.
const REPORT_BYTES_MAX: usize = 4096;

pub struct Control(AsyncFd<OwnedFd>);

impl Control {
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        watched(socket).map(Self)
    }

    /// Waits for room if the guest is busy.
    pub async fn send(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = request.to_wire();
        debug_assert!(
            bytes.len() <= PACKET_BYTES_MAX + 64,
            "long commands are spilled"
        );
        self.0
            .async_io(tokio::io::Interest::WRITABLE, |socket| {
                send_now(socket.as_fd(), &bytes, descriptors)
            })
            .await
    }

    /// Sends at once or not at all.
    pub fn try_send(&self, request: &Request) -> io::Result<()> {
        send_now(self.0.as_fd(), &request.to_wire(), &[])
    }

    /// The next report, or `None` when PID 1 has gone.
    pub async fn receive(&self) -> io::Result<Option<(Report, Vec<OwnedFd>)>> {
        self.0
            .async_io(tokio::io::Interest::READABLE, |socket| {
                receive_now(socket.as_fd())
            })
            .await
    }
}

fn send_now(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags)?;
    Ok(())
}

fn receive_now(socket: BorrowedFd<'_>) -> io::Result<Option<(Report, Vec<OwnedFd>)>> {
    match receive_one(socket) {
        // The guest ended with a request unread. The kernel says so once, before what the guest
        // had said until then.
        Err(error) if error.raw_os_error() == Some(libc::ECONNRESET) => receive_one(socket),
        other => other,
    }
}

fn receive_one(socket: BorrowedFd<'_>) -> io::Result<Option<(Report, Vec<OwnedFd>)>> {
    let mut bytes = [0; REPORT_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    )?;
    let descriptors = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    match received.bytes {
        0 => Ok(None),
        length => Report::from_wire(&bytes[..length])
            .map(|report| Some((report, descriptors)))
            .map_err(|Malformed| io::Error::from_raw_os_error(libc::EBADMSG)),
    }
}
