//! Everything that can fail, done before anything changes: is the workspace what
//! was compared, does the view still hold what was approved, is there room. New
//! content ends up under temporary names beside its target, synced.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Gid, Mode, Stat, Uid};

use super::commit::changed_underneath;
use super::journal::{Journal, KEPT, Step};
use super::{ApplyError, Hook, Operation, Point, conflict_of};
use crate::view::error::FsError;
use crate::view::files::{CopyRules, Owner, Take, copy_hashed, copy_tree, create_file};
use crate::view::limits::FSYNC_EACH_MAX;
use crate::view::make_private_folder;
use crate::view::node::{MODE_BITS, Node, Stamp, kind_of, mode_of, node_at};
use crate::view::path::RelPath;
use crate::view::root::Root;

/// Where the new content of one path comes from.
pub struct Source<'a> {
    pub root: &'a Root,
    pub path: RelPath,
}

/// Compares every path with what the difference was taken against, and notes the
/// stamp of what was compared.
pub fn check(workspace: &Root, operations: &mut [Operation<'_>]) -> Result<(), ApplyError> {
    let mut leaving = BTreeSet::new();
    for operation in operations.iter_mut() {
        // The stamp is taken first: a change while the content is read shows later.
        operation.checked = workspace
            .stat(&operation.path)?
            .map(|stat| Stamp::of(&stat));
        if operation.after == Node::Absent {
            leaving.insert(operation.path.clone());
        }
    }
    let mut conflicts = Vec::new();
    for operation in operations.iter() {
        if let Some(now) = differs(workspace, operation, &leaving)? {
            conflicts.push(conflict_of(
                &operation.path,
                &operation.before,
                &operation.after,
                now,
            ));
        }
    }
    if conflicts.is_empty() {
        Ok(())
    } else {
        Err(ApplyError::Conflict(conflicts))
    }
}

/// What stands there instead, if it is not what was compared.
fn differs(
    workspace: &Root,
    operation: &Operation<'_>,
    leaving: &BTreeSet<RelPath>,
) -> Result<Option<Node>, FsError> {
    let path = &operation.path;
    if let Node::Directory { mode } = operation.before {
        let Some(stat) = workspace.stat(path)? else {
            return Ok(Some(Node::Absent));
        };
        let is_folder = kind_of(&stat) == FileType::Directory;
        let is_same = is_folder
            && mode_of(&stat) == mode
            && (operation.after.is_folder() || holds_only(workspace, path, leaving)?);
        return if is_same {
            Ok(None)
        } else {
            node_at(workspace, path).map(Some)
        };
    }
    let now = match node_at(workspace, path) {
        // A pipe or device that stands there now has no content to show.
        Err(FsError::NotAFile { .. }) => Node::Absent,
        other => other?,
    };
    let is_same =
        now == operation.before && !(now == Node::Absent && workspace.stat(path)?.is_some());
    Ok((!is_same).then_some(now))
}

/// Whether a folder that is to go holds nothing but what goes as well.
fn holds_only(
    workspace: &Root,
    folder: &RelPath,
    leaving: &BTreeSet<RelPath>,
) -> Result<bool, FsError> {
    Ok(workspace
        .list(folder)?
        .iter()
        .all(|(path, _)| leaving.contains(path)))
}

/// Makes every new thing under its temporary name and, where the snapshot lies on
/// another file system, copies every old thing into it.
pub fn stage(
    workspace: &Root,
    snapshot: &Root,
    operations: &[Operation<'_>],
    journal: &mut Journal,
    hook: &mut Hook<'_>,
) -> Result<(), ApplyError> {
    make_private_folder(&snapshot.path().join(KEPT))?;
    let stager = Stager {
        workspace,
        snapshot,
        top: workspace.stat_self()?,
        snapshot_dev: snapshot.stat_self()?.st_dev,
        fsync_each: operations.len() <= FSYNC_EACH_MAX,
    };
    for (index, operation) in operations.iter().enumerate() {
        let step = &mut journal.steps[index];
        stager.keep_old(step)?;
        stager.make_new(step, operation.source.as_ref())?;
        hook(Point::Staged { step: index });
    }
    Ok(stager.sync()?)
}

/// Waits until everything in the workspace's file system is on disk.
pub fn sync_all(workspace: &Root) -> Result<(), FsError> {
    rustix::fs::syncfs(workspace.dir(&RelPath::root())?)
        .map_err(|error| FsError::io("sync", workspace.path().display(), error))
}

/// Waits until the renames are on disk: each folder by itself while there are few,
/// for a sync of everything also waits for what others write.
pub fn sync_outcome(workspace: &Root, journal: &Journal) -> Result<(), FsError> {
    if journal.steps.len() > FSYNC_EACH_MAX {
        return sync_all(workspace);
    }
    let homes = journal
        .steps
        .iter()
        .flat_map(|step| [step.path.parent(), step.aside.parent(), step.path.clone()]);
    for folder in homes.collect::<BTreeSet<RelPath>>() {
        match workspace.dir(&folder) {
            Ok(fd) => rustix::fs::fsync(fd).map_err(|error| FsError::io("sync", &folder, error))?,
            // A file, or a folder that has gone.
            Err(error) if error.is_absent() => {}
            Err(FsError::ThroughLink { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

struct Stager<'a> {
    workspace: &'a Root,
    snapshot: &'a Root,
    top: Stat,
    snapshot_dev: u64,
    fsync_each: bool,
}

impl Stager<'_> {
    fn keep_old(&self, step: &mut Step) -> Result<(), ApplyError> {
        let Some(stat) = self.workspace.stat(&step.path)? else {
            return Ok(());
        };
        if kind_of(&stat) != FileType::Directory && step.old_stamp != Some(Stamp::of(&stat)) {
            return Err(changed_underneath(self.workspace, step)?);
        }
        step.is_copied = step.keeps_old() && stat.st_dev != self.snapshot_dev;
        if step.is_copied {
            let kept = RelPath::parse(KEPT)
                .and_then(|folder| folder.join(step.kept.as_bytes()))
                .map_err(FsError::from)?;
            self.copy_old(step, &stat, &kept)?;
        }
        Ok(())
    }

    fn copy_old(&self, step: &Step, stat: &Stat, kept: &RelPath) -> Result<(), ApplyError> {
        match &step.before {
            Node::File { sha256, .. } => {
                let mut file = create_file(self.snapshot.parent(kept)?.as_fd(), kept.name(), kept)?;
                let (_, copied) = self.copy_into(self.workspace, &step.path, &mut file)?;
                if copied != *sha256 {
                    let now = node_at(self.workspace, &step.path)?;
                    return Err(ApplyError::Conflict(vec![conflict_of(
                        &step.path,
                        &step.before,
                        &step.after,
                        now,
                    )]));
                }
                set_mode(&file, stat.st_mode, kept)?;
                file.sync_all()
                    .map_err(|error| FsError::io("sync", kept, error).into())
            }
            Node::Tree { .. } => {
                make_folder(self.snapshot, kept)?;
                let rules = CopyRules {
                    owner: self.owner_of_copies(),
                    mode_mask: MODE_BITS,
                    keep_overlay_marks: false,
                    bytes_max: u64::MAX,
                };
                copy_tree(
                    (self.workspace, &step.path),
                    (self.snapshot, kept),
                    &rules,
                    &mut |_, _, _| Take::Copy,
                )?;
                sync_all(self.snapshot).map_err(ApplyError::from)
            }
            _ => Ok(()),
        }
    }

    fn owner_of_copies(&self) -> Owner {
        if rustix::process::geteuid().is_root() {
            Owner::AsOriginal
        } else {
            Owner::Myself
        }
    }

    fn copy_into(
        &self,
        from: &Root,
        path: &RelPath,
        to: &mut File,
    ) -> Result<(u64, crate::view::node::Digest), FsError> {
        let mut source = from.file(path)?;
        copy_hashed(&mut source, to).map_err(|error| FsError::io("copy", path, error))
    }

    fn make_new(&self, step: &mut Step, source: Option<&Source<'_>>) -> Result<(), ApplyError> {
        if !step.stages_new() {
            return Ok(());
        }
        match &step.after {
            Node::File { .. } => self.make_file(step, source)?,
            Node::Link { target } => {
                let home = self.workspace.parent(&step.fresh)?;
                rustix::fs::symlinkat(target.0.as_slice(), &home, step.fresh.name())
                    .map_err(|error| FsError::io("create the link", &step.path, error))?;
                self.chown_link(step)?;
            }
            Node::Tree { mode, .. } => self.make_tree(step, *mode, source)?,
            Node::Absent | Node::Directory { .. } => {}
        }
        step.fresh_stamp = self
            .workspace
            .stat(&step.fresh)?
            .map(|stat| Stamp::of(&stat));
        Ok(())
    }

    /// The content must be what the difference says, to the byte.
    fn make_file(&self, step: &Step, source: Option<&Source<'_>>) -> Result<(), ApplyError> {
        let view_changed = || ApplyError::ViewChanged {
            path: step.path.clone(),
        };
        let (
            Node::File {
                mode,
                bytes,
                sha256,
            },
            Some(source),
        ) = (&step.after, source)
        else {
            return Err(view_changed());
        };
        let mut file = create_file(
            self.workspace.parent(&step.fresh)?.as_fd(),
            step.fresh.name(),
            &step.path,
        )?;
        let copied = match self.copy_into(source.root, &source.path, &mut file) {
            Err(error) if error.is_absent() => return Err(view_changed()),
            other => other?,
        };
        if copied != (*bytes, *sha256) {
            return Err(view_changed());
        }
        self.chown_file(&file, step)?;
        set_mode(&file, *mode, &step.path)?;
        if self.fsync_each {
            file.sync_all()
                .map_err(|error| FsError::io("sync", &step.path, error))?;
        }
        Ok(())
    }

    /// A removed folder that undo puts back.
    fn make_tree(
        &self,
        step: &Step,
        mode: u32,
        source: Option<&Source<'_>>,
    ) -> Result<(), ApplyError> {
        let Some(source) = source else {
            return Err(ApplyError::ViewChanged {
                path: step.path.clone(),
            });
        };
        make_folder(self.workspace, &step.fresh)?;
        let rules = CopyRules {
            owner: self.owner_of_copies(),
            mode_mask: MODE_BITS,
            keep_overlay_marks: false,
            bytes_max: u64::MAX,
        };
        copy_tree(
            (source.root, &source.path),
            (self.workspace, &step.fresh),
            &rules,
            &mut |_, _, _| Take::Copy,
        )?;
        let folder = self.workspace.dir(&step.fresh)?;
        self.chown_file(&folder, step)?;
        rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode & MODE_BITS))
            .map_err(|error| FsError::io("set the mode of", &step.path, error).into())
    }

    /// Root gives a new file to the owner of the workspace, and a changed one back
    /// to whom it belonged.
    fn owner_of(&self, path: &RelPath) -> Result<Option<(Uid, Gid)>, FsError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let existing = self
            .workspace
            .stat(path)?
            .filter(|stat| kind_of(stat) == FileType::RegularFile);
        let model = existing.as_ref().unwrap_or(&self.top);
        Ok(Some((
            Uid::from_raw(model.st_uid),
            Gid::from_raw(model.st_gid),
        )))
    }

    fn chown_file(&self, file: impl AsFd, step: &Step) -> Result<(), FsError> {
        let Some((uid, gid)) = self.owner_of(&step.path)? else {
            return Ok(());
        };
        rustix::fs::fchown(file, Some(uid), Some(gid))
            .map_err(|error| FsError::io("set the owner of", &step.path, error))
    }

    fn chown_link(&self, step: &Step) -> Result<(), FsError> {
        let Some((uid, gid)) = self.owner_of(&step.path)? else {
            return Ok(());
        };
        rustix::fs::chownat(
            self.workspace.parent(&step.fresh)?,
            step.fresh.name(),
            Some(uid),
            Some(gid),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(|error| FsError::io("set the owner of", &step.path, error))
    }

    fn sync(&self) -> Result<(), FsError> {
        if self.fsync_each {
            Ok(())
        } else {
            sync_all(self.workspace)
        }
    }
}

fn set_mode(file: &File, raw_mode: u32, shown: &RelPath) -> Result<(), FsError> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(raw_mode & MODE_BITS))
        .map_err(|error| FsError::io("set the mode of", shown, error))
}

fn make_folder(root: &Root, path: &RelPath) -> Result<(), FsError> {
    rustix::fs::mkdirat(root.parent(path)?, path.name(), Mode::from_raw_mode(0o700))
        .map_err(|error| FsError::io("create the folder", path, error))
}
