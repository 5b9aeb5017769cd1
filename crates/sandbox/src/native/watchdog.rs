//! The memory limit of a host without cgroups: look often, kill when it is exceeded.

use super::session::Session;
use super::tree;
use std::sync::Arc;
use std::time::Duration;

/// Fast enough for a program that fills memory at full speed not to press on the host, slow
/// enough to cost a hundredth of a processor.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Watches until the sandbox ends.
pub fn watch(session: &Arc<Session>, memory_bytes: u64) {
    let session = session.clone();
    tokio::spawn(async move {
        while !session.has_ended() {
            tokio::time::sleep(LOOK_EVERY).await;
            let init = session.init;
            let used = tokio::task::spawn_blocking(move || tree::usage(init).memory_bytes);
            if used.await.is_ok_and(|used| used > memory_bytes) {
                session.kill_for_memory();
            }
        }
    });
}
