//! What is said while it happens and not kept: previews of replies and output of commands.
//!
//! What matters is in the store's feed; losing a line here costs nothing but a glimpse.

use serde_json::Value;
use tokio::sync::broadcast;

/// How many lines a slow listener may lag behind before it misses some.
const LINES_MAX: usize = 1024;

/// One transient event.
#[derive(Clone, Debug)]
pub struct Live {
    /// `task_…` or `conv_…`.
    pub stream: String,
    /// `preview` or `output`.
    pub event: &'static str,
    /// Its fields.
    pub data: Value,
}

/// Where transient events are said and heard.
#[derive(Clone)]
pub struct Bus(broadcast::Sender<Live>);

impl Default for Bus {
    fn default() -> Self {
        Self(broadcast::channel(LINES_MAX).0)
    }
}

impl Bus {
    /// Says something; nobody may be listening.
    pub fn say(&self, stream: impl ToString, event: &'static str, data: Value) {
        if self.0.receiver_count() > 0 {
            let _ = self.0.send(Live {
                stream: stream.to_string(),
                event,
                data,
            });
        }
    }

    /// Hears everything from now on.
    pub fn listen(&self) -> broadcast::Receiver<Live> {
        self.0.subscribe()
    }
}
