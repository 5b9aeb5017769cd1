//! An agent asks for a higher level: a person's to give, for one task. What was given is a fact of
//! the task's journal, so it survives a crash and ends with the task.

use crate::authorize::outcome;
use crate::run::Run;
use crate::{Wrong, level};
use serde_json::{Value, json};
use wardroom_domain::{Outcome, PermissionLevel, ToolCall};
use wardroom_engine::Fact;
use wardroom_executors::Errand;
use wardroom_policy::Permit;

/// The tool.
pub(crate) const RAISE: &str = "request_permission_level";

/// The level that a person has let this task go to, if one has.
pub(crate) fn raised(run: &Run) -> Option<PermissionLevel> {
    of_facts(run.facts())
}

/// Only a request that a person said yes to, and that was carried out by that yes, counts.
fn of_facts<'a>(facts: impl Iterator<Item = &'a Fact>) -> Option<PermissionLevel> {
    let mut asked = None;
    let mut raised = None;
    for fact in facts {
        match fact {
            Fact::Intended {
                effect,
                approval: Some(_),
                ..
            } if effect.call.tool == RAISE => asked = Some((effect.id, level_in(&effect.call))),
            Fact::Settled {
                effect: Some(id),
                outcome,
                ..
            } if !outcome.is_error => {
                let given = asked.filter(|(asked, _)| asked == id);
                raised = raised.max(given.and_then(|(_, level)| level));
            }
            _ => {}
        }
    }
    raised
}

fn level_in(call: &ToolCall) -> Option<PermissionLevel> {
    PermissionLevel::parse(call.arguments["level"].as_str()?)
}

/// What a person is shown of a request; or why there is nothing to ask, for the model.
pub(crate) async fn shown(run: &Run, call: &ToolCall) -> Result<Result<Value, String>, Wrong> {
    let reason = call.arguments["reason"].as_str().unwrap_or_default();
    let Some(wanted) = level_in(call) else {
        let words: Vec<_> = PermissionLevel::ALL
            .iter()
            .map(|level| level.as_str())
            .collect();
        return Ok(Err(format!("`level` is one of {}", words.join(", "))));
    };
    if reason.trim().is_empty() {
        return Ok(Err("say in `reason` what you need it for".to_owned()));
    }
    Ok(match level::of(run).await? {
        None => Err(
            "no level holds you back here; what is refused is refused for another reason"
                .to_owned(),
        ),
        Some(now) if now >= wanted => Err(format!("your level is {now} already")),
        Some(now) => Ok(json!({"level": wanted, "now": now, "reason": reason,
            "agent": run.task.agent, "until": "the task ends"})),
    })
}

/// A person said yes: from here on the task goes so far.
pub(crate) fn carry_out(run: &Run, permit: Permit<Errand>) -> Outcome {
    let call = permit.spend().effect.call;
    match level_in(&call) {
        Some(level) => {
            let text = format!("your level is {level} until this task ends");
            outcome(run, false, text, Value::Null)
        }
        None => outcome(run, true, "there is no such level".to_owned(), Value::Null),
    }
}
