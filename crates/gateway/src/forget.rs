//! Deliveries that were seen to long ago are forgotten.

use crate::gateway::Gateway;
use crate::limits;
use std::sync::Arc;
use wardroom_domain::Timestamp;
use wardroom_store::{ForgetArrivals, Write};

/// At the start, and every now and then.
pub(crate) async fn attend(gateway: Arc<Gateway>) {
    loop {
        let now = gateway.crew.clock.now().as_micros();
        let kept = i64::try_from(limits::ARRIVAL_KEPT.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(now.saturating_sub(kept));
        let forget = Write::ForgetArrivals(ForgetArrivals { before });
        if let Err(wrong) = gateway.commit(vec![forget]).await {
            tracing::warn!(%wrong, "old deliveries were not forgotten; trying again later");
        }
        tokio::time::sleep(limits::FORGET_EVERY).await;
    }
}
