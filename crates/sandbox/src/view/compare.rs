//! Finds the difference: walks what the task wrote and asks, path by path, what
//! the workspace has there now and whether that is still what the view was taken
//! from.

use std::collections::BTreeSet;

use rustix::fs::{FileType, Stat};

use super::change::{BaseState, Change, ChangeSet, Conflict, FORMAT, IgnoredTree, LeftOut};
use super::covers::drop_empty_covers;
use super::error::{FsError, ViewError};
use super::ignored::Ignored;
use super::limits::CHANGES_MAX;
use super::manifest::Manifest;
use super::node::{Descend, Node, Stamp, kind_of, leaf_node, mode_of, node_at, tree_summary, walk};
use super::overlay::{Marks, Says, says};
use super::path::RelPath;
use super::root::{Root, kind_name};
use super::{How, View};

/// What happens to generated trees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IgnoredTrees {
    /// They are counted and stay in the view; only the removal of a whole one is
    /// a change.
    StayInView,
    /// They are changes like all others.
    AreChanges,
}

impl View {
    /// The difference between this view and its workspace. The sandbox must not be
    /// running; the workspace may be in use.
    pub fn changes(&self, ignored: IgnoredTrees) -> Result<ChangeSet, ViewError> {
        let layer = self.layer()?;
        let mut comparison = Comparison {
            workspace: &self.workspace,
            layer: &layer,
            manifest: self.manifest()?,
            marks: match self.how() {
                How::Overlay { marks } => Some(*marks),
                How::Copy { .. } => None,
            },
            ignored_trees: ignored,
            ignored: Ignored::new(vec![&layer, &self.workspace]),
            found: ChangeSet {
                format: FORMAT,
                changes: vec![],
                conflicts: vec![],
                ignored: vec![],
                left_out: vec![],
            },
        };
        comparison.run().map_err(|error| match error {
            Stop::Fs(error) => error.into(),
            Stop::TooMany => ViewError::TooManyChanges { limit: CHANGES_MAX },
            Stop::Layout(path, what) => ViewError::Damaged {
                id: self.id().to_owned(),
                reason: format!("{path} is {what}"),
            },
        })?;
        let mut found = comparison.found;
        found
            .changes
            .sort_by(|one, other| one.path.cmp(&other.path));
        found
            .conflicts
            .sort_by(|one, other| one.path.cmp(&other.path));
        found
            .ignored
            .sort_by(|one, other| one.path.cmp(&other.path));
        found
            .left_out
            .sort_by(|one, other| one.path.cmp(&other.path));
        drop_empty_covers(&mut found);
        Ok(found)
    }
}

struct Comparison<'a> {
    workspace: &'a Root,
    layer: &'a Root,
    manifest: Manifest,
    /// `None` in a copied view.
    marks: Option<Marks>,
    ignored_trees: IgnoredTrees,
    ignored: Ignored<'a>,
    found: ChangeSet,
}

enum Stop {
    Fs(FsError),
    TooMany,
    Layout(RelPath, &'static str),
}

impl From<FsError> for Stop {
    fn from(error: FsError) -> Stop {
        Stop::Fs(error)
    }
}

/// A folder of the layer that is to be looked into.
struct Pending {
    path: RelPath,
    /// The layer shows everything that is left; what it does not show is gone.
    is_whole: bool,
}

impl Comparison<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        let mut pending = vec![Pending {
            path: RelPath::root(),
            is_whole: self.marks.is_none(),
        }];
        while let Some(folder) = pending.pop() {
            self.folder(&folder, &mut pending)?;
            if self.found.changes.len() + self.found.conflicts.len() > CHANGES_MAX {
                return Err(Stop::TooMany);
            }
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Pending, pending: &mut Vec<Pending>) -> Result<(), Stop> {
        let shown = self.layer.list(&folder.path)?;
        if folder.is_whole {
            let kept: BTreeSet<&RelPath> = shown.iter().map(|(path, _)| path).collect();
            for (path, _) in self.workspace.list_if_there(&folder.path)? {
                if !kept.contains(&path) {
                    self.not_shown(&path)?;
                }
            }
        }
        shown
            .iter()
            .try_for_each(|(path, stat)| self.thing(path, stat, folder.is_whole, pending))
    }

