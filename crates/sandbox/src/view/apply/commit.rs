//! The moment itself: renames only. Each step can tell from the workspace whether
//! it has happened, so that a second run, forward or back, does no harm.
//!
//! The old thing is moved aside, never overwritten, and recognised by its stamp
//! after the move: if someone saved the file in the last microsecond, it is put
//! back and the apply gives up.

use rustix::fs::{AtFlags, FileType, Gid, Mode, RenameFlags, Uid};
use rustix::io::Errno;

use super::journal::{Journal, KEPT, Phase, Step};
use super::{ApplyError, Hook, Point, conflict_of};
use crate::view::error::FsError;
use crate::view::files::{CopyRules, Owner, Take, copy_bytes, copy_tree, create_file, remove_all};
use crate::view::node::{Node, Stamp, kind_of, mode_of, node_at};
use crate::view::path::RelPath;
use crate::view::root::Root;

/// Removals first, from the inside out; then the rest, from the outside in; then
/// the permissions of folders, which may forbid what came before.
fn in_order(journal: &Journal) -> Vec<(usize, &Step)> {
    let all = || journal.steps.iter().enumerate();
    let leaves = |step: &Step| step.after == Node::Absent;
    let mode_only = |step: &Step| step.is_only_mode();
    let removals = all().rev().filter(|(_, step)| leaves(step));
    let changes = all().filter(|(_, step)| !leaves(step) && !mode_only(step));
    let modes = all().rev().filter(|(_, step)| mode_only(step));
    removals.chain(changes).chain(modes).collect()
}

pub fn commit(workspace: &Root, journal: &Journal, hook: &mut Hook<'_>) -> Result<(), ApplyError> {
    for (index, step) in in_order(journal) {
        if is_done(workspace, step)? {
            finish_exchange(workspace, step)?;
        } else {
            hook(Point::Committing { step: index });
            do_step(workspace, step)?;
        }
    }
    for step in journal.steps.iter().rev() {
        set_folder_mode(workspace, step)?;
    }
    Ok(())
}

pub fn count_done(workspace: &Root, journal: &Journal) -> Result<usize, FsError> {
    let mut done = 0;
    for step in &journal.steps {
        done += usize::from(is_done(workspace, step)?);
    }
    Ok(done)
}

/// Whether this step's change is in the workspace.
fn is_done(workspace: &Root, step: &Step) -> Result<bool, FsError> {
    let now = workspace.stat(&step.path)?;
    match (&step.after, now) {
        (Node::Absent, now) => Ok(now.is_none()),
        (Node::Directory { mode }, Some(stat)) if kind_of(&stat) == FileType::Directory => {
            Ok(!step.is_only_mode() || mode_of(&stat) == *mode)
        }
        (Node::Directory { .. }, _) | (_, None) => Ok(false),
        (_, Some(stat)) => Ok(step
            .fresh_stamp
            .is_some_and(|fresh| fresh.ino == stat.st_ino)),
    }
}

fn do_step(workspace: &Root, step: &Step) -> Result<(), ApplyError> {
    match (&step.before, &step.after) {
        (Node::Directory { .. }, Node::Absent) => Ok(remove_folder(workspace, &step.path)?),
        (Node::Directory { .. } | Node::Tree { .. }, Node::Directory { .. }) => Ok(()),
        (Node::Absent, Node::Directory { .. }) => Ok(make_folder(workspace, &step.path)?),
        (_, Node::Absent) => put_aside(workspace, step),
        (_, Node::Directory { .. }) => {
            put_aside(workspace, step)?;
            Ok(make_folder(workspace, &step.path)?)
        }
        (Node::Absent, _) => put_in(workspace, step),
        (Node::Directory { .. }, _) => {
            remove_folder(workspace, &step.path)?;
            put_in(workspace, step)
        }
        _ => exchange(workspace, step),
    }
}

/// Swaps new and old in one step, so that a reader never finds nothing.
fn exchange(workspace: &Root, step: &Step) -> Result<(), ApplyError> {
    if workspace.stat(&step.path)?.is_none() {
        // An earlier run was cut short between the two halves below.
        return put_in(workspace, step);
    }
    match rename(workspace, &step.fresh, &step.path, RenameFlags::EXCHANGE) {
        Ok(()) => {
            if !is_the_old_one(workspace, &step.fresh, step)? {
                rename(workspace, &step.fresh, &step.path, RenameFlags::EXCHANGE)?;
                return Err(changed_underneath(workspace, step)?);
            }
            Ok(rename(
                workspace,
                &step.fresh,
                &step.aside,
                RenameFlags::NOREPLACE,
            )?)
        }
        Err(error) if is_unsupported(&error) => {
            put_aside(workspace, step)?;
            put_in(workspace, step)
        }
        Err(error) => Err(error.into()),
    }
}

/// An earlier run may have been cut short right after the exchange.
fn finish_exchange(workspace: &Root, step: &Step) -> Result<(), FsError> {
    if step.keeps_old() && step.stages_new() && workspace.stat(&step.fresh)?.is_some() {
        rename(workspace, &step.fresh, &step.aside, RenameFlags::NOREPLACE)?;
    }
    Ok(())
}

