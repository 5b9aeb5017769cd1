//! Packets on the control socket: one message each, descriptors beside it.

use crate::sys::Failure;
use crate::wire::{PACKET_BYTES_MAX, Report, Request, Wire};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

const DESCRIPTORS_MAX: usize = 8;
/// Room for the header and the descriptors, aligned as the kernel wants it.
type Ancillary = [u64; 16];

/// Sends one report. A platform that is gone is noticed by the reader, not here.
pub fn send(control: BorrowedFd<'_>, report: &Report, descriptors: &[BorrowedFd<'_>]) {
    let bytes = report.to_wire();
    let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let mut ancillary: Ancillary = [0; 16];
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: the header points only at `part`, `bytes` and `ancillary`, all alive here; the
    // ancillary buffer has room for DESCRIPTORS_MAX numbers and callers send at most four.
    unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &mut part;
        header.msg_iovlen = 1;
        if !numbers.is_empty() {
            let size = size_of_val(numbers.as_slice()) as libc::c_uint;
            header.msg_control = ancillary.as_mut_ptr().cast();
            header.msg_controllen = libc::CMSG_SPACE(size) as _;
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(size) as _;
            numbers
                .as_ptr()
                .copy_to_nonoverlapping(libc::CMSG_DATA(first).cast(), numbers.len());
        }
        libc::sendmsg(control.as_raw_fd(), &header, libc::MSG_NOSIGNAL);
    }
}

/// The door is shut behind us; the sockets for the proxy travel with the news.
pub fn ready(control: BorrowedFd<'_>, landlock_abi: u32, sockets: &[OwnedFd]) {
    let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    send(control, &Report::Ready { landlock_abi }, &sockets);
}

pub fn report_failure(control: BorrowedFd<'_>, failure: &Failure) {
    let stage = failure.stage.clone().into_bytes();
    send(
        control,
        &Report::Failed {
            stage,
            errno: failure.errno,
        },
        &[],
    );
}

/// What came in, or that the platform has gone.
pub enum Incoming {
    Request(Request, Vec<OwnedFd>),
    Closed,
}

pub fn receive(control: BorrowedFd<'_>) -> io::Result<Incoming> {
    let mut buffer = vec![0_u8; PACKET_BYTES_MAX + 1024];
    let mut ancillary: Ancillary = [0; 16];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut descriptors = Vec::new();
    // SAFETY: the header points only at buffers that live here, with their own lengths; the
    // kernel has filled `ancillary` before we walk it, and each descriptor is new and ours.
    let length = unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &mut part;
        header.msg_iovlen = 1;
        header.msg_control = ancillary.as_mut_ptr().cast();
        header.msg_controllen = size_of::<Ancillary>() as _;
        let length = libc::recvmsg(control.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC);
        if length > 0 {
            collect_descriptors(&header, &mut descriptors);
        }
        length
    };
    match usize::try_from(length) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(0) => Ok(Incoming::Closed),
        Ok(length) => Request::from_wire(&buffer[..length])
            .map(|request| Incoming::Request(request, descriptors))
            .map_err(|_| io::Error::from_raw_os_error(libc::EBADMSG)),
    }
}

/// # Safety
/// `header` must have been filled by `recvmsg`.
unsafe fn collect_descriptors(header: &libc::msghdr, into: &mut Vec<OwnedFd>) {
    // SAFETY: the macros walk the buffer that the kernel filled, within its length.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        if first.is_null() || (*first).cmsg_type != libc::SCM_RIGHTS {
            return;
        }
        let bytes = (*first).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
        let numbers = libc::CMSG_DATA(first).cast::<RawFd>();
        for index in 0..(bytes / size_of::<RawFd>()).min(DESCRIPTORS_MAX) {
            into.push(OwnedFd::from_raw_fd(numbers.add(index).read_unaligned()));
        }
    }
}
