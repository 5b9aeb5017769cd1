//! Every connection that left a sandbox, or was refused, on the record of its task.

use crate::crew::Crew;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wardroom_domain::{AuditKind, Chain, TaskId};
use wardroom_sandbox::egress::{Decision, Road, Sink, Verdict};
use wardroom_store::Write;

/// How many decisions one commit takes along.
const BATCH_MAX: usize = 32;
/// A store that is busy or full needs a moment; meanwhile the sandbox waits.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How often a batch is tried before it is given up, with the sandbox that it came from.
const TRIES_MAX: usize = 40;

/// Who writes the decisions of one sandbox down.
pub(crate) struct Recorder(JoinHandle<()>);

/// Where the decisions go, and who takes them.
pub(crate) fn recorder(crew: &Arc<Crew>, task: TaskId, places: usize) -> (Sink, Recorder) {
    let (sink, decisions) = mpsc::channel(places);
    let writing = tokio::spawn(write_down(crew.clone(), task, decisions));
    (sink, Recorder(writing))
}

impl Recorder {
    /// Waits until all is written, which it is soon after the sandbox has ended.
    pub(crate) async fn finish(self) {
        let time_max = TRY_AGAIN_AFTER * TRIES_MAX as u32;
        if tokio::time::timeout(time_max, self.0).await.is_err() {
            tracing::warn!("the connections of a sandbox were not written down in time");
        }
    }
}

async fn write_down(crew: Arc<Crew>, task: TaskId, mut decisions: mpsc::Receiver<Decision>) {
    let mut batch = Vec::new();
    while decisions.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let writes: Vec<Write> = batch
            .drain(..)
            .flat_map(|decision| records(&crew, task, &decision))
            .collect();
        for attempt in 1.. {
            match crew.commit(writes.clone()).await {
                Ok(_) => break,
                // What cannot be recorded does not happen: the sandbox finds its way shut.
                Err(error) if attempt >= TRIES_MAX => {
                    tracing::error!(%task, %error, "connections cannot be recorded, so no more are made");
                    return;
                }
                Err(_) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
            }
        }
    }
}

/// The decision itself, and each secret that was put in.
fn records(crew: &Crew, task: TaskId, decision: &Decision) -> Vec<Write> {
    let chain = Chain::Task(task);
    let mut writes = vec![crew.audit(
        chain,
        AuditKind::EgressDecided,
        "system",
        None,
        body(crew, decision),
    )];
    for name in &decision.secrets {
        let purpose = format!("put into a request to {}", place(decision));
        let body = json!({"secret": name, "purpose": purpose, "effect": &*decision.label.action});
        writes.push(crew.audit(chain, AuditKind::SecretTouched, "system", None, body));
    }
    writes
}

fn place(decision: &Decision) -> String {
    match (&decision.host, decision.port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_string(),
        (None, _) => "an unknown host".to_owned(),
    }
}

/// The facts: without a query, a header or a body, and cleaned of what is known to be secret.
fn body(crew: &Crew, decision: &Decision) -> Value {
    let path = decision.path.as_deref();
    let path = path.map(|path| crew.redactor.redact(path).into_owned());
    let mut body = json!({
        "effect": (!decision.label.action.is_empty()).then_some(&*decision.label.action),
        "road": road(decision.road),
        "host": decision.host.as_ref().map(ToString::to_string),
        "port": decision.port,
        "method": decision.method,
        "path": path.filter(|path| !path.is_empty()),
        "status": decision.status,
        "bytes_up": decision.bytes_up,
        "bytes_down": decision.bytes_down,
        "took_ms": decision.elapsed.as_millis() as u64,
    });
    let (verdict, rule, why) = match &decision.verdict {
        Verdict::Allowed { rule, cut: None } => ("allowed", Some(rule.clone()), None),
        Verdict::Allowed {
            rule,
            cut: Some(why),
        } => ("cut", Some(rule.clone()), Some(why)),
        Verdict::Denied(why) => ("denied", None, Some(why)),
    };
    body["verdict"] = json!(verdict);
    body["rule"] = json!(rule.or_else(|| why.map(|why| why.code().to_owned())));
    body["why"] = json!(why.map(ToString::to_string));
    if !decision.secrets.is_empty() {
        body["secrets"] = json!(decision.secrets);
    }
    if let Value::Object(fields) = &mut body {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

fn road(road: Road) -> &'static str {
    match road {
        Road::Http => "http",
        Road::Connect => "connect",
        Road::CaptureHttp => "capture_http",
        Road::CaptureTls => "capture_tls",
        Road::Intercepted => "intercepted",
        Road::Dns => "dns",
    }
}
