//! The audit log is signed while the server runs.

use crate::stop;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wardroom_coordinator::Crew;
use wardroom_store::AuditSigner;

/// How often chain heads are anchored while something happens.
const ANCHOR_EVERY: Duration = Duration::from_secs(2);

/// Signs the heads of the chains while the server runs, and once more at its end.
pub(super) async fn anchor(crew: Arc<Crew>, signer: AuditSigner, stopping: watch::Receiver<bool>) {
    loop {
        let stopped = tokio::time::timeout(ANCHOR_EVERY, stop::stopped(stopping.clone()))
            .await
            .is_ok();
        let anchored = crew.store.anchor(crew.org, &signer, crew.clock.now()).await;
        if let Err(error) = anchored {
            tracing::warn!(%error, "the audit chains were not anchored; trying again");
        }
        if stopped {
            return;
        }
    }
}
