//! What the platform's probe tries inside, by the guest itself: no tool of the host is
//! needed. The exit code has one bit for each border that did not hold.

use crate::sys;
use std::fs::File;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// As `argv[0]`, this makes the guest a probe; `argv[1]` names the attempt.
pub const NAME: &str = "wardroom-probe";

const NAMESPACES: i32 = 1;
const SYSCALLS: i32 = 2;
const NETWORK: i32 = 4;
const FILES: i32 = 8;
const UNKNOWN_ATTEMPT: i32 = 127;
/// `PR_GET_SECCOMP`, for a process with a filter.
const FILTERED: libc::c_int = 2;

pub fn run(attempt: &str, amount: u64) -> i32 {
    match attempt {
        "escape" => escape(),
        "processes" => processes(amount),
        "memory" => memory(amount),
        "cpu" => cpu(Duration::from_millis(amount)),
        "scratch" => scratch(amount),
        "disk" => disk(amount),
        "files" => files(amount),
        _ => UNKNOWN_ATTEMPT,
    }
}

fn escape() -> i32 {
    let borders = [
        (NAMESPACES, namespaces_hold()),
        (SYSCALLS, syscalls_hold()),
        (NETWORK, network_holds()),
        (FILES, files_hold()),
    ];
    borders
        .into_iter()
        .filter(|(_, holds)| !holds)
        .map(|(bit, _)| bit)
        .sum()
}

/// Our parent is PID 1, we are the one mapped user, and no other pid is in sight.
fn namespaces_hold() -> bool {
    const SOME_PIDS: usize = 8;
    let seen = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = seen.filter(|entry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok())
    });
    // A container's engine starts its commands from outside, so that no parent is in sight.
    matches!(std::os::unix::process::parent_id(), 0 | 1)
        && pids.count() < SOME_PIDS
        && is_nobody_outside()
}

/// Whether our user is one alone in a map of his own, or, without a map, any but the host's root.
fn is_nobody_outside() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    // SAFETY: no memory is involved.
    let user = unsafe { libc::geteuid() };
    map.split_whitespace().nth(2) == Some("1") || user != 0
}

fn syscalls_hold() -> bool {
    // SAFETY: numbers and null pointers only; a success would harm nobody but this process.
    let results = unsafe {
        [
            (libc::unshare(libc::CLONE_NEWUSER), libc::EPERM),
            (
                libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0),
                libc::EPERM,
            ),
            (libc::syscall(libc::SYS_bpf, 0, 0, 0) as i32, libc::EPERM),
            (
                libc::syscall(libc::SYS_mount, 0, 0, 0, 0, 0) as i32,
                libc::EPERM,
            ),
        ]
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    results.iter().all(|(result, _)| *result == -1)
        && asked(libc::PR_GET_SECCOMP) == FILTERED
        && asked(libc::PR_GET_NO_NEW_PRIVS) == 1
        && status.contains("\nCapBnd:\t0000000000000000\n")
}

/// A question about this process that takes no argument.
fn asked(question: libc::c_int) -> libc::c_int {
    const NONE: libc::c_ulong = 0;
    // SAFETY: the questions used here take numbers, no pointers.
    unsafe { libc::prctl(question, NONE, NONE, NONE, NONE) }
}

/// An address for documentation, so that nobody is bothered should the border be open.
fn network_holds() -> bool {
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", "192.0.2.1:9"));
    sent.is_err_and(|error| {
        matches!(
            error.raw_os_error(),
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH)
        )
    })
}

fn files_hold() -> bool {
    let creates = |path: &str| File::create(path).is_ok();
    ![
        "/usr/.probe",
        "/etc/.probe",
        "/.probe",
        "/dev/.probe",
        "/proc/sys/kernel/core_pattern",
    ]
    .into_iter()
    .any(creates)
        && File::open("/etc/shadow").is_err()
        && File::create("/tmp/.probe").is_ok()
}

/// 0: forking failed before so many were born.
fn processes(limit: u64) -> i32 {
    let mut born = Vec::new();
    let stopped = loop {
        match sys::fork_waiting() {
            Err(_) => break true,
            Ok(_) if born.len() as u64 > limit => break false,
            Ok(pid) => born.push(pid),
        }
    };
    for pid in born {
        let _ = sys::kill(pid, libc::SIGKILL);
        sys::wait_for(pid);
    }
    i32::from(!stopped)
}

/// Ends only if nobody minds.
#[expect(
    clippy::disallowed_methods,
    reason = "the guest has no runtime to wait with"
)]
fn memory(bytes: u64) -> i32 {
    const STEP: usize = 1 << 20;
    let mut held = Vec::new();
    while (held.len() * STEP) < bytes as usize {
        held.push(vec![1_u8; STEP]);
        // A watchdog, if that is what guards us, should have its chance.
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(100));
    i32::from(held.iter().map(|step| u64::from(step[0])).sum::<u64>() > 0)
}

/// Burns time as fast as it can. The exit code is how many hundredths of a processor it got.
fn cpu(wall: Duration) -> i32 {
    let begun = Instant::now();
    while begun.elapsed() < wall {
        std::hint::spin_loop();
    }
    let used = own_time().as_secs_f64() / begun.elapsed().as_secs_f64();
    (used * 100.0) as i32
}

/// The processor time of this process so far.
fn own_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// 0: the space ran out before so many bytes were written.
fn scratch(bytes: u64) -> i32 {
    i32::from(!is_full(fill("/tmp/.fill", bytes)))
}

/// 0 as above. Where nothing stops the writing, it waits for a watchdog to notice.
#[expect(
    clippy::disallowed_methods,
    reason = "the guest has no runtime to wait with"
)]
fn disk(bytes: u64) -> i32 {
    const WATCHDOG_TIME_MAX: Duration = Duration::from_secs(10);
    if is_full(fill("/workspace/.fill", bytes)) {
        let _ = std::fs::remove_file("/workspace/.fill");
        return 0;
    }
    std::thread::sleep(WATCHDOG_TIME_MAX);
    1
}

/// 0: there was no place for so many files.
fn files(count: u64) -> i32 {
    let made = (0..count)
        .try_for_each(|number| File::create(format!("/workspace/.fill{number}")).map(drop));
    i32::from(!is_full(made))
}

fn fill(path: &str, bytes: u64) -> io::Result<()> {
    let chunk = [0_u8; 64 * 1024];
    let mut file = File::create(path)?;
    (0..bytes / chunk.len() as u64).try_for_each(|_| file.write_all(&chunk))
}

fn is_full(written: io::Result<()>) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    written.is_err_and(|error| matches!(error.kind(), StorageFull | QuotaExceeded))
}
