//! What comes in from outside is made plain before a model reads it, and judged on the way.

use crate::run::Run;
use serde_json::json;
use wardroom_domain::{AuditKind, Chain, Integrity, Outcome, RetryClass, ToolCall};
use wardroom_policy::sanitize::{self, Limits, Sanitized};

/// How many findings are written down.
const FINDINGS_MAX: usize = 5;

/// An outcome as the model may read it. What it looks like is written down and never dropped.
pub(crate) fn outcome(run: &mut Run, call: &ToolCall, mut outcome: Outcome) -> Outcome {
    if outcome.labels.integrity != Integrity::External {
        return outcome;
    }
    let class = run.crew.tools().get(&call.tool).map(|tool| tool.class);
    let limits = Limits {
        keeps_links: class == Some(RetryClass::View),
        ..Limits::default()
    };
    let heard = sanitize::sanitize(&outcome.text, &limits);
    if heard.is_suspicious() {
        let mut body = said_of(&heard);
        body["tool"] = json!(call.tool);
        let chain = Chain::Task(run.task.id);
        let audit = run
            .crew
            .audit(chain, AuditKind::InputFlagged, "system", None, body);
        run.writes.push(audit);
    }
    outcome.text = heard.clean;
    outcome
}

/// What the sanitiser says of a text, for the record.
pub(crate) fn said_of(heard: &Sanitized) -> serde_json::Value {
    let score = (heard.score * 1000.0).round() / 1000.0;
    let findings: Vec<_> = heard.findings.iter().take(FINDINGS_MAX).collect();
    json!({"score": score, "categories": heard.categories, "findings": findings})
}
