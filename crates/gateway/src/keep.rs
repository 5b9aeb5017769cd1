//! The foreign doors, which one process keeps for all: two that carry the same outbox would say
//! everything twice, and a platform answers one asker at a time.

use crate::gateway::Gateway;
use crate::limits::DUTY_LOOK_EVERY;
use std::sync::Arc;
use tokio::sync::watch;
use wardroom_store::Duty;

impl Gateway {
    /// Keeps the doors whenever nobody else does, until told to stop.
    pub async fn keep(self: Arc<Self>, stopping: watch::Receiver<bool>) {
        loop {
            match self.takes_duty().await {
                Ok(true) => on_duty(&self, &stopping).await,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "it is not known who keeps the foreign doors"),
            }
            if has_stopped(&stopping).await {
                return;
            }
        }
    }

    /// Whether the doors are ours to keep now. Asked once more before anything is said: who slept
    /// through his lease must not say what another has said meanwhile.
    pub(crate) async fn takes_duty(&self) -> Result<bool, wardroom_store::CommitError> {
        let store = &self.crew.store;
        store.take_duty(self.org(), Duty::ForeignDoors).await
    }
}

/// Until told to stop, or until another process has them because we slept through our lease.
async fn on_duty(gateway: &Arc<Gateway>, stopping: &watch::Receiver<bool>) {
    let (relieve, relieved) = watch::channel(false);
    let doors = tokio::spawn(gateway.clone().run(relieved));
    while !has_stopped(stopping).await {
        if matches!(gateway.takes_duty().await, Ok(false)) {
            tracing::warn!("another process keeps the foreign doors now");
            break;
        }
    }
    let _ = relieve.send(true);
    // A door that panicked has said so.
    let _ = doors.await;
    let store = &gateway.crew.store;
    if let Err(error) = store.end_duty(gateway.org(), Duty::ForeignDoors).await {
        tracing::warn!(%error, "the foreign doors were not given back; another process has them soon");
    }
}

async fn has_stopped(stopping: &watch::Receiver<bool>) -> bool {
    let mut stopping = stopping.clone();
    let stopped = stopping.wait_for(|stopping| *stopping);
    tokio::time::timeout(DUTY_LOOK_EVERY, stopped).await.is_ok()
}
