//! What we hear of a server outside of its answers: that its tools changed, and how far a call is.

use super::limits::{PROGRESS_CHARS_MAX, PROGRESS_LINES_MAX};
use rmcp::ClientHandler;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam};
use rmcp::service::{NotificationContext, RoleClient};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Our side of a session. It offers a server nothing: no sampling, no questions, no folders.
#[derive(Clone, Default)]
pub(super) struct Ears(Arc<Heard>);

#[derive(Default)]
struct Heard {
    has_changed: AtomicBool,
    progress: Mutex<Option<Sender<String>>>,
}

impl Ears {
    /// Whether the tools changed since this was asked last.
    pub(super) fn take_changed(&self) -> bool {
        self.0.has_changed.swap(false, Ordering::AcqRel)
    }

    /// Lines of progress from now on, until the next call is listened to.
    pub(super) fn listen(&self) -> Receiver<String> {
        let (sender, receiver) = channel(PROGRESS_LINES_MAX);
        *self.progress() = Some(sender);
        receiver
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Option<Sender<String>>> {
        self.0
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientHandler for Ears {
    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new("wardroom", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), name)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.has_changed.store(true, Ordering::Release);
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let Some(message) = progress.message else {
            return;
        };
        let visible = message.chars().filter(|c| !c.is_control());
        let line = visible.take(PROGRESS_CHARS_MAX).collect();
        if let Some(sender) = self.progress().as_ref() {
            // More lines than anybody reads are lost.
            let _ = sender.try_send(line);
        }
    }
}
