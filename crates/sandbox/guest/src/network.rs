//! The network inside: a loopback and, when the plan asks, four sockets whose other end is
//! the platform's proxy. There is no route to anywhere, and there never will be one.

use crate::sys::{self, At, Done};
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// The addresses that stand for allowed names (198.18.0.0/15, set aside for benchmarks).
const STAND_IN: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
const STAND_IN_PREFIX: u8 = 15;

pub fn raise_loopback() -> Done {
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0).at(|| "open a socket".into())?;
    // SAFETY: all-zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    sys::control(socket.as_fd(), libc::SIOCSIFFLAGS as _, &mut request)
        .at(|| "raise the loopback".into())
}

/// The sockets for the proxy, if any are wanted, in the order in which they travel: HTTP, capture
/// of 80, capture of 443, name resolution.
pub fn open_egress(is_wanted: bool) -> Done<Vec<OwnedFd>> {
    if !is_wanted {
        return Ok(Vec::new());
    }
    answer_for_stand_ins().at(|| "route the stand-in addresses".into())?;
    let listen = |address: Ipv4Addr, port: u16| {
        TcpListener::bind((address, port))
            .map(OwnedFd::from)
            .at(|| format!("listen on {address}:{port}"))
    };
    Ok(vec![
        listen(Ipv4Addr::LOCALHOST, 3128)?,
        listen(Ipv4Addr::UNSPECIFIED, 80)?,
        listen(Ipv4Addr::UNSPECIFIED, 443)?,
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 53))
            .map(OwnedFd::from)
            .at(|| "listen on 127.0.0.1:53".into())?,
    ])
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved; the descriptor is new and ours.
    match unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) } {
        fd if fd < 0 => Err(io::Error::last_os_error()),
        // SAFETY: as above.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

/// One netlink message: every stand-in address is local to the loopback.
fn answer_for_stand_ins() -> io::Result<()> {
    const LOOPBACK_INDEX: u32 = 1;
    let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let mut body = vec![
        libc::AF_INET as u8,
        STAND_IN_PREFIX,
        0,
        0,
        libc::RT_TABLE_LOCAL,
        libc::RTPROT_STATIC,
        libc::RT_SCOPE_HOST,
        libc::RTN_LOCAL,
        0,
        0,
        0,
        0,
    ];
    put_attribute(&mut body, libc::RTA_DST, STAND_IN.octets());
    put_attribute(&mut body, libc::RTA_OIF, LOOPBACK_INDEX.to_ne_bytes());
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE;
    let mut message = Vec::new();
    message.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    message.extend_from_slice(&libc::RTM_NEWROUTE.to_ne_bytes());
    message.extend_from_slice(&(flags as u16).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&body);
    exchange(&socket, &message)
}

fn put_attribute(body: &mut Vec<u8>, kind: u16, value: [u8; 4]) {
    body.extend_from_slice(&8_u16.to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(&value);
}

/// Sends one request and reads its acknowledgement: a header, then the error number.
fn exchange(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    let mut answer = [0_u8; 512];
    // SAFETY: both buffers are ours and their lengths are right.
    let length = unsafe {
        libc::send(
            socket.as_raw_fd(),
            message.as_ptr().cast(),
            message.len(),
            0,
        );
        libc::recv(
            socket.as_raw_fd(),
            answer.as_mut_ptr().cast(),
            answer.len(),
            0,
        )
    };
    if length < 20 {
        return Err(io::Error::last_os_error());
    }
    match i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(-errno)),
    }
}
