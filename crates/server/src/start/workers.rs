//! What works beside the doors: the clock, the servers of tools, the workers.

use super::{Part, StartError};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::watch;
use wardroom_coordinator::Crew;

/// The clock's knocks and mail for tasks, which every process hears.
pub(super) fn clock(crew: &Arc<Crew>, stopping: &watch::Receiver<bool>) -> Part {
    let attend = wardroom_coordinator::attend(crew.clone(), stopping.clone());
    ("clock", tokio::spawn(attend))
}

/// What works on tasks.
pub(super) async fn workers(
    crew: &Arc<Crew>,
    is_first: bool,
    stopping: &watch::Receiver<bool>,
) -> Result<Vec<Part>, StartError> {
    sweep(crew).await;
    wardroom_coordinator::recall(crew).await?;
    let servers = wardroom_coordinator::attend_servers(crew.clone(), stopping.clone());
    let work = wardroom_coordinator::work(crew.clone(), is_first, stopping.clone());
    let parts = vec![
        ("servers", tokio::spawn(servers)),
        ("workers", tokio::spawn(work)),
    ];
    let recovered = wardroom_coordinator::recover(crew).await?;
    if recovered > 0 {
        tracing::info!(
            recovered,
            "messages that a stop left unanswered are answered now"
        );
    }
    Ok(parts)
}

/// Clears away what a killed server left behind, before anything of ours is made.
async fn sweep(crew: &Crew) {
    match crew.benches.hands.provider().sweep(&HashSet::new()).await {
        Ok(report) if report.removed.is_empty() => {}
        Ok(report) => tracing::info!(
            removed = report.removed.len(),
            "swept what a killed server left"
        ),
        Err(error) => tracing::warn!(%error, "the sweep failed"),
    }
}
