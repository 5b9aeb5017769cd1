//! What a task would change, what it changed, and taking that back.

use crate::bench::{Bench, blocking};
use crate::crew::Crew;
use crate::decide::approvals_of;
use crate::{Wrong, control};
use serde_json::json;
use std::sync::Arc;
use wardroom_domain::{AuditKind, Chain, Digest, Principal, TaskId};
use wardroom_sandbox::view::{self, ChangeKind, ChangeSet};
use wardroom_store::{Undone, Write};

/// A task's changes, as people read them.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Unified diffs and one line for what is no text.
    pub text: String,
    /// Path by path.
    pub changes: Vec<Change>,
    /// What an approval of these changes binds to; none when there are none.
    pub digest: Option<Digest>,
    /// Whether they have been carried to the workspace.
    pub is_applied: bool,
}

/// One path that a task changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Relative to the workspace, as it can be shown.
    pub path: String,
    /// What became of it.
    pub kind: ChangeKind,
    /// How large it is now, or was before it was removed.
    pub bytes: u64,
}

fn changes_of(set: &ChangeSet) -> Vec<Change> {
    let change = |change: &view::Change| Change {
        path: change.path.to_string(),
        kind: change.kind(),
        bytes: change.after.bytes().max(change.before.bytes()),
    };
    set.changes.iter().map(change).collect()
}

/// The changes that a task has made and not yet applied, or those that it applied.
pub async fn diff(crew: &Arc<Crew>, by: &Principal, id: TaskId) -> Result<Diff, Wrong> {
    let row = control::seen(crew, by, id).await?;
    let workspace = crew.store.workspace(crew.org, row.task.workspace).await?;
    let workspace = workspace.ok_or(Wrong::missing("workspace"))?;
    // The view of a task that left nothing unapplied is gone, or being cleared away just now.
    if row.task.status.is_terminal() && row.task.applied != Some(false) {
        return applied_diff(crew, id).await;
    }
    let mut bench = Bench::new(crew.benches.clone(), id, workspace.path);
    if let Some(difference) = bench.difference().await? {
        let text = bench.rendered(&difference.set).await?;
        let (changes, digest) = (changes_of(&difference.set), Some(difference.digest));
        return Ok(Diff {
            text,
            changes,
            digest,
            is_applied: false,
        });
    }
    applied_diff(crew, id).await
}

async fn applied_diff(crew: &Arc<Crew>, id: TaskId) -> Result<Diff, Wrong> {
    let Some(row) = crew.store.applied(crew.org, id).await?.pop() else {
        return Ok(Diff {
            text: String::new(),
            changes: Vec::new(),
            digest: None,
            is_applied: false,
        });
    };
    let set: Option<ChangeSet> = serde_json::from_value(row.applied.changes.clone()).ok();
    // The view is gone; what was asked about is still written down.
    let asked = approvals_of(crew, id).await?;
    let asked = asked
        .iter()
        .find(|asked| asked.approval.effect == row.applied.effect);
    let text = asked.and_then(|asked| asked.approval.arguments["diff"].as_str().map(str::to_owned));
    Ok(Diff {
        text: text.unwrap_or_else(|| row.applied.summary.clone()),
        changes: set.as_ref().map(changes_of).unwrap_or_default(),
        digest: None,
        is_applied: row.undone_at.is_none(),
    })
}

/// What undoing a change does.
fn reversed(change: Change) -> Change {
    let kind = match change.kind {
        ChangeKind::Added => ChangeKind::Deleted,
        ChangeKind::Deleted => ChangeKind::Added,
        same => same,
    };
    Change { kind, ..change }
}

/// Takes back the last apply of a task.
pub async fn undo(crew: &Arc<Crew>, by: &Principal, id: TaskId) -> Result<Vec<Change>, Wrong> {
    let row = control::seen(crew, by, id).await?;
    if row.task.requester != by.user {
        return Err(Wrong::Forbidden(
            "only the person who asked for a task can undo it".to_owned(),
        ));
    }
    let applied = crew.store.applied(crew.org, id).await?.pop();
    let applied = applied.ok_or(Wrong::NothingToUndo(format!(
        "{id} applied nothing that could be undone"
    )))?;
    if applied.undone_at.is_some() {
        return Err(Wrong::NothingToUndo(format!(
            "the changes of {id} were undone already"
        )));
    }
    let folder = crew.benches.snapshots.join(&applied.applied.snapshot);
    let record = crew
        .benches
        .snapshots
        .join(format!("{}-undo", applied.applied.snapshot));
    blocking(move || view::undo(&folder, &record, &mut view::apply::no_hook)).await??;
    let set: Option<ChangeSet> = serde_json::from_value(applied.applied.changes.clone()).ok();
    let body = json!({"effect": applied.applied.effect, "summary": applied.applied.summary});
    let undone = Undone {
        task: id,
        effect: applied.applied.effect,
        by: by.user,
        at: crew.clock.now(),
    };
    let audit = crew.audit(
        Chain::Task(id),
        AuditKind::ChangesUndone,
        by.user,
        None,
        body,
    );
    crew.commit(vec![Write::Undone(undone), audit]).await?;
    let changes = set.as_ref().map(changes_of).unwrap_or_default();
    Ok(changes.into_iter().map(reversed).collect())
}
