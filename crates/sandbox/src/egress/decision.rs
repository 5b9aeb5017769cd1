//! What is told about every request and tunnel: one [`Decision`] each, when it ends.
//!
//! A place in the sink is taken before anything is done, so what cannot be recorded does
//! not happen. No header, no query and no body is ever part of a decision.

use super::flow::Flow;
use super::host::{HostName, Remote};
use super::refusal::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Paths are told up to so many bytes.
const PATH_BYTES_MAX: usize = 512;

/// On whose account the sandbox speaks now. The words mean something to the caller alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Label {
    pub task: Arc<str>,
    pub action: Arc<str>,
}

/// Which of the listeners, and what came over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// A request to the proxy.
    Http,
    /// A tunnel through the proxy.
    Connect,
    CaptureHttp,
    CaptureTls,
    /// A request inside a TLS connection that ends at the proxy.
    Intercepted,
    /// A name was asked for that is not on the list.
    Dns,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// By this rule. With `cut`, the proxy ended it early.
    Allowed {
        rule: String,
        cut: Option<Refusal>,
    },
    Denied(Refusal),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub label: Label,
    pub road: Road,
    /// Absent where the request did not name an acceptable host.
    pub host: Option<HostName>,
    pub port: Option<u16>,
    pub method: Option<String>,
    /// Without the query.
    pub path: Option<String>,
    /// Of the answer that came from the remote.
    pub status: Option<u16>,
    pub verdict: Verdict,
    /// The names of the secrets that were put in.
    pub secrets: Vec<String>,
    pub bytes_up: u64,
    pub bytes_down: u64,
    pub started: std::time::Instant,
    pub elapsed: Duration,
}

pub type Sink = mpsc::Sender<Decision>;

/// A decision in the making. It is told when this is dropped, whatever happened.
pub(super) struct Entry {
    permit: Option<mpsc::OwnedPermit<Decision>>,
    decision: Option<Decision>,
    started: Instant,
    flow: Option<Arc<Flow>>,
    is_sent: bool,
}

impl Entry {
    /// Waits for a place in the sink; a sandbox cannot outrun whoever records.
    pub async fn open(sink: &Sink, label: Label, road: Road) -> Result<Self, Refusal> {
        let permit = sink.clone().reserve_owned().await;
        let permit = permit.map_err(|_| Refusal::Unrecorded)?;
        let started = Instant::now();
        let decision = Decision {
            label,
            road,
            host: None,
            port: None,
            method: None,
            path: None,
            status: None,
            // What is dropped before it was judged was not allowed.
            verdict: Verdict::Denied(Refusal::Closed),
            secrets: Vec::new(),
            bytes_up: 0,
            bytes_down: 0,
            started: started.into_std(),
            elapsed: Duration::ZERO,
        };
        Ok(Self {
            permit: Some(permit),
            decision: Some(decision),
            started,
            flow: None,
            is_sent: false,
        })
    }

    pub fn host(&mut self, host: &HostName) {
        self.note(|decision| decision.host = Some(host.clone()));
    }

    pub fn remote(&mut self, remote: &Remote) {
        self.note(|decision| {
            decision.host = Some(remote.host.clone());
            decision.port = Some(remote.port);
        });
    }

    pub fn request(&mut self, method: &http::Method, path: &str) {
        self.note(|decision| {
            decision.method = Some(method.as_str().chars().take(32).collect());
            decision.path = Some(path.chars().take(PATH_BYTES_MAX).collect());
        });
    }

    pub fn status(&mut self, status: http::StatusCode) {
        self.note(|decision| decision.status = Some(status.as_u16()));
    }

    pub fn secrets(&mut self, names: Vec<String>) {
        self.note(|decision| decision.secrets = names);
    }

    /// From here on it is allowed.
    pub fn allow(&mut self, rule: String) {
        self.note(|decision| decision.verdict = Verdict::Allowed { rule, cut: None });
    }

    /// From here on its host may have heard it.
    pub fn sent(&mut self) {
        self.is_sent = true;
    }

    pub fn was_sent(&self) -> bool {
        self.is_sent
    }

    /// The flow tells at the end how much it was, and why it was cut. Without one, the
    /// requests inside have entries of their own.
    pub fn follow(&mut self, flow: Arc<Flow>) {
        self.flow = Some(flow);
    }

    /// Before it was allowed, or as the reason why it ended early.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.note(|decision| match &mut decision.verdict {
            Verdict::Allowed { cut, .. } => *cut = Some(refusal),
            verdict => *verdict = Verdict::Denied(refusal),
        });
    }

    fn note(&mut self, change: impl FnOnce(&mut Decision)) {
        if let Some(decision) = &mut self.decision {
            change(decision);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let (Some(permit), Some(mut decision)) = (self.permit.take(), self.decision.take()) else {
            return;
        };
        if let Some(flow) = &self.flow {
            (decision.bytes_up, decision.bytes_down) = flow.moved();
            if let (Verdict::Allowed { cut, .. }, Some(why)) = (&mut decision.verdict, flow.cut()) {
                cut.get_or_insert(why);
            }
        }
        decision.elapsed = self.started.elapsed();
        permit.send(decision);
    }
}
