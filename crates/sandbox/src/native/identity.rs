//! Who we are on the host, and whom a sandbox becomes there.
//!
//! INVARIANT: a sandbox is never user 0 of the host, and, started by root, never any user
//! that owns something: it gets a number of its own from a range that nobody uses.

use super::host;
use super::wire::OVERLAY_ID_ON_DISK;
use crate::provider::SandboxError;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The range from which root-run sandboxes take their user and group.
const FIRST_UID: u32 = OVERLAY_ID_ON_DISK + 1;
const UID_COUNT: u32 = 60_000;

/// What this process may do on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Root,
    User { uid: u32, gid: u32 },
}

impl Standing {
    pub fn of_this_process() -> Result<Self, SandboxError> {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            return Ok(Self::User {
                uid,
                gid: rustix::process::getegid().as_raw(),
            });
        }
        if has_powers_of_root() && can_become_others() {
            return Ok(Self::Root);
        }
        Err(host(
            "act as root: this process is user 0 without the powers of root (run it as an \
             ordinary user, or give the container `--user 1000`)",
        )(std::io::Error::from_raw_os_error(libc::EPERM)))
    }
}

/// Root in a container may lack what it takes to make somebody else.
fn has_powers_of_root() -> bool {
    const NEEDED: [u32; 5] = [5, 6, 7, 2, 21]; // KILL, SETGID, SETUID, DAC_READ_SEARCH, SYS_ADMIN
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    NEEDED
        .iter()
        .all(|capability| effective >> capability & 1 == 1)
}

/// Root of a user namespace may be root over hardly anyone.
fn can_become_others() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let numbers: Vec<u32> =
            line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        matches!(numbers[..], [first, _, count]
            if first <= FIRST_UID && u64::from(FIRST_UID + UID_COUNT) <= u64::from(first) + u64::from(count))
    })
}

/// The host user and group of one sandbox, held until dropped.
#[derive(Debug)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    /// An abstract socket named after the number: the kernel frees it with this process.
    _claim: Option<UnixDatagram>,
}

impl Identity {
    pub fn take(standing: Standing) -> Result<Self, SandboxError> {
        match standing {
            Standing::User { uid, gid } => Ok(Self {
                uid,
                gid,
                _claim: None,
            }),
            Standing::Root => (FIRST_UID..FIRST_UID + UID_COUNT)
                .find_map(|uid| {
                    Some(Self {
                        uid,
                        gid: uid,
                        _claim: Some(claim(uid)?),
                    })
                })
                .ok_or_else(|| {
                    host("find an unused user for the sandbox")(std::io::Error::from_raw_os_error(
                        libc::EAGAIN,
                    ))
                }),
        }
    }
}

fn claim(uid: u32) -> Option<UnixDatagram> {
    let name = SocketAddr::from_abstract_name(format!("wardroom-sandbox-user-{uid}")).ok()?;
    UnixDatagram::bind_addr(&name).ok()
}
