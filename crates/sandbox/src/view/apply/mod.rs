//! Carrying a difference over, as one act: everything is checked, then staged
//! beside its target and synced, then swapped in by renames; a journal in the
//! snapshot folder says how far it came. Interrupted anywhere, it can be looked
//! at ([`apply_status`]) and led to either end ([`settle`]). What was overwritten
//! or removed stays in the snapshot, from which [`undo::undo`] takes it back.

mod commit;
mod journal;
mod stage;
pub mod undo;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::change::{BaseState, ChangeSet, Conflict};
use super::error::{FsError, ViewError};
use super::files::remove_all;
use super::node::{Digest, Node, Stamp};
use super::path::RelPath;
use super::root::{Root, canonical};
use super::{View, make_private_folder};
use commit::{commit, finish, roll_back};
use journal::{Journal, Phase};
use stage::{Source, stage};

/// A place in the course of an apply, for tests that interrupt it there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    Checked,
    Staged { step: usize },
    Committing { step: usize },
    Committed,
    Finished,
}

/// Called at every [`Point`]; production passes [`no_hook`].
pub type Hook<'a> = dyn FnMut(Point) + 'a;

/// The hook that does nothing.
pub fn no_hook(_point: Point) {}

/// What was carried over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Applied {
    pub digest: Digest,
    pub summary: String,
    /// Every path that changed; [`View::accept`] wants them.
    pub paths: Vec<RelPath>,
}

/// How far an apply came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The workspace is as it was.
    NotStarted,
    /// Some changes are in the workspace and some are not.
    Partial {
        done: usize,
        total: usize,
    },
    Done,
}

/// Which end an interrupted apply is led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Forward,
    Back,
}

/// Why nothing was applied. Except for `Unsettled`, the workspace is as before.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("nothing was applied: {} changed in the workspace while the task worked; the task's version stays in its view, compare them and decide again", paths_words(.0.iter().map(|conflict| &conflict.path)))]
    Conflict(Vec<Conflict>),
    #[error(
        "nothing was applied: {path} in the task's view is not what was approved; ask for the difference again"
    )]
    ViewChanged { path: RelPath },
    #[error(
        "nothing was applied: this difference was already taken up under the same name; ask for its status instead of repeating it"
    )]
    AlreadyBegun,
    #[error("nothing was applied: {0}")]
    Failed(#[source] FsError),
    #[error("nothing was applied: {0}")]
    View(#[from] ViewError),
    #[error(
        "the apply was cut short ({cause}) and could not be taken back ({while_rolling_back}); ask for its status and settle it"
    )]
    Unsettled {
        cause: Box<ApplyError>,
        while_rolling_back: FsError,
    },
    #[error(
        "the changes are in the workspace, but their record is unfinished ({0}); settle it before anything else"
    )]
    Unfinished(#[source] FsError),
    #[error(
        "the record of this apply is damaged ({0}); compare the workspace with the snapshot by hand"
    )]
    Damaged(String),
}

impl From<FsError> for ApplyError {
    fn from(error: FsError) -> ApplyError {
        ApplyError::Failed(error)
    }
}

/// Why nothing was taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    #[error("nothing was undone: {} changed since; undo would lose that, so put it aside first", paths_words(.0.iter()))]
    ChangedSince(Vec<RelPath>),
    #[error("there is nothing to undo: that apply is not finished ({0:?})")]
    NotApplied(Status),
    #[error("nothing was undone; {0}")]
    Apply(#[source] ApplyError),
}

/// "a.txt, b.txt and 3 more".
fn paths_words<'a>(paths: impl Iterator<Item = &'a RelPath>) -> String {
    const NAMED_MAX: usize = 5;
    let paths: Vec<String> = paths.map(ToString::to_string).collect();
    match paths.len().checked_sub(NAMED_MAX) {
        None | Some(0) => paths.join(", "),
        Some(more) => format!("{} and {more} more", paths[..NAMED_MAX].join(", ")),
    }
}

/// One path to change, and where its new content comes from.
pub(super) struct Operation<'a> {
    path: RelPath,
    before: Node,
    after: Node,
    source: Option<Source<'a>>,
    /// What stood there when it was checked.
    checked: Option<Stamp>,
}

/// Carries `changes` of `view` into its workspace. `snapshot` is a folder of this
/// apply alone, on the same file system as the workspace where that is possible;
/// whoever repeats an apply must pass the same one. The sandbox must not run.
pub fn apply(
    view: &View,
    changes: &ChangeSet,
    snapshot: &Path,
    hook: &mut Hook<'_>,
) -> Result<Applied, ApplyError> {
    if !changes.conflicts.is_empty() {
        return Err(ApplyError::Conflict(changes.conflicts.clone()));
    }
    let layer = view.layer()?;
    let operations = changes.changes.iter().map(|change| Operation {
        path: change.path.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        source: Some(Source {
            root: &layer,
            path: change.path.clone(),
        }),
        checked: None,
    });
    let order = Order {
        workspace: &view.workspace,
        ino: view.record.workspace_ino,
        digest: changes.digest(),
        snapshot,
    };
    carry_out(&order, operations.collect(), hook)?;
    Ok(Applied {
        digest: changes.digest(),
        summary: changes.summary(),
        paths: changes
            .changes
            .iter()
            .map(|change| change.path.clone())
            .collect(),
    })
}

