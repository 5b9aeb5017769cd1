//! A program of the host that makes or enters containers, and its streams.
//!
//! It is started by `posix_spawn` (the standard library does where nothing forbids it), with an
//! empty environment but for a search path: what it is asked to pass on stands in files.

use crate::native::{Stream, watched};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tokio::io::unix::AsyncFd;

const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command of the runtime, not yet started.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", SEARCH_PATH);
    // A runtime without root keeps its state in a folder of the user's.
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR") {
        command.env("XDG_RUNTIME_DIR", folder);
    }
    command
}

/// A started program whose end can be waited for.
pub struct Running {
    child: Mutex<Child>,
    ended: AsyncFd<OwnedFd>,
}

impl Running {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        let pid = Pid::from_raw(child.id() as i32).ok_or(io::ErrorKind::NotFound)?;
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self {
            child: Mutex::new(child),
            ended: watched(pidfd)?,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.lock().map_or(0, |child| child.id())
    }

    /// Waits for the end and answers the exit code; a signal counts as with shells.
    pub async fn wait(&self) -> i32 {
        if let Ok(mut guard) = self.ended.readable().await {
            guard.retain_ready();
        }
        use std::os::unix::process::ExitStatusExt;
        let status = self
            .child
            .lock()
            .ok()
            .and_then(|mut child| child.wait().ok());
        status.map_or(-1, |status| {
            status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
        })
    }

    /// As [`Self::wait`], for whoever has no runtime to wait with, and not for ever.
    pub fn wait_blocked(&self, at_most: Timespec) {
        let mut ended = [PollFd::new(self.ended.get_ref(), PollFlags::IN)];
        let _ = rustix::event::poll(&mut ended, Some(&at_most));
        if let Ok(mut child) = self.child.lock() {
            let _ = child.try_wait();
        }
    }

    pub fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(self.ended.get_ref(), Signal::KILL);
    }
}

/// A pipe into a program: our end, and its own.
pub fn pipe_in() -> io::Result<(OwnedFd, Stdio)> {
    let (theirs, ours) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok((ours, theirs.into()))
}

/// A pipe out of a program.
pub fn pipe_out() -> io::Result<(Stream, Stdio)> {
    let (ours, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Stream::new(ours)?, theirs.into()))
}