    fn thing(
        &mut self,
        path: &RelPath,
        stat: &Stat,
        in_whole: bool,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Stop> {
        if self.is_untouched_copy(path, stat) {
            return Ok(());
        }
        match self.written(path, stat, in_whole, pending) {
            Err(Stop::Fs(error)) if error.is_denied() => {
                let because = error.to_string();
                self.leave_out(path, because);
                Ok(())
            }
            other => other,
        }
    }

    /// Something that the task wrote, as far as is known yet.
    fn written(
        &mut self,
        path: &RelPath,
        stat: &Stat,
        in_whole: bool,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Stop> {
        if self.stays_in_view(path, stat)? {
            return Ok(());
        }
        match self.says(path, stat)? {
            Says::Removed => self.gone(path),
            Says::Special => {
                self.leave_out(path, format!("it is {}", kind_name(kind_of(stat))));
                Ok(())
            }
            Says::Present => {
                let after = leaf_node(self.layer, path, stat)?;
                self.compare(path, after)
            }
            Says::Merged => self.inner_folder(path, stat, in_whole, pending),
            Says::Replaced => self.inner_folder(path, stat, true, pending),
            Says::Unreadable(what) => Err(Stop::Layout(path.clone(), what)),
        }
    }

    fn leave_out(&mut self, path: &RelPath, because: String) {
        self.found.left_out.push(LeftOut {
            path: path.clone(),
            because,
        });
    }

    fn says(&self, path: &RelPath, stat: &Stat) -> Result<Says, FsError> {
        match (self.marks, kind_of(stat)) {
            (Some(marks), _) => says(self.layer, path, stat, marks),
            (None, FileType::Directory) => Ok(Says::Replaced),
            (None, FileType::RegularFile | FileType::Symlink) => Ok(Says::Present),
            (None, _) => Ok(Says::Special),
        }
    }

    /// A copy that still carries the stamp it was made with.
    fn is_untouched_copy(&self, path: &RelPath, stat: &Stat) -> bool {
        kind_of(stat) != FileType::Directory
            && self
                .manifest
                .things
                .get(path)
                .is_some_and(|base| base.copy == Some(Stamp::of(stat)))
    }

    /// A copied folder in which the task wrote nothing.
    fn is_untouched_tree(&self, folder: &RelPath) -> Result<bool, FsError> {
        if self.marks.is_some() || !self.manifest.things.contains_key(folder) {
            return Ok(false);
        }
        let mut is_untouched = true;
        walk(self.layer, folder, &mut |path, stat| {
            is_untouched &= match kind_of(stat) {
                FileType::Directory => self.manifest.things.contains_key(path),
                _ => self.is_untouched_copy(path, stat),
            };
            Ok::<_, FsError>(if is_untouched {
                Descend::Yes
            } else {
                Descend::No
            })
        })?;
        Ok(is_untouched)
    }

    /// Generated trees are counted here and not looked into. A single ignored file
    /// counts as generated only if the workspace does not have it.
    fn stays_in_view(&mut self, path: &RelPath, stat: &Stat) -> Result<bool, FsError> {
        let is_folder = kind_of(stat) == FileType::Directory;
        let is_removal = self.marks.is_some() && matches!(self.says(path, stat)?, Says::Removed);
        if self.ignored_trees == IgnoredTrees::AreChanges
            || is_removal
            || !self.ignored.is_ignored(path, is_folder)
        {
            return Ok(false);
        }
        if !is_folder && self.workspace.stat(path)?.is_some() {
            return Ok(false);
        }
        let tree = if is_folder {
            let summary = tree_summary(self.layer, path)?;
            if summary.files == 0 || self.manifest.ignored.get(path) == Some(&Some(summary.clone()))
            {
                return Ok(true);
            }
            IgnoredTree::of(path.clone(), &summary)
        } else {
            IgnoredTree {
                path: path.clone(),
                files: 1,
                bytes: Stamp::of(stat).bytes,
            }
        };
        self.found.ignored.push(tree);
        Ok(true)
    }

    fn inner_folder(
        &mut self,
        path: &RelPath,
        stat: &Stat,
        is_whole: bool,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Stop> {
        let lies_over_folder = self
            .workspace
            .stat(path)?
            .is_some_and(|below| kind_of(&below) == FileType::Directory);
        if lies_over_folder {
            self.folder_mode(path, stat)?;
        } else if self.is_untouched_tree(path)? {
            // Its owner removed it, and the task never cared.
            return Ok(());
        } else {
            self.compare(
                path,
                Node::Directory {
                    mode: mode_of(stat),
                },
            )?;
        }
        pending.push(Pending {
            path: path.clone(),
            is_whole: is_whole || !lies_over_folder,
        });
        Ok(())
    }

    /// A folder on both sides: only its permissions can differ.
    fn folder_mode(&mut self, path: &RelPath, stat: &Stat) -> Result<(), Stop> {
        let Some(below) = self.workspace.stat(path)? else {
            return Ok(());
        };
        let (now, in_view) = (mode_of(&below), mode_of(stat));
        let taken = self
            .manifest
            .things
            .get(path)
            .map(|base| base.stamp.raw_mode & super::node::MODE_BITS);
        if now == in_view || taken == Some(in_view) {
            return Ok(());
        }
        let (before, after) = (
            Node::Directory { mode: now },
            Node::Directory { mode: in_view },
        );
        match taken {
            Some(taken) if taken != now => self.conflict(path, before, after),
            _ => self.found.changes.push(Change {
                path: path.clone(),
                before,
                after,
            }),
        }
        Ok(())
    }

    /// Something of the workspace that a whole folder of the layer does not show.
    /// What was not there when the view was taken is not the task's to remove.
    fn not_shown(&mut self, path: &RelPath) -> Result<(), Stop> {
        let is_known = match self.manifest.things.get(path) {
            Some(base) => !base.left_out,
            None => !self.manifest.knows(path),
        };
        if is_known { self.gone(path) } else { Ok(()) }
    }

    fn gone(&mut self, path: &RelPath) -> Result<(), Stop> {
        self.compare(path, Node::Absent)
    }

    fn compare(&mut self, path: &RelPath, after: Node) -> Result<(), Stop> {
        let before = match node_at(self.workspace, path) {
            Err(FsError::NotAFile { found, .. }) => {
                let because = format!("the workspace has {found} there");
                self.leave_out(path, because);
                return Ok(());
            }
            other => other?,
        };
        if before == after {
            return Ok(());
        }
        if self.is_as_taken(path, &before)? {
            self.found.changes.push(Change {
                path: path.clone(),
                before,
                after,
            });
        } else {
            self.conflict(path, before, after);
        }
        Ok(())
    }

    fn conflict(&mut self, path: &RelPath, in_workspace: Node, in_view: Node) {
        let base = BaseState::of(self.manifest.things.get(path).map(|base| &base.stamp));
        self.found.conflicts.push(Conflict {
            path: path.clone(),
            base,
            in_workspace,
            in_view,
        });
    }

    /// Whether the workspace still has at `path` what the view was taken from.
    fn is_as_taken(&self, path: &RelPath, now: &Node) -> Result<bool, FsError> {
        if !self.manifest.knows(path) {
            return Ok(true);
        }
        let stamp = self.workspace.stat(path)?.map(|stat| Stamp::of(&stat));
        let taken = self.manifest.things.get(path).map(|base| base.stamp);
        match (taken, stamp, now) {
            (None, None, _) => Ok(true),
            (Some(taken), Some(stamp), Node::Tree { .. }) => {
                Ok(taken.raw_mode == stamp.raw_mode && self.tree_is_as_taken(path)?)
            }
            (taken, stamp, _) => Ok(taken == stamp),
        }
    }

    fn tree_is_as_taken(&self, folder: &RelPath) -> Result<bool, FsError> {
        let (mut is_same, mut seen) = (true, 0);
        walk(self.workspace, folder, &mut |path, stat| {
            if self.manifest.ignored.contains_key(path) {
                return Ok(Descend::No);
            }
            seen += 1;
            let stamp = Stamp::of(stat);
            is_same &= self
                .manifest
                .things
                .get(path)
                .is_some_and(|base| match kind_of(stat) {
                    FileType::Directory => base.stamp.raw_mode == stamp.raw_mode,
                    _ => base.stamp == stamp,
                });
            Ok::<_, FsError>(if is_same { Descend::Yes } else { Descend::No })
        })?;
        Ok(is_same && seen == self.manifest.beneath(folder).count())
    }
}
