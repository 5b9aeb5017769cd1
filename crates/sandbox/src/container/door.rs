//! The socket by which the first process of a container reaches us: once, and then it is gone.
//!
//! It lies in a folder that only the container's user may reach, and nothing of a task runs inside
//! before it was answered.

use super::layout::Bundle;
use crate::native::{Born, Guest, Identity, watched};
use crate::provider::SandboxError;
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags};
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Engines take a moment, seconds on a drowning host.
pub const READY_WITHIN: Duration = Duration::from_secs(60);
const NAME: &str = "control";

pub struct Door {
    listener: AsyncFd<OwnedFd>,
    place: PathBuf,
    uid: u32,
}

impl Door {
    pub fn open(bundle: &Bundle, identity: &Identity) -> Result<Self, SandboxError> {
        Self::try_open(bundle, identity).map_err(|cause| SandboxError::Host {
            attempt: "listen for the container's first process",
            cause,
        })
    }

    fn try_open(bundle: &Bundle, identity: &Identity) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::SEQPACKET;
        let listener = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
        // By the folder's descriptor: the path may be longer than an address can be.
        let folder = rustix::fs::open(
            bundle.guest(),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let short = format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd());
        rustix::net::bind(&listener, &SocketAddrUnix::new(short)?)?;
        let place = bundle.guest().join(NAME);
        if rustix::process::geteuid().is_root() {
            chown(&place, Some(identity.uid), Some(identity.gid))?;
        }
        rustix::net::listen(&listener, 1)?;
        Ok(Self {
            listener: watched(listener)?,
            place,
            uid: identity.uid,
        })
    }

    /// Lets one process in, unless the container ends first, which `ended` tells with the reason.
    pub async fn admit(
        self,
        ended: impl Future<Output = SandboxError>,
    ) -> Result<Guest, SandboxError> {
        let admitted = tokio::select! {
            guest = self.accept() => guest.map_err(|cause| SandboxError::Host {
                attempt: "let the container's first process in",
                cause,
            }),
            error = ended => Err(error),
            () = tokio::time::sleep(READY_WITHIN) => Err(SandboxError::Slow(READY_WITHIN)),
        };
        let _ = std::fs::remove_file(&self.place);
        admitted
    }

    async fn accept(&self) -> io::Result<Guest> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let take = |listener: &OwnedFd| Ok(rustix::net::accept_with(listener, flags)?);
        let control = self
            .listener
            .async_io(tokio::io::Interest::READABLE, take)
            .await?;
        let (pid, uid) = peer_of(&control)?;
        let born = Pid::from_raw(pid).filter(|_| uid == self.uid);
        let born = born.ok_or(io::ErrorKind::PermissionDenied)?;
        let pidfd = rustix::process::pidfd_open(born, PidfdFlags::empty())?;
        // It goes on only now, so whoever answers is whom the descriptor holds.
        rustix::io::write(&control, &[1])?;
        Ok(Guest {
            control,
            lifeline: None,
            born: Some(Born {
                pid: pid.unsigned_abs(),
                pidfd,
            }),
        })
    }
}

/// Number and user of the process at the other end; number 0 for one of another machine.
fn peer_of(socket: &OwnedFd) -> io::Result<(i32, u32)> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let pointer: *mut libc::ucred = &mut peer;
    // SAFETY: the kernel writes at most `size` bytes to `peer`, which is as large.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            pointer.cast(),
            &mut size,
        )
    };
    match answer {
        0 => Ok((peer.pid, peer.uid)),
        _ => Err(io::Error::last_os_error()),
    }
}
