//! What a task's person typed himself, what was foreseen from it, and what has been done of it.

use crate::decide::approvals_of;
use crate::run::Run;
use crate::{Wrong, foreign};
use serde_json::Value;
use wardroom_domain::{
    ApprovalDecision, Digest, Labels, Mandate, RiskTier, TaskId, Timestamp, ToolCall, limits,
};
use wardroom_engine::Fact;
use wardroom_policy::decide::{Circumstances, Decision, Policy, Request};
use wardroom_policy::sanitize;
use wardroom_policy::typed::{Typed, addresses_in};

/// The name under which a mandate is asked about.
pub(crate) const MANDATE: &str = "mandate";
/// In the detail of an answer, who gave it.
pub(crate) const ANSWERED_BY: &str = "answered_by";

/// Everything that the requester typed for this task, in order.
pub(crate) fn texts(run: &Run) -> Vec<&str> {
    let requester = run.task.requester.to_string();
    run.facts()
        .filter_map(|fact| match fact {
            Fact::Typed { text, by } if *by == run.task.requester => Some(text.as_str()),
            Fact::Settled {
                effect: None,
                outcome,
                ..
            } if outcome.detail[ANSWERED_BY] == requester => Some(outcome.text.as_str()),
            _ => None,
        })
        .collect()
}

/// The requester's own words; none where they look as if somebody else's were pasted among them.
pub(crate) fn typed(run: &Run) -> Option<Typed> {
    let texts = texts(run);
    let is_suspicious =
        |text: &&str| sanitize::sanitize(text, &sanitize::Limits::default()).is_suspicious();
    if texts.is_empty() || texts.iter().any(is_suspicious) {
        return None;
    }
    Some(Typed::of(texts))
}

/// What the task has done so far beyond looking, and what did not fail.
pub(crate) fn done(run: &Run) -> Vec<ToolCall> {
    let mut done = Vec::new();
    for fact in run.facts() {
        match fact {
            Fact::Intended { effect, .. } if effect.tier > RiskTier::L0Readonly => {
                done.push((effect.id, effect.call.clone()));
            }
            Fact::Settled {
                effect: Some(effect),
                outcome,
                ..
            } if outcome.is_error => done.retain(|(id, _)| id != effect),
            _ => {}
        }
    }
    done.into_iter().map(|(_, call)| call).collect()
}