/// Some network file systems cannot swap names.
fn is_unsupported(error: &FsError) -> bool {
    matches!(error, FsError::Io { source, .. }
        if matches!(Errno::from_io_error(source), Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)))
}

fn put_aside(workspace: &Root, step: &Step) -> Result<(), ApplyError> {
    if workspace.stat(&step.path)?.is_none() && workspace.stat(&step.aside)?.is_some() {
        // An earlier run was cut short right after this.
        return Ok(());
    }
    rename(workspace, &step.path, &step.aside, RenameFlags::NOREPLACE)?;
    if is_the_old_one(workspace, &step.aside, step)? {
        return Ok(());
    }
    rename(workspace, &step.aside, &step.path, RenameFlags::NOREPLACE)?;
    Err(changed_underneath(workspace, step)?)
}

fn put_in(workspace: &Root, step: &Step) -> Result<(), ApplyError> {
    match rename(workspace, &step.fresh, &step.path, RenameFlags::NOREPLACE) {
        Err(FsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(changed_underneath(workspace, step)?)
        }
        other => Ok(other?),
    }
}

/// Whether what was moved is what was checked. A folder is counted again, since
/// its own stamp says nothing about its inside.
fn is_the_old_one(workspace: &Root, moved: &RelPath, step: &Step) -> Result<bool, FsError> {
    let stamp = workspace.stat(moved)?.map(|stat| Stamp::of(&stat));
    match &step.before {
        Node::Tree { .. } => Ok(node_at(workspace, moved)? == step.before),
        _ => {
            Ok(matches!((stamp, step.old_stamp), (Some(now), Some(old)) if now.is_same_file(&old)))
        }
    }
}

pub fn changed_underneath(workspace: &Root, step: &Step) -> Result<ApplyError, FsError> {
    let now = node_at(workspace, &step.path)?;
    Ok(ApplyError::Conflict(vec![conflict_of(
        &step.path,
        &step.before,
        &step.after,
        now,
    )]))
}

fn rename(
    workspace: &Root,
    from: &RelPath,
    to: &RelPath,
    flags: RenameFlags,
) -> Result<(), FsError> {
    let (from_dir, to_dir) = (workspace.parent(from)?, workspace.parent(to)?);
    match rustix::fs::renameat_with(&from_dir, from.name(), &to_dir, to.name(), flags) {
        Err(Errno::INVAL | Errno::NOSYS) if flags == RenameFlags::NOREPLACE => {
            rename_if_free(workspace, from, to)
        }
        other => other.map_err(|error| FsError::io("rename", to, error)),
    }
}

/// Where the file system has no exclusive rename: looks first, and renames then.
fn rename_if_free(workspace: &Root, from: &RelPath, to: &RelPath) -> Result<(), FsError> {
    if workspace.stat(to)?.is_some() {
        return Err(FsError::io("rename", to, Errno::EXIST));
    }
    rustix::fs::renameat(
        workspace.parent(from)?,
        from.name(),
        workspace.parent(to)?,
        to.name(),
    )
    .map_err(|error| FsError::io("rename", to, error))
}

fn remove_folder(workspace: &Root, path: &RelPath) -> Result<(), FsError> {
    match rustix::fs::unlinkat(workspace.parent(path)?, path.name(), AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(FsError::io("remove the folder", path, error)),
    }
}

/// Passable for us until everything in it is in place.
fn make_folder(workspace: &Root, path: &RelPath) -> Result<(), FsError> {
    rustix::fs::mkdirat(
        workspace.parent(path)?,
        path.name(),
        Mode::from_raw_mode(0o700),
    )
    .map_err(|error| FsError::io("create the folder", path, error))?;
    if rustix::process::geteuid().is_root() {
        let top = workspace.stat_self()?;
        rustix::fs::fchown(
            workspace.dir(path)?,
            Some(Uid::from_raw(top.st_uid)),
            Some(Gid::from_raw(top.st_gid)),
        )
        .map_err(|error| FsError::io("set the owner of", path, error))?;
    }
    Ok(())
}

fn set_folder_mode(workspace: &Root, step: &Step) -> Result<(), FsError> {
    match step.after {
        Node::Directory { mode } => chmod_folder(workspace, &step.path, mode),
        _ => Ok(()),
    }
}

fn chmod_folder(workspace: &Root, path: &RelPath, mode: u32) -> Result<(), FsError> {
    rustix::fs::fchmod(workspace.dir(path)?, Mode::from_raw_mode(mode))
        .map_err(|error| FsError::io("set the mode of", path, error))
}

