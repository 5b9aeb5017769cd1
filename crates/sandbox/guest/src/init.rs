//! PID 1 of the sandbox: builds it, locks it, then serves requests and buries the dead.

use crate::command::{self, Running};
use crate::packet::{self, Incoming};
use crate::sys::{self, At, Done, Ended, Failure, Reaped};
use crate::trees::Parts;
use crate::wire::{Command, Plan, Report, Request, Wire};
use crate::{lockdown, network, root};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Never returns: the sandbox lives as long as this process.
pub fn run(
    control: OwnedFd,
    plan: &Plan,
    parts: Parts,
    (gate, groups): (OwnedFd, Vec<OwnedFd>),
) -> ! {
    lockdown::die_with_parent();
    if let Err(failure) = join(groups) {
        packet::report_failure(control.as_fd(), &failure);
        std::process::exit(1);
    }
    if !lockdown::wait_for_gate(gate.as_fd()) {
        std::process::exit(1);
    }
    drop(gate);
    let served =
        build(control.as_fd(), plan, parts).and_then(|signals| serve(control.as_fd(), signals));
    if let Err(failure) = served {
        packet::report_failure(control.as_fd(), &failure);
    }
    std::process::exit(1);
}

/// Enters the groups. One thread that moves itself needs no pause of every other process of the
/// host, which is what a move from outside takes (v1).
fn join(groups: Vec<OwnedFd>) -> Done {
    for group in groups {
        File::from(group)
            .write_all(b"0")
            .at(|| "join a cgroup".into())?;
    }
    Ok(())
}

fn build(control: BorrowedFd<'_>, plan: &Plan, parts: Parts) -> Done<OwnedFd> {
    // A view of cgroups that begins here, now that PID 1 stands in the right one.
    // SAFETY: no memory is involved.
    unsafe { libc::unshare(libc::CLONE_NEWCGROUP) };
    lockdown::take_identity(plan.inner_id)?;
    // SAFETY: the name lives across the call.
    unsafe { libc::sethostname(plan.hostname.as_ptr().cast(), plan.hostname.len()) };
    root::build(plan, parts)?;
    network::raise_loopback()?;
    let sockets = network::open_egress(plan.egress)?;
    let signals = sys::child_signals().at(|| "watch children".into())?;
    let landlock_abi = lockdown::lock(plan)?;
    lockdown::die_with_parent();
    packet::ready(control, landlock_abi, &sockets);
    Ok(signals)
}

/// Serves requests until the platform has gone.
pub fn serve(control: BorrowedFd<'_>, signals: OwnedFd) -> Done {
    let mut init = Init {
        control,
        running: Vec::new(),
        signals,
        has_kept: false,
    };
    init.serve()
}

struct Init<'a> {
    control: BorrowedFd<'a>,
    signals: OwnedFd,
    running: Vec<Running>,
    /// Some command was allowed to leave processes behind.
    has_kept: bool,
}

impl Init<'_> {
    fn serve(&mut self) -> Done {
        loop {
            let (asked, ended) = sys::wait_readable(self.control, self.signals.as_fd(), -1)
                .at(|| "wait for requests".into())?;
            if ended {
                sys::drain(self.signals.as_fd());
                self.bury();
            }
            if asked {
                match packet::receive(self.control).at(|| "read a request".into())? {
                    Incoming::Request(request, descriptors) => self.obey(request, descriptors)?,
                    // The platform has gone, so the sandbox goes.
                    Incoming::Closed => std::process::exit(0),
                }
            }
        }
    }

    fn obey(&mut self, request: Request, descriptors: Vec<OwnedFd>) -> Done {
        match request {
            Request::Exec { command } => self.start(&command, descriptors),
            Request::ExecSpilled { bytes } => {
                let (command, descriptors) = unspill(bytes, descriptors)?;
                self.start(&command, descriptors);
            }
            Request::Kill { exec } => {
                if let Some(running) = self.running.iter().find(|running| running.exec == exec) {
                    self.kill_all_of(running);
                }
            }
            Request::Signal { exec, signal } => {
                if let Some(running) = self.running.iter().find(|running| running.exec == exec) {
                    let _ = sys::kill(-running.pid, signal);
                }
            }
            Request::Freeze { on } => {
                let _ = sys::kill(-1, if on { libc::SIGSTOP } else { libc::SIGCONT });
            }
        }
        Ok(())
    }

    fn start(&mut self, command: &Command, descriptors: Vec<OwnedFd>) {
        self.has_kept |= !command.sweep_leftovers;
        let kept = if self.has_kept {
            command::processes_now()
        } else {
            Vec::new()
        };
        match command::start(self.control, command, descriptors) {
            Ok(running) => self.running.push(Running { kept, ..running }),
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                packet::send(
                    self.control,
                    &Report::ExecFailed {
                        exec: command.exec,
                        errno,
                    },
                    &[],
                );
            }
        }
    }

    /// Takes every ended child; orphans among them belong to nobody and are forgotten.
    fn bury(&mut self) {
        while let Reaped::One(ended) = sys::reap() {
            if let Some(at) = self
                .running
                .iter()
                .position(|running| running.pid == ended.pid)
            {
                let running = self.running.swap_remove(at);
                self.conclude(&running, &ended);
            }
        }
    }

    fn conclude(&mut self, running: &Running, ended: &Ended) {
        if running.sweep_leftovers {
            self.kill_all_of(running);
        }
        let report = Report::Exited {
            exec: running.exec,
            wait_status: ended.wait_status,
            rss_max_kib: ended.rss_max_kib,
            cpu_us: ended.cpu_us,
        };
        packet::send(self.control, &report, &[]);
    }

    /// Kills what one command started, however it hid: everything inside that was not there
    /// before it, and does not belong to another running command.
    fn kill_all_of(&self, running: &Running) {
        let others = self
            .running
            .iter()
            .filter(|other| other.exec != running.exec);
        let spared: Vec<i32> = others
            .map(|other| other.pid)
            .chain(running.kept.iter().copied())
            .collect();
        // One call, atomic against forks: a child of a killed process is never born. It
        // fails if there is nobody, which is the rule.
        if spared.is_empty() && sys::kill(-1, libc::SIGKILL).is_err() {
            return;
        }
        command::kill_beside(&spared);
    }
}

fn unspill(bytes: u64, mut descriptors: Vec<OwnedFd>) -> Done<(Command, Vec<OwnedFd>)> {
    let broken = || Failure {
        stage: "read a long command".into(),
        errno: libc::EBADMSG,
    };
    let file = descriptors.pop().ok_or_else(broken)?;
    let mut contents = Vec::new();
    File::from(file)
        .take(bytes)
        .read_to_end(&mut contents)
        .at(|| "read a long command".into())?;
    Command::from_wire(&contents)
        .map(|command| (command, descriptors))
        .map_err(|_| broken())
}
