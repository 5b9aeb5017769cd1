//! What a store cannot know by itself, and what must be true of it: I6, I7, I14, I21.

use super::kept::{Effect, Intent, Kept};
use super::{Findings, Invariant};
use crate::StoreError;
use crate::sql::{Moment, params};
use std::collections::{BTreeMap, BTreeSet};
use wardroom_domain::{Digest, RetryClass};

/// What somebody outside of the store has seen.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Each time that the world was touched, in order.
    pub happened: Vec<Happened>,
    /// The ids of tasks and questions whose change was acknowledged to somebody.
    pub acknowledged: Vec<String>,
    /// The deliveries, by door and the platform's own id, of which a platform was told that they
    /// arrived.
    pub delivered: Vec<(String, String)>,
    /// Values that are written down nowhere.
    pub secrets: Vec<String>,
}

/// The world was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// By a call of this digest: tool and arguments. Tests give every call other arguments.
    pub call: Digest,
    /// The fence that came with it, where one does.
    pub fence: Option<u64>,
}

pub(super) fn check(kept: &Kept, outside: &Outside, findings: &mut Findings) {
    for id in &outside.acknowledged {
        if !kept.tasks.contains_key(id) && !kept.questions.contains_key(id) {
            findings.add(
                Invariant::AcknowledgedKept,
                id,
                "it was acknowledged, and is not there",
            );
        }
    }
    if outside.happened.is_empty() {
        return;
    }
    let mut times: BTreeMap<&Digest, u32> = BTreeMap::new();
    for happened in &outside.happened {
        *times.entry(&happened.call).or_default() += 1;
        intended(kept, happened, findings);
    }
    for (id, effect) in &kept.effects {
        let count = effect
            .call
            .as_ref()
            .and_then(|call| times.get(call))
            .copied();
        once(id, effect, count.unwrap_or_default(), findings);
    }
}

/// Nothing happens that was not written down, under the fence that it came with.
fn intended(kept: &Kept, happened: &Happened, findings: &mut Findings) {
    let is_it = |effect: &Effect| effect.call.as_ref() == Some(&happened.call);
    let Some((id, effect)) = kept.effects.iter().find(|(_, effect)| is_it(effect)) else {
        let call = happened.call.to_string();
        findings.add(
            Invariant::IntentFirst,
            call,
            "it happened, and nobody intended it",
        );
        return;
    };
    let Some(fence) = happened.fence else { return };
    let journal = kept.tasks.get(&effect.task).map(|task| &task.journal);
    let mut intents = journal.into_iter().flat_map(|journal| &journal.intents);
    let is_under = |intent: &Intent| intent.effect == *id && intent.fence.unsigned_abs() == fence;
    if !intents.any(is_under) {
        let sentence = format!("it happened under fence {fence}, under which nobody intended it");
        findings.add(Invariant::IntentFirst, id, sentence);
    }
}

/// What cannot be undone or told apart happens at most once.
fn once(id: &str, effect: &Effect, times: u32, findings: &mut Findings) {
    let may_repeat = [RetryClass::Read, RetryClass::View, RetryClass::DupTolerant]
        .iter()
        .any(|class| class.as_str() == effect.class);
    if times > 1 && !may_repeat {
        let sentence = format!("it happened {times} times");
        findings.add(Invariant::OnceOutside, id, sentence);
    }
}

/// What a platform may forget is kept.
pub(super) fn check_delivered(
    moment: &dyn Moment,
    outside: &Outside,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    if outside.delivered.is_empty() {
        return Ok(());
    }
    let mut kept = BTreeSet::new();
    let sql = "SELECT connector, external_id FROM arrival";
    moment.each(sql, params![], &mut |row| {
        kept.insert(row.decode::<(String, String)>()?);
        Ok(())
    })?;
    for delivered in &outside.delivered {
        if !kept.contains(delivered) {
            let row = format!("arrival {} {}", delivered.0, delivered.1);
            let sentence = "the platform was told that it arrived, and it is not there";
            findings.add(Invariant::AcknowledgedKept, row, sentence);
        }
    }
    Ok(())
}

/// No value that must not be written down stands in a row.
pub(super) fn check_secrets(
    moment: &dyn Moment,
    outside: &Outside,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    const TEXTS: [(&str, &str); 7] = [
        ("journal", "SELECT task, body FROM journal"),
        ("audit", "SELECT chain, body FROM audit"),
        ("feed", "SELECT stream, data FROM feed"),
        ("signal", "SELECT task, body FROM signal"),
        ("outbox", "SELECT id, body FROM outbox"),
        ("message", "SELECT id, body FROM message"),
        ("effect", "SELECT id, call FROM effect"),
    ];
    if outside.secrets.is_empty() {
        return Ok(());
    }
    for (table, sql) in TEXTS {
        moment.each(sql, params![], &mut |row| {
            let (key, text): (String, String) = row.decode()?;
            if outside
                .secrets
                .iter()
                .any(|secret| text.contains(secret.as_str()))
            {
                findings.add(
                    Invariant::NoSecret,
                    format!("{table} {key}"),
                    "a secret stands in it",
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}
