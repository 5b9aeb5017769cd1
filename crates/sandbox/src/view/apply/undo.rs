//! Taking an apply back: the same act in the other direction, with the snapshot as
//! the source. It is journaled like any apply and can itself be undone.

use std::path::Path;

use super::journal::{Journal, KEPT, Phase};
use super::stage::Source;
use super::{
    Applied, ApplyError, Hook, Operation, Order, Status, UndoError, apply_status, carry_out, find,
};
use crate::view::error::FsError;
use crate::view::node::{Digest, Node};
use crate::view::path::RelPath;
use crate::view::render::counted;
use crate::view::root::Root;

/// Puts back what the apply with this `snapshot` folder changed. `record` is the
/// snapshot folder of the undo itself. Refuses if any of it changed since.
pub fn undo(snapshot: &Path, record: &Path, hook: &mut Hook<'_>) -> Result<Applied, UndoError> {
    let Some((kept, journal)) = find(snapshot).map_err(UndoError::Apply)? else {
        return Err(UndoError::NotApplied(Status::NotStarted));
    };
    if journal.phase != Phase::Done {
        return Err(UndoError::NotApplied(
            apply_status(snapshot).map_err(UndoError::Apply)?,
        ));
    }
    let workspace = journal.open_workspace().map_err(UndoError::Apply)?;
    let operations = reversed(&journal, &kept).map_err(|error| UndoError::Apply(error.into()))?;
    let paths: Vec<RelPath> = operations
        .iter()
        .map(|operation| operation.path.clone())
        .collect();
    let ino = workspace
        .stat_self()
        .map_err(|error| UndoError::Apply(error.into()))?
        .st_ino;
    let digest = Digest::of(format!("undo {}", journal.digest).as_bytes());
    let order = Order {
        workspace: &workspace,
        ino,
        digest,
        snapshot: record,
    };
    match carry_out(&order, operations, hook) {
        Ok(()) => Ok(Applied {
            digest,
            summary: format!(
                "{} put back",
                counted(paths.len() as u64, "change", "changes")
            ),
            paths,
        }),
        Err(ApplyError::Conflict(conflicts)) => Err(UndoError::ChangedSince(
            conflicts
                .into_iter()
                .map(|conflict| conflict.path)
                .collect(),
        )),
        Err(error) => Err(UndoError::Apply(error)),
    }
}

fn reversed<'a>(journal: &Journal, kept: &'a Root) -> Result<Vec<Operation<'a>>, FsError> {
    let mut operations = Vec::with_capacity(journal.steps.len());
    for step in &journal.steps {
        let source = Source {
            root: kept,
            path: RelPath::parse(KEPT)?.join(step.kept.as_bytes())?,
        };
        let before = match (step.outcome(), &step.before) {
            // A folder whose permissions changed is still that folder.
            (Node::Tree { mode, .. }, Node::Directory { .. }) => Node::Directory { mode: *mode },
            (outcome, _) => outcome.clone(),
        };
        operations.push(Operation {
            path: step.path.clone(),
            before,
            after: step.before.clone(),
            source: Some(source),
            checked: None,
        });
    }
    Ok(operations)
}
