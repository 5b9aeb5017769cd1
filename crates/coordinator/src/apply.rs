//! The changes of a view are carried to its workspace: atomically, with a snapshot for undo, and
//! looked up after a crash.

use crate::Wrong;
use crate::authorize::outcome;
use crate::bench::{bench_id, blocking};
use crate::labels;
use crate::run::Run;
use serde_json::{Value, json};
use wardroom_domain::{AuditKind, Chain, Digest, Effect, Outcome, RetryClass};
use wardroom_executors::Errand;
use wardroom_policy::Permit;
use wardroom_sandbox::DestroyReason;
use wardroom_sandbox::view::{self, ApplyError, ChangeSet, Direction, IgnoredTrees, Status};
use wardroom_store::{Applied, LabelFiles, Write};

/// The view's changes are carried to the workspace, atomically, with a snapshot for undo.
pub(crate) async fn carry_out(run: &mut Run, permit: Permit<Errand>) -> Result<Outcome, Wrong> {
    let effect = permit.spend().effect;
    run.bench.close(DestroyReason::Finished).await;
    let Some(view) = run.bench.existing_view().await? else {
        return Ok(outcome(
            run,
            true,
            "there is no view any more".to_owned(),
            Value::Null,
        ));
    };
    let snapshots = run.bench.benches().snapshots.clone();
    let name = snapshot_name(run, &effect);
    let carried = name.clone();
    let applied = blocking(move || {
        let set = view.changes(IgnoredTrees::StayInView)?;
        let digest = Digest::of(&set);
        view::apply(
            &view,
            &set,
            &snapshots.join(&carried),
            &mut view::apply::no_hook,
        )
        .map(|applied| (set, digest, applied))
    })
    .await?;
    match applied {
        Ok((set, digest, _)) => {
            record(run, &effect, &set, digest, name);
            Ok(done(run, &set, digest))
        }
        Err(error) => Ok(outcome(
            run,
            true,
            format!("nothing was applied: {error}"),
            Value::Null,
        )),
    }
}

fn record(run: &mut Run, effect: &Effect, set: &ChangeSet, digest: Digest, snapshot: String) {
    let summary = set.summary();
    run.writes.push(Write::LabelFiles(LabelFiles {
        workspace: run.workspace.id,
        files: labels::written(&run.workspace.path, set, &run.task.labels),
    }));
    run.writes.push(Write::Applied(Applied {
        task: run.task.id,
        effect: effect.id,
        workspace: run.workspace.id,
        snapshot,
        changes: serde_json::to_value(set).unwrap_or_default(),
        summary: summary.clone(),
        at: run.crew.clock.now(),
    }));
    let body = json!({"effect": effect.id, "changes": digest, "summary": summary, "workspace": run.workspace.id});
    let audit = run.crew.audit(
        Chain::Task(run.task.id),
        AuditKind::ChangesApplied,
        "system",
        Some(effect.tier),
        body,
    );
    run.writes.push(audit);
}

/// The name of an apply's snapshot.
fn snapshot_name(run: &Run, effect: &Effect) -> String {
    bench_id(run.task.id) + "-" + &effect.id.to_string().to_lowercase()
}

/// Whether an interrupted effect that can be looked up has happened.
pub(crate) async fn check(run: &mut Run, effect: &Effect) -> Result<Option<Outcome>, Wrong> {
    debug_assert_eq!(effect.class, RetryClass::Queryable);
    let snapshots = run.bench.benches().snapshots.clone();
    let name = snapshot_name(run, effect);
    // INVARIANT: a view outlives the commit of its apply, so an unsettled apply has its view.
    let Some(view) = run.bench.existing_view().await? else {
        let text = "the view of this task is gone".to_owned();
        return Ok(Some(outcome(run, true, text, Value::Null)));
    };
    let folder = snapshots.join(&name);
    let settled = blocking(move || match view::settle(&folder, Direction::Forward)? {
        Status::Done => view
            .changes(IgnoredTrees::StayInView)
            .map(Some)
            .map_err(ApplyError::from),
        Status::NotStarted | Status::Partial { .. } => Ok(None),
    })
    .await??;
    let Some(set) = settled else { return Ok(None) };
    let digest = Digest::of(&set);
    record(run, effect, &set, digest, name);
    Ok(Some(done(run, &set, digest)))
}

fn done(run: &Run, set: &ChangeSet, digest: Digest) -> Outcome {
    let text = format!(
        "applied: {}. Undo: wardroom task undo {}",
        set.summary(),
        run.task.id
    );
    outcome(run, false, text, json!({"changes": digest}))
}
