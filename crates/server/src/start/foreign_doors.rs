//! The foreign doors, which one process keeps for all: two that carry the same outbox would say
//! everything twice, and a platform answers one asker at a time.

use crate::stop;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wardroom_coordinator::Crew;
use wardroom_gateway::Gateway;
use wardroom_store::Duty;

/// How often it is looked whose duty they are; far below the lease that holds it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Keeps the doors whenever nobody else does, until told to stop.
pub(super) async fn keep(crew: Arc<Crew>, gateway: Arc<Gateway>, stopping: watch::Receiver<bool>) {
    loop {
        match crew.store.take_duty(crew.org, Duty::ForeignDoors).await {
            Ok(true) => on_duty(&crew, &gateway, &stopping).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "it is not known who keeps the foreign doors"),
        }
        if has_stopped(&stopping).await {
            return;
        }
    }
}

/// Until told to stop, or until another process has them because we slept through our lease.
async fn on_duty(crew: &Crew, gateway: &Arc<Gateway>, stopping: &watch::Receiver<bool>) {
    let (relieve, relieved) = watch::channel(false);
    let doors = tokio::spawn(gateway.clone().run(relieved));
    while !has_stopped(stopping).await {
        let is_ours = crew.store.take_duty(crew.org, Duty::ForeignDoors).await;
        if matches!(is_ours, Ok(false)) {
            tracing::warn!("another process keeps the foreign doors now");
            break;
        }
    }
    let _ = relieve.send(true);
    // A door that panicked has said so.
    let _ = doors.await;
    if let Err(error) = crew.store.end_duty(crew.org, Duty::ForeignDoors).await {
        tracing::warn!(%error, "the foreign doors were not given back; another process has them soon");
    }
}

async fn has_stopped(stopping: &watch::Receiver<bool>) -> bool {
    tokio::time::timeout(LOOK_EVERY, stop::stopped(stopping.clone()))
        .await
        .is_ok()
}
