//! The kernel, as functions that return `Result`. Every `unsafe` block that only crosses
//! into the kernel stands here; the callers read like prose.

macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: every pointer among the arguments comes from a reference or `CStr` that
        // lives across the call, and its length argument is that object's own length.
        unsafe { libc::syscall($number $(, $argument)*) }
    };
}

mod mount;
mod process;

pub use mount::*;
pub use process::*;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// What we were attempting, and what the kernel said.
#[derive(Debug)]
pub struct Failure {
    pub stage: String,
    pub errno: i32,
}

pub type Done<T = ()> = Result<T, Failure>;

/// Gives an error the name of the step that failed.
pub trait At<T> {
    fn at(self, stage: impl FnOnce() -> String) -> Done<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, stage: impl FnOnce() -> String) -> Done<T> {
        self.map_err(|error| Failure {
            stage: stage(),
            errno: error.raw_os_error().unwrap_or(0),
        })
    }
}

pub fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Paths come from the plan, where the platform has refused NUL bytes already.
pub fn text(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn checked(result: libc::c_long) -> io::Result<i64> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    // SAFETY: the kernel has just returned this descriptor to us and nobody else has it.
    checked(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub const EMPTY: &CStr = c"";
pub const HERE: RawFd = libc::AT_FDCWD;

pub fn change_folder(path: &CStr) -> io::Result<()> {
    // SAFETY: the string lives across the call.
    checked(unsafe { libc::chdir(path.as_ptr()) }.into()).map(drop)
}

pub fn open(at: RawFd, path: &CStr, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: the string lives across the call.
    owned(unsafe { libc::openat(at, path.as_ptr(), flags | libc::O_CLOEXEC, 0o644) }.into())
}

/// A socket of packets to whoever listens at the path.
pub fn connect_in_packets(path: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let socket = owned(
        unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0) }.into(),
    )?;
    // SAFETY: all-zero is a valid `sockaddr_un`.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (place, byte) in address.sun_path.iter_mut().zip(path) {
        *place = *byte as libc::c_char;
    }
    let pointer: *const libc::sockaddr_un = &address;
    let size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: the address lives across the call, and its size is its own.
    let connected = unsafe { libc::connect(socket.as_raw_fd(), pointer.cast(), size) };
    checked(connected.into()).map(|_| socket)
}

/// Opens a path strictly beneath a folder: no links of any kind, no way up.
pub fn open_beneath(at: RawFd, path: &CStr, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: all-zero is a valid `open_how`.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (flags | libc::O_CLOEXEC) as u64;
    how.resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    let pointer: *const libc::open_how = &how;
    owned(call!(
        libc::SYS_openat2,
        at,
        path.as_ptr(),
        pointer,
        size_of::<libc::open_how>()
    ))
}

/// The file mode (type and permissions) of an open descriptor, `O_PATH` included.
pub fn mode_of(fd: BorrowedFd<'_>) -> io::Result<libc::mode_t> {
    // SAFETY: all-zero is a valid `stat`, and the kernel fills it.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is borrowed and `stat` is ours.
    checked(unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) }.into())?;
    Ok(stat.st_mode)
}

pub fn is_folder(mode: libc::mode_t) -> bool {
    mode & libc::S_IFMT == libc::S_IFDIR
}

/// Makes a folder; one that is there already is fine.
pub fn make_folder(at: RawFd, path: &CStr) -> io::Result<()> {
    // SAFETY: the string lives across the call.
    match checked(unsafe { libc::mkdirat(at, path.as_ptr(), 0o755) }.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(error),
        _ => Ok(()),
    }
}

/// Waits until one of two descriptors has something to say. True: the first one has.
pub fn wait_readable(
    first: BorrowedFd<'_>,
    second: BorrowedFd<'_>,
    timeout_ms: i32,
) -> io::Result<(bool, bool)> {
    let entry = |fd: BorrowedFd<'_>| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut both = [entry(first), entry(second)];
    loop {
        // SAFETY: the array is ours and its length is right.
        match checked(unsafe { libc::poll(both.as_mut_ptr(), 2, timeout_ms) }.into()) {
            Ok(_) => return Ok((both[0].revents != 0, both[1].revents != 0)),
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A descriptor that becomes readable when a child ends.
pub fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by `sigemptyset` before it is used.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        checked(libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()).into())?;
        owned(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())
    }
}

/// Gives a new command the signal state that programs expect.
pub fn reset_signals() {
    // SAFETY: an empty set is valid; the disposition of SIGPIPE is the only one that the
    // standard library changes.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Empties a descriptor that only wakes us; what it says does not matter.
pub fn drain(fd: BorrowedFd<'_>) {
    let mut buffer = [0_u8; 512];
    // SAFETY: the buffer is ours and its length is right.
    while unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) } > 0 {}
}

pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0 as RawFd; 2];
    // SAFETY: the array is ours and has two places.
    checked(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }.into())?;
    Ok((owned(ends[0].into())?, owned(ends[1].into())?))
}

/// Closes every descriptor from `first` on, or only marks them for closing at exec.
pub fn close_from(first: RawFd, at_exec: bool) -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    let flags = if at_exec { CLOSE_RANGE_CLOEXEC } else { 0 };
    checked(call!(
        libc::SYS_close_range,
        first,
        libc::c_uint::MAX,
        flags
    ))
    .map(drop)
}

pub fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    let zero: libc::c_ulong = 0;
    // SAFETY: the options used here take numbers, no pointers.
    checked(unsafe { libc::prctl(option, argument, zero, zero, zero) }.into()).map(drop)
}

pub fn duplicate_to(from: BorrowedFd<'_>, to: RawFd) -> io::Result<()> {
    // SAFETY: no memory is involved; the target numbers belong to the child that calls.
    checked(unsafe { libc::dup2(from.as_raw_fd(), to) }.into()).map(drop)
}

/// An ioctl that takes a number.
pub fn control_number(
    fd: BorrowedFd<'_>,
    request: libc::c_ulong,
    n: libc::c_int,
) -> io::Result<i32> {
    // SAFETY: the requests used here take an integer.
    checked(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, n) }.into()).map(|v| v as i32)
}

/// An ioctl that takes a structure.
pub fn control<T>(fd: BorrowedFd<'_>, request: libc::c_ulong, value: &mut T) -> io::Result<()> {
    let pointer: *mut T = value;
    // SAFETY: the caller pairs the request with the structure that the kernel defines for it.
    checked(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, pointer) }.into()).map(drop)
}

/// Lowers a limit for ever. One that is lower already stays, since only root could raise it.
pub fn set_limit(resource: u32, value: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is ours.
    checked(unsafe { libc::getrlimit(resource as _, &mut limit) }.into())?;
    let value = value.min(limit.rlim_max);
    limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: the structure lives across the call.
    checked(unsafe { libc::setrlimit(resource as _, &limit) }.into()).map(drop)
}

/// Replaces a user's file in `/proc` or a cgroup with one line.
pub fn write_line(path: &[u8], line: &str) -> io::Result<()> {
    let file = open(HERE, &text(path)?, libc::O_WRONLY)?;
    // SAFETY: the string lives across the call and its length is right.
    let written = unsafe { libc::write(file.as_raw_fd(), line.as_ptr().cast(), line.len()) };
    checked(written as libc::c_long).map(drop)
}
