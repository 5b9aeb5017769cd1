//! A task whose view lies in the data directory of another process, which is gone: what it did there
//! is done again, from the start of the view, in the order in which it was done before.
//!
//! Only what stays within a view can be done again. A task that also did something else there, or
//! was cut off while it applied its changes, ends with a sentence instead: nothing is done twice,
//! and nothing is silently missing.

use crate::authorize::authorize_again;
use crate::dispatch::{LOOKS_ONLY, redo};
use crate::run::Run;
use crate::wrong::Wrong;
use wardroom_domain::{EffectId, EffectState, RetryClass};
use wardroom_engine::Phase;
use wardroom_executors::Passage;
use wardroom_store::{EffectRow, PlaceView, Write};

/// What is done by ourselves, beside any view.
const BESIDE_VIEWS: &[&str] = &["find_tools", "publish", "deliver", "ask_person", "apply"];

/// Tells the store where the view lies, once.
pub(crate) fn placed(run: &mut Run) -> Option<Write> {
    let here = run.bench.benches().place.clone();
    if !run.crew.store.is_shared() || !run.bench.has_view() || run.place.as_ref() == Some(&here) {
        return None;
    }
    run.place = Some(here.clone());
    Some(Write::PlaceView(PlaceView {
        task: run.task.id,
        place: here,
    }))
}

/// Builds a view that lies elsewhere anew.
pub(crate) async fn rebuild(run: &mut Run) -> Result<(), Wrong> {
    let here = &run.bench.benches().place;
    if run.place.as_ref().is_none_or(|place| place == here) {
        return Ok(());
    }
    // What lies here is older than what was done elsewhere.
    run.bench.discard().await;
    let rows = run.crew.store.effects(run.crew.org, run.task.id).await?;
    let steps = run.life.steps;
    for (effect, step) in to_redo(run, &rows)? {
        run.life.steps = step;
        let done = again(run, effect).await;
        run.life.steps = steps;
        done?;
    }
    // What was noted on the way is on record since it was done first.
    run.writes.clear();
    run.decided = None;
    Ok(())
}

async fn again(run: &mut Run, effect: EffectId) -> Result<(), Wrong> {
    if !authorize_again(run, effect).await? {
        return Err(lost("policy no longer allows what it did there"));
    }
    match run.permit.take() {
        Some(permit) if permit.subject().passage == Passage::Shut => redo(run, permit).await,
        _ => Err(lost("it also reached out of its sandbox")),
    }
}

/// What was done in the view since its start, each with its step.
fn to_redo(run: &Run, rows: &[EffectRow]) -> Result<Vec<(EffectId, u32)>, Wrong> {
    let is_apply = |row: &EffectRow| row.effect.call.tool == "apply";
    if let Phase::Carrying { effect } = run.life.phase
        && rows
            .iter()
            .any(|row| row.effect.id == effect && is_apply(row))
    {
        return Err(lost(
            "it was just applying its changes: look at the workspace",
        ));
    }
    let is_applied =
        |row: &EffectRow| is_apply(row) && row.outcome.as_ref().is_some_and(|out| !out.is_error);
    let start = rows.iter().rposition(is_applied).map_or(0, |at| at + 1);
    let mut found = Vec::new();
    for row in &rows[start..] {
        let tool = row.effect.call.tool.as_str();
        let is_settled = matches!(row.state, EffectState::Done | EffectState::Failed);
        let is_beside = LOOKS_ONLY.contains(&tool) || BESIDE_VIEWS.contains(&tool);
        // What a foreign server does is done on its side.
        let is_foreign = tool.contains("__");
        match row.effect.class {
            _ if !is_settled || is_beside || is_foreign => {}
            RetryClass::View => found.push((row.effect.id, row.step)),
            _ => return Err(lost("not all that it did there can be done again")),
        }
    }
    Ok(found)
}

fn lost(why: &str) -> Wrong {
    Wrong::Unfit(format!(
        "the files that this task worked on were in the data directory of another process, which \
         is gone, and {why}; nothing of them was applied. Start the task again"
    ))
}