/// The addresses that the org's own data named in what the task has heard.
fn named_by_org(run: &Run) -> Option<Typed> {
    let mut named = Vec::new();
    for fact in run.facts() {
        let Fact::Settled {
            effect: Some(id),
            outcome,
            ..
        } = fact
        else {
            continue;
        };
        // What runs in a sandbox writes its detail itself; the org vouches for servers alone.
        let is_servers = run
            .effect(*id)
            .is_some_and(|effect| effect.call.tool.contains("__"));
        let found = outcome.detail.get(foreign::NAMED_BY_ORG);
        if let (true, Some(Value::Array(found))) = (is_servers, found) {
            named.extend(found.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    let lines = named.iter().map(String::as_str);
    (!named.is_empty()).then(|| Typed::of(lines))
}

/// What was foreseen for a task, with where a person's yes to it stands.
#[derive(Clone)]
pub(crate) struct Foreseen {
    pub(crate) mandate: Mandate,
    pub(crate) digest: Digest,
    pub(crate) decision: Option<ApprovalDecision>,
}

impl Foreseen {
    /// What a person has said yes to.
    pub(crate) fn in_force(&self) -> Option<&Mandate> {
        let is_yes = self.decision == Some(ApprovalDecision::Approve);
        is_yes.then_some(&self.mandate)
    }
}

/// What stands behind an action: the words that wished for it and what was foreseen from them.
#[derive(Default)]
pub(crate) struct Wishes {
    typed: Option<Typed>,
    named_by_org: Option<Typed>,
    done: Vec<ToolCall>,
    foreseen: Option<Foreseen>,
}

impl Wishes {
    /// Nothing stands behind what stays in the box: nobody needs to have wished for it.
    pub(crate) async fn of(run: &Run, leaves: bool) -> Result<Self, Wrong> {
        if !leaves {
            return Ok(Self::default());
        }
        Ok(Self {
            typed: typed(run),
            named_by_org: named_by_org(run),
            done: done(run),
            foreseen: foreseen(run).await?,
        })
    }

    /// As policy reads it.
    pub(crate) fn around(&self) -> Circumstances<'_> {
        Circumstances {
            typed: self.typed.as_ref(),
            named_by_org: self.named_by_org.as_ref(),
            done: &self.done,
            mandate: self.foreseen.as_ref().and_then(Foreseen::in_force),
            ..Circumstances::default()
        }
    }

    /// The mandate that would cover an action that asks, if nobody has been asked about it yet: one
    /// question about all of it is better than many.
    pub(crate) fn to_ask(
        &self,
        policy: &Policy,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Option<&Foreseen> {
        let foreseen = self
            .foreseen
            .as_ref()
            .filter(|one| one.decision.is_none())?;
        let mut covered = request.clone();
        covered.circumstances.mandate = Some(&foreseen.mandate);
        let is_covered = matches!(policy.decide((), &covered, now), Decision::Allow(_));
        is_covered.then_some(foreseen)
    }
}

/// What an approval of a mandate is bound to.
pub(crate) fn digest_of(task: TaskId, mandate: &Mandate) -> Digest {
    Digest::of(&(MANDATE, task, mandate))
}

/// What was foreseen for this task, if anything was.
pub(crate) async fn foreseen(run: &Run) -> Result<Option<Foreseen>, Wrong> {
    let found = run.facts().find_map(|fact| match fact {
        Fact::Foreseen { mandate } => Some(mandate.clone()),
        _ => None,
    });
    let Some(mandate) = found else {
        return Ok(None);
    };
    let digest = digest_of(run.task.id, &mandate);
    let decision = approvals_of(&run.crew, run.task.id)
        .await?
        .into_iter()
        .map(|row| row.approval)
        .find(|approval| approval.tool == MANDATE && approval.digest == digest)
        .and_then(|approval| approval.decision);
    Ok(Some(Foreseen {
        mandate,
        digest,
        decision,
    }))
}

/// Whether a mandate names nothing but what a person typed, or a sentence on what it does.
pub(crate) fn check(
    mandate: &Mandate,
    texts: &[&str],
    known: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    let named = mandate.targets.len() + mandate.recipients.len() + mandate.tools.len();
    if mandate.tools.is_empty() || named > limits::MANDATE_NAMES_MAX {
        return Err(format!(
            "a mandate names at least one tool and at most {} things",
            limits::MANDATE_NAMES_MAX
        ));
    }
    if let Some(tool) = mandate.tools.iter().find(|tool| !known(tool)) {
        return Err(format!(
            "a mandate names tools that there are; `{tool}` is none"
        ));
    }
    let typed = Typed::of(texts.iter().copied());
    let mut names = mandate.targets.iter().chain(&mandate.recipients);
    let stray = names.find(|name| {
        let value = serde_json::json!({ "target": name });
        typed.covers(&value).is_err()
    });
    match stray {
        Some(name) => Err(format!(
            "a mandate may only name what the person typed, and `{name}` does not stand in his words"
        )),
        None => Ok(()),
    }
}

/// A mandate in words, as a person is asked about it.
pub(crate) fn in_words(mandate: &Mandate) -> String {
    let list = |names: &std::collections::BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        names.join(", ")
    };
    let mut words = format!(
        "For this task only, without asking again: use {}",
        list(&mandate.tools)
    );
    if !mandate.targets.is_empty() {
        words.push_str(&format!("; at {}", list(&mandate.targets)));
    }
    if !mandate.recipients.is_empty() {
        words.push_str(&format!("; for {}", list(&mandate.recipients)));
    }
    words + ". Everything else is asked about."
}

/// Where the words of a model come from that passes work on: the person, unless it had something
/// from outside before its eyes and they lead somewhere that nobody typed.
pub(crate) fn of_instructions(
    text: &str,
    texts: &[&str],
    saw_outside: bool,
    mine: &Labels,
) -> Labels {
    let typed = Typed::of(texts.iter().copied());
    let leads_elsewhere = addresses_in(text)
        .iter()
        .any(|address| !typed.holds_address(address));
    if saw_outside && leads_elsewhere {
        mine.join(&Labels::external())
    } else {
        mine.clone()
    }
}