/// Takes every step back that has happened, in reverse, and removes what was
/// staged.
pub fn roll_back(workspace: &Root, journal: &Journal) -> Result<(), FsError> {
    if journal.phase != Phase::Planned {
        let mut steps = in_order(journal);
        steps.reverse();
        steps
            .iter()
            .try_for_each(|(_, step)| undo_step(workspace, step))?;
    }
    for step in journal.steps.iter().filter(|step| step.stages_new()) {
        remove_fresh(workspace, step)?;
    }
    if journal.phase != Phase::Planned {
        for step in &journal.steps {
            if let Node::Directory { mode } = step.before {
                chmod_folder(workspace, &step.path, mode)?;
            }
        }
    }
    Ok(())
}

fn undo_step(workspace: &Root, step: &Step) -> Result<(), FsError> {
    if step.is_only_mode() {
        return Ok(());
    }
    withdraw_new(workspace, step)?;
    restore_old(workspace, step)
}

/// The new thing goes back under its temporary name, if it is in place.
fn withdraw_new(workspace: &Root, step: &Step) -> Result<(), FsError> {
    if step.after == Node::Absent || !is_done(workspace, step)? {
        return Ok(());
    }
    let old_is_aside = workspace.stat(&step.aside)?.is_some();
    match &step.after {
        // Whoever put something into the new folder keeps it, and the folder.
        Node::Directory { .. } if step.before == Node::Absent => {
            remove_folder(workspace, &step.path).or(Ok(()))
        }
        Node::Directory { .. } if old_is_aside => remove_folder(workspace, &step.path),
        Node::Directory { .. } => Ok(()),
        // Cut short right after the exchange: the old thing has the new one's name.
        _ if step.keeps_old() && !old_is_aside => {
            rename(workspace, &step.fresh, &step.path, RenameFlags::EXCHANGE)
        }
        _ => rename(workspace, &step.path, &step.fresh, RenameFlags::NOREPLACE),
    }
}

fn restore_old(workspace: &Root, step: &Step) -> Result<(), FsError> {
    if let Node::Directory { .. } = step.before {
        return if workspace.stat(&step.path)?.is_none() {
            make_folder(workspace, &step.path)
        } else {
            Ok(())
        };
    }
    if step.keeps_old() && workspace.stat(&step.aside)?.is_some() {
        rename(workspace, &step.aside, &step.path, RenameFlags::NOREPLACE)?;
    }
    Ok(())
}

/// Removes a staged thing, unless its name holds something else by now.
fn remove_fresh(workspace: &Root, step: &Step) -> Result<(), FsError> {
    let there = workspace.stat(&step.fresh)?.map(|stat| stat.st_ino);
    match (there, step.fresh_stamp) {
        (Some(ino), Some(fresh)) if ino != fresh.ino => {
            Err(FsError::io("take back", &step.path, Errno::BUSY))
        }
        _ => remove_all(workspace, &step.fresh),
    }
}

/// Moves the old things into the snapshot and looks once more at folders that were
/// put back as a whole.
pub fn finish(workspace: &Root, snapshot: &Root, journal: &mut Journal) -> Result<(), FsError> {
    for step in &mut journal.steps {
        if let Node::Tree { .. } = step.after {
            step.left = Some(node_at(workspace, &step.path)?);
        }
        if step.keeps_old() && workspace.stat(&step.aside)?.is_some() {
            keep(workspace, snapshot, step)?;
        }
    }
    Ok(())
}

fn keep(workspace: &Root, snapshot: &Root, step: &Step) -> Result<(), FsError> {
    let kept = RelPath::parse(KEPT)?.join(step.kept.as_bytes())?;
    if !step.is_copied {
        let (from, to) = (workspace.parent(&step.aside)?, snapshot.parent(&kept)?);
        match rustix::fs::renameat(&from, step.aside.name(), &to, kept.name()) {
            Ok(()) => return Ok(()),
            Err(Errno::XDEV) => copy_into_snapshot(workspace, snapshot, step, &kept)?,
            Err(error) => return Err(FsError::io("keep the old", &step.path, error)),
        }
    }
    remove_all(workspace, &step.aside)
}

/// The same device, yet another mount of it: there is no rename across.
fn copy_into_snapshot(
    workspace: &Root,
    snapshot: &Root,
    step: &Step,
    kept: &RelPath,
) -> Result<(), FsError> {
    remove_all(snapshot, kept)?;
    match step.before {
        Node::File { .. } => {
            let mut target = create_file(
                std::os::fd::AsFd::as_fd(&snapshot.parent(kept)?),
                kept.name(),
                kept,
            )?;
            let mut source = workspace.file(&step.aside)?;
            copy_bytes(&mut source, &mut target)
                .map_err(|error| FsError::io("keep the old", &step.path, error))?;
        }
        Node::Tree { .. } => {
            make_folder(snapshot, kept)?;
            let rules = CopyRules {
                owner: Owner::Myself,
                mode_mask: 0o777,
                keep_overlay_marks: false,
                bytes_max: u64::MAX,
            };
            copy_tree(
                (workspace, &step.aside),
                (snapshot, kept),
                &rules,
                &mut |_, _, _| Take::Copy,
            )?;
        }
        _ => {}
    }
    super::stage::sync_all(snapshot)
}
