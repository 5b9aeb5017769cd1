//! Stopping gently: not ready at once, no new work, open requests end, nothing is lost.

use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long parts may take to end before they are dropped; their work is taken up by the next
/// start from its last commit.
const GRACE: Duration = Duration::from_secs(20);

/// Resolves when the server is to stop.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits for the parts to end, and drops those that do not.
pub(crate) async fn drain(parts: Vec<(&'static str, JoinHandle<()>)>) {
    let until = tokio::time::Instant::now() + GRACE;
    for (name, mut part) in parts {
        if tokio::time::timeout_at(until, &mut part).await.is_err() {
            tracing::warn!(part = name, "did not end in time and is dropped");
            part.abort();
        }
    }
}
