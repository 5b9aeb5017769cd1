//! Power cuts on demand: a debug build ends at a waymark that it is told, as if its plug were pulled.
//! A released binary knows nothing of this.

use std::sync::atomic::{AtomicU32, Ordering};
use wardroom_domain::{Pass, Watcher, Waymark, watch};

/// `gate-sent:2` ends the process when it comes to `gate-sent` for the second time.
const VARIABLE: &str = "WARDROOM_CRASH_AT";

/// Ends the process where it was told to.
struct Plug {
    at: Waymark,
    left: AtomicU32,
}

impl Watcher for Plug {
    fn reached(&self, waymark: Waymark) -> Pass {
        // The count wraps behind the end, which nobody lives to see.
        if waymark == self.at && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            eprintln!("the plug is pulled at {waymark}");
            std::process::abort();
        }
        Pass::On
    }
}

/// Arms the plug, if the environment says so.
pub fn arm() {
    let Some((at, count)) = std::env::var(VARIABLE).ok().and_then(|text| read(&text)) else {
        return;
    };
    watch(Plug {
        at,
        left: AtomicU32::new(count),
    });
}

fn read(text: &str) -> Option<(Waymark, u32)> {
    let (name, count) = text.split_once(':').unwrap_or((text, "1"));
    Some((Waymark::parse(name)?, count.parse().ok()?))
}
