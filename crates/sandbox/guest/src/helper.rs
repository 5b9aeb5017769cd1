//! The helper: outside the sandbox, and out of its sight.
//!
//! It makes the namespaces, maps one user, and then only waits for two things: the end of
//! PID 1, or the end of the platform (the lifeline). A parent-death signal would fire when
//! the platform's spawning *thread* ends, so there is none here.

use crate::init;
use crate::packet;
use crate::sys::{self, At, Done, Side};
use crate::trees::{self, Parts};
use crate::wire::{LIFELINE_FD, Plan, Report, Wire};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub fn run(control: OwnedFd, plan: &OwnedFd, lifeline: &OwnedFd) -> Done {
    settle()?;
    let plan = read_plan(plan)?;
    let parts = if plan.privileged {
        trees::prepare_as_root(&plan)?
    } else {
        Parts::default()
    };
    let groups = open_groups(&plan)?;
    let (gate_read, gate_write) = sys::pipe().at(|| "make a pipe".into())?;
    match clone_init(&plan)? {
        Side::Child => {
            drop(gate_write);
            init::run(control, &plan, parts, (gate_read, groups))
        }
        Side::Parent { pid, pidfd } => {
            drop((parts, groups, gate_read));
            let guarded = release(&plan, pid, pidfd.as_fd(), control, gate_write);
            if guarded.is_err() {
                sys::kill_by_pidfd(pidfd.as_fd());
            } else {
                watch(pidfd.as_fd(), lifeline.as_fd());
            }
            sys::wait_for(pid);
            guarded
        }
    }
}

/// Lets go of everything that the platform may have left open.
pub fn close_inherited() -> Done {
    sys::close_from(LIFELINE_FD + 1, false).at(|| "close inherited descriptors".into())
}

/// Lets go of everything else that the platform may have left.
fn settle() -> Done {
    sys::change_folder(c"/").at(|| "enter the root folder".into())?;
    // SAFETY: no memory is involved.
    unsafe { libc::umask(0o022) };
    let name: &std::ffi::CStr = c"wardroom-guest";
    let _ = sys::prctl(libc::PR_SET_NAME, name.as_ptr() as libc::c_ulong);
    // The host, when it runs out of memory, should take a sandbox before the platform.
    let _ = sys::write_line(b"/proc/self/oom_score_adj", "500");
    Ok(())
}

fn read_plan(plan: &OwnedFd) -> Done<Plan> {
    let mut bytes = Vec::new();
    let copy = plan.try_clone().at(|| "read the plan".into())?;
    File::from(copy)
        .read_to_end(&mut bytes)
        .at(|| "read the plan".into())?;
    Plan::from_wire(&bytes).map_err(|_| sys::Failure {
        stage: "understand the plan".into(),
        errno: libc::EBADMSG,
    })
}

fn clone_init(plan: &Plan) -> Done<Side> {
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS;
    let cgroup = plan
        .cgroup_folder
        .as_deref()
        .map(|folder| sys::open(sys::HERE, &sys::text(folder)?, libc::O_RDONLY))
        .transpose()
        .at(|| "open the cgroup".into())?;
    sys::clone_into(namespaces, cgroup.as_ref().map(AsFd::as_fd))
        .at(|| "create the namespaces".into())
}

/// The lists that PID 1 enters itself into, opened here: the kernel asks who opened them.
fn open_groups(plan: &Plan) -> Done<Vec<OwnedFd>> {
    let opened = |list: &Vec<u8>| {
        sys::text(list)
            .and_then(|path| sys::open(sys::HERE, &path, libc::O_WRONLY))
            .at(|| format!("join the cgroup {}", sys::shown(list)))
    };
    plan.cgroup_tasks.iter().map(opened).collect()
}

/// Everything PID 1 cannot do for itself; then it may go on.
fn release(plan: &Plan, pid: i32, pidfd: BorrowedFd<'_>, control: OwnedFd, gate: OwnedFd) -> Done {
    map_user(pid, plan.inner_id, plan.host_uid, plan.host_gid)?;
    packet::send(
        control.as_fd(),
        &Report::Booted { pid: pid as u32 },
        &[pidfd],
    );
    File::from(gate)
        .write_all(&[1])
        .at(|| "release PID 1".into())
}

/// Maps exactly one user and one group. The host side is never root.
pub fn map_user(pid: i32, inside: u32, uid: u32, gid: u32) -> Done {
    map_ids(pid, &[(inside, uid)], &[(inside, gid)])
}

/// Writes the id maps for the user namespace of `pid`: what is inside, what is outside.
pub fn map_ids(pid: i32, uids: &[(u32, u32)], gids: &[(u32, u32)]) -> Done {
    let path = |name: &str| format!("/proc/{pid}/{name}").into_bytes();
    let lines = |ids: &[(u32, u32)]| -> String {
        ids.iter()
            .map(|(inside, outside)| format!("{inside} {outside} 1\n"))
            .collect()
    };
    sys::write_line(&path("setgroups"), "deny").at(|| "deny setgroups".into())?;
    sys::write_line(&path("gid_map"), &lines(gids)).at(|| "map the group".into())?;
    sys::write_line(&path("uid_map"), &lines(uids)).at(|| "map the user".into())
}

/// Waits for the end of PID 1; ends it when the platform has gone.
fn watch(pidfd: BorrowedFd<'_>, lifeline: BorrowedFd<'_>) {
    let _ = sys::prctl(libc::PR_SET_DUMPABLE, 0);
    match sys::wait_readable(pidfd, lifeline, -1) {
        Ok((true, _)) => {}
        _ => sys::kill_by_pidfd(pidfd),
    }
}
