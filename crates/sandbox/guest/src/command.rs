//! One command: forked from PID 1, so that it is born locked down.

use crate::packet;
use crate::sys;
use crate::wire::{Command, Report};
use std::collections::HashSet;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A command that has been started.
pub struct Running {
    pub exec: u64,
    pub pid: i32,
    pub sweep_leftovers: bool,
    /// What ran before it and is not its own: kept by earlier commands.
    pub kept: Vec<i32>,
}

/// The command in the form that the kernel takes, made before the fork.
struct Ready {
    programs: Vec<CString>,
    argv: Pointers,
    env: Pointers,
    cwd: CString,
}

/// Strings, and the null-terminated array of pointers to them that the kernel takes.
struct Pointers {
    _strings: Vec<CString>,
    array: Vec<*const libc::c_char>,
}

impl Pointers {
    fn to(items: &[Vec<u8>]) -> io::Result<Self> {
        let strings = items
            .iter()
            .map(|item| sys::text(item))
            .collect::<io::Result<Vec<_>>>()?;
        let ends = [std::ptr::null()];
        let array = strings
            .iter()
            .map(|string| string.as_ptr())
            .chain(ends)
            .collect();
        Ok(Self {
            _strings: strings,
            array,
        })
    }
}

pub fn start(
    control: BorrowedFd<'_>,
    command: &Command,
    descriptors: Vec<OwnedFd>,
) -> io::Result<Running> {
    let ready = Ready::new(command)?;
    let (streams, master) = match command.terminal {
        Some(size) => open_terminal(size).map(|(streams, master)| (streams, Some(master)))?,
        None => (descriptors, None),
    };
    let [input, output, errors] =
        <[OwnedFd; 3]>::try_from(streams).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    let mut failure = None;
    let pid = sys::run_until_exec(&mut || {
        failure = Some(become_command(&ready, command, [&input, &output, &errors]));
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let master: Vec<_> = master.iter().map(AsFd::as_fd).collect();
    packet::send(control, &Report::Started { exec: command.exec }, &master);
    Ok(Running {
        exec: command.exec,
        pid,
        sweep_leftovers: command.sweep_leftovers,
        kept: Vec::new(),
    })
}

impl Ready {
    fn new(command: &Command) -> io::Result<Self> {
        let named = command.program.as_ref().or(command.argv.first());
        let name = named.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self {
            programs: candidates(name, &command.env)?,
            argv: Pointers::to(&command.argv)?,
            env: Pointers::to(&command.env)?,
            cwd: sys::text(&command.cwd)?,
        })
    }
}

/// Where the program may be: as given if it names a place, else along the command's `PATH`.
fn candidates(name: &[u8], env: &[Vec<u8>]) -> io::Result<Vec<CString>> {
    if name.contains(&b'/') {
        return Ok(vec![sys::text(name)?]);
    }
    let path = env
        .iter()
        .find_map(|entry| entry.strip_prefix(b"PATH="))
        .unwrap_or(b"/usr/bin:/bin");
    path.split(|byte| *byte == b':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| sys::text(&[folder, b"/", name].concat()))
        .collect()
}

/// Returns only if the command could not be executed.
fn become_command(ready: &Ready, command: &Command, streams: [&OwnedFd; 3]) -> io::Error {
    if let Err(error) = prepare(ready, command, streams) {
        return error;
    }
    let mut answer = io::Error::from_raw_os_error(libc::ENOENT);
    for program in &ready.programs {
        // SAFETY: all strings and both null-terminated arrays live across the call.
        unsafe {
            libc::execve(
                program.as_ptr(),
                ready.argv.array.as_ptr(),
                ready.env.array.as_ptr(),
            )
        };
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            Some(libc::EACCES) => answer = error,
            _ => return error,
        }
    }
    answer
}

fn prepare(ready: &Ready, command: &Command, streams: [&OwnedFd; 3]) -> io::Result<()> {
    // SAFETY: no memory is involved.
    unsafe { libc::setsid() };
    for (number, stream) in streams.into_iter().enumerate() {
        sys::duplicate_to(stream.as_fd(), number as i32)?;
    }
    if command.terminal.is_some() {
        sys::control_number(streams[0].as_fd(), libc::TIOCSCTTY as _, 0)?;
    }
    sys::close_from(3, true)?;
    sys::reset_signals();
    sys::change_folder(&ready.cwd)
}

/// A terminal of the sandbox's own: three streams, and the master for the platform.
fn open_terminal((rows, columns): (u16, u16)) -> io::Result<(Vec<OwnedFd>, OwnedFd)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY;
    let master = sys::open(sys::HERE, c"/dev/pts/ptmx", flags)?;
    let mut unlocked: libc::c_int = 0;
    sys::control(master.as_fd(), libc::TIOCSPTLCK as _, &mut unlocked)?;
    let mut size = libc::winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    sys::control(master.as_fd(), libc::TIOCSWINSZ as _, &mut size)?;
    let mut number: libc::c_uint = 0;
    sys::control(master.as_fd(), libc::TIOCGPTN as _, &mut number)?;
    let path = sys::text(format!("/dev/pts/{number}").as_bytes())?;
    let slave = sys::open(sys::HERE, &path, flags)?;
    Ok((vec![slave.try_clone()?, slave.try_clone()?, slave], master))
}

/// Kills every process except PID 1 and those that belong to `spared` (by descent or by
/// session), and waits until they are gone, but not for ever.
pub fn kill_beside(spared: &[i32]) {
    const ROUNDS_MAX: usize = 100;
    const PAUSE_MS: i32 = 1;
    for _ in 0..ROUNDS_MAX {
        let victims = strangers(&processes(), spared);
        if victims.is_empty() {
            return;
        }
        for pid in victims {
            let _ = sys::kill(pid, libc::SIGKILL);
        }
        sys::pause(PAUSE_MS);
    }
}

struct Process {
    pid: i32,
    parent: i32,
    session: i32,
}

fn strangers(processes: &[Process], spared: &[i32]) -> Vec<i32> {
    let mut kept: HashSet<i32> = spared.iter().copied().collect();
    loop {
        let before = kept.len();
        for process in processes {
            if kept.contains(&process.parent) || spared.contains(&process.session) {
                kept.insert(process.pid);
            }
        }
        if kept.len() == before {
            break;
        }
    }
    processes
        .iter()
        .map(|process| process.pid)
        .filter(|pid| *pid != 1 && !kept.contains(pid))
        .collect()
}

/// The numbers of all processes but PID 1.
pub fn processes_now() -> Vec<i32> {
    processes()
        .into_iter()
        .map(|process| process.pid)
        .filter(|pid| *pid != 1)
        .collect()
}

/// Every live process of the sandbox; those that only wait to be buried are left out.
fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(look_at)
        .collect()
}

fn look_at(pid: i32) -> Option<Process> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so the fields are counted from the last bracket.
    let after = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(after + 2..)?).ok()?;
    let mut fields = text.split(' ');
    let alive = !matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    alive.then_some(Process {
        pid,
        parent,
        session,
    })
}
