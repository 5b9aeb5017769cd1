//! The audit log is signed as it grows.

use crate::crew::Crew;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wardroom_store::AuditSigner;

/// How often chain heads are anchored while something happens.
const ANCHOR_EVERY: Duration = Duration::from_secs(2);

/// Signs the heads of the chains while the crew works, and once more at its end.
pub async fn anchor(crew: Arc<Crew>, signer: AuditSigner, stopping: watch::Receiver<bool>) {
    loop {
        let mut told = stopping.clone();
        let told = told.wait_for(|stopping| *stopping);
        let stopped = tokio::time::timeout(ANCHOR_EVERY, told).await.is_ok();
        let anchored = crew.store.anchor(crew.org, &signer, crew.clock.now()).await;
        if let Err(error) = anchored {
            tracing::warn!(%error, "the audit chains were not anchored; trying again");
        }
        if stopped {
            return;
        }
    }
}