/// Where and under which name operations are carried out.
struct Order<'a> {
    workspace: &'a Root,
    ino: u64,
    digest: Digest,
    snapshot: &'a Path,
}

fn carry_out(
    order: &Order<'_>,
    mut operations: Vec<Operation<'_>>,
    hook: &mut Hook<'_>,
) -> Result<(), ApplyError> {
    let snapshot = open_snapshot(order.snapshot)?;
    if Journal::load(&snapshot)?.is_some() {
        return Err(ApplyError::AlreadyBegun);
    }
    stage::check(order.workspace, &mut operations)?;
    hook(Point::Checked);
    let mut journal = Journal::plan(order, &snapshot, &operations)?;
    journal.store(&snapshot)?;
    if let Err(error) = stage(order.workspace, &snapshot, &operations, &mut journal, hook) {
        return Err(give_up(order.workspace, &snapshot, &mut journal, error));
    }
    journal.enter(Phase::Committing, &snapshot)?;
    if let Err(error) = commit(order.workspace, &journal, hook) {
        return Err(give_up(order.workspace, &snapshot, &mut journal, error));
    }
    hook(Point::Committed);
    complete(order.workspace, &snapshot, &mut journal).map_err(ApplyError::Unfinished)?;
    hook(Point::Finished);
    Ok(())
}

/// Makes the outcome last: the workspace first, then the journal, then the old
/// things move into the snapshot.
fn complete(workspace: &Root, snapshot: &Root, journal: &mut Journal) -> Result<(), FsError> {
    stage::sync_outcome(workspace, journal)?;
    journal.enter(Phase::Committed, snapshot)?;
    finish(workspace, snapshot, journal)?;
    journal.enter(Phase::Done, snapshot)
}

/// Takes back whatever was done; the journal goes, as if nothing had been asked.
fn give_up(
    workspace: &Root,
    snapshot: &Root,
    journal: &mut Journal,
    cause: ApplyError,
) -> ApplyError {
    let settled = roll_back(workspace, journal).and_then(|()| forget(snapshot));
    match settled {
        Ok(()) => cause,
        Err(while_rolling_back) => ApplyError::Unsettled {
            cause: Box::new(cause),
            while_rolling_back,
        },
    }
}

/// The journal goes last: until then the rest can be found again.
fn forget(snapshot: &Root) -> Result<(), FsError> {
    remove_all(snapshot, &RelPath::parse(journal::KEPT)?)?;
    remove_all(snapshot, &RelPath::parse(journal::FILE)?)
}

fn open_snapshot(path: &Path) -> Result<Root, FsError> {
    make_private_folder(path)?;
    canonical(path)
        .and_then(|path| Root::open(&path))
        .map_err(|error| FsError::io("open the snapshot", path.display(), error))
}

/// How far the apply with this snapshot folder came, by its journal and by what
/// is really in the workspace.
pub fn apply_status(snapshot: &Path) -> Result<Status, ApplyError> {
    let Some((snapshot, journal)) = find(snapshot)? else {
        return Ok(Status::NotStarted);
    };
    match journal.phase {
        Phase::Planned => Ok(Status::NotStarted),
        Phase::Done => Ok(Status::Done),
        Phase::Committing | Phase::Committed => {
            drop(snapshot);
            let workspace = journal.open_workspace()?;
            let done = commit::count_done(&workspace, &journal)?;
            let total = journal.steps.len();
            Ok(if done == 0 {
                Status::NotStarted
            } else {
                Status::Partial { done, total }
            })
        }
    }
}

/// Leads an interrupted apply to an end and cleans up after it. One that did not
/// get beyond staging can only go back; one whose changes are all in the workspace
/// only forward (use undo to take it back). Answers where it ended.
pub fn settle(snapshot: &Path, direction: Direction) -> Result<Status, ApplyError> {
    let Some((snapshot, mut journal)) = find(snapshot)? else {
        return Ok(Status::NotStarted);
    };
    let workspace = match journal.phase {
        Phase::Done => return Ok(Status::Done),
        _ => journal.open_workspace()?,
    };
    match (journal.phase, direction) {
        (Phase::Planned, _) | (Phase::Committing, Direction::Back) => {
            roll_back(&workspace, &journal)?;
            forget(&snapshot)?;
            Ok(Status::NotStarted)
        }
        _ => {
            if journal.phase == Phase::Committing {
                commit(&workspace, &journal, &mut no_hook)?;
            }
            complete(&workspace, &snapshot, &mut journal).map_err(ApplyError::Unfinished)?;
            Ok(Status::Done)
        }
    }
}

fn find(snapshot: &Path) -> Result<Option<(Root, Journal)>, ApplyError> {
    let Ok(root) = canonical(snapshot).and_then(|path| Root::open(&path)) else {
        return Ok(None);
    };
    Ok(Journal::load(&root)?.map(|journal| (root, journal)))
}

/// A conflict that was found at the last moment, where the base is known exactly.
fn conflict_of(path: &RelPath, before: &Node, after: &Node, now: Node) -> Conflict {
    Conflict {
        path: path.clone(),
        base: BaseState::Exactly {
            node: before.clone(),
        },
        in_workspace: now,
        in_view: after.clone(),
    }
}
