//! Questions and what they allow: I8, I9.

use super::kept::{Kept, Question};
use super::{Findings, Invariant};
use std::collections::BTreeMap;
use wardroom_domain::Digest;

pub(super) fn check(kept: &Kept, findings: &mut Findings) {
    for (id, question) in &kept.questions {
        decided(id, question, findings);
        approved(kept, id, question, findings);
    }
    spent(kept, findings);
}

fn decided(id: &str, question: &Question, findings: &mut Findings) {
    let mut wrong = |sentence: &str| findings.add(Invariant::DecidedOnce, id, sentence);
    match &question.decision {
        None if question.decided_at.is_some() => wrong("it is open, and has a time of decision"),
        None => {}
        Some(_) if question.decided_at.is_none() => wrong("it was decided at no time"),
        Some(decision) => {
            let is_ours = decision == "EXPIRE";
            if is_ours == question.decided_by.is_some() {
                wrong("a yes or no is somebody's, and an expiry is nobody's");
            }
            match question.decided_on_record {
                1 => {}
                0 => wrong("it was decided, and the audit log does not say so"),
                _ => wrong("the audit log says more than once that it was decided"),
            }
        }
    }
}

/// A yes counts if it came in time, from somebody, and about what is then done.
fn approved(kept: &Kept, id: &str, question: &Question, findings: &mut Findings) {
    if question.spent_at.is_none() {
        return;
    }
    let mut wrong = |sentence: &str| findings.add(Invariant::Approved, id, sentence);
    if question.decision.as_deref() != Some("APPROVE") {
        wrong("it was used, and is no yes");
    }
    if question
        .decided_at
        .is_some_and(|at| at >= question.expires_at)
    {
        wrong("it was used, and the yes came too late");
    }
    let Some(effect) = kept.effects.get(&question.effect) else {
        return;
    };
    // A yes to a mandate, or to several calls, is about more than the action that brought it up.
    let is_same = effect.digest == question.digest
        || question.tool == "mandate"
        || question.shown.contains(&effect.digest);
    if effect.task != question.task || effect.org != question.org {
        wrong("it was used for another task");
    } else if question.question == "permission" && !is_same {
        wrong("it was used for another action than the one that was shown");
    }
}

/// Each yes is used by one intent, or once for each call that it shows; and each intent that names
/// one has used it.
fn spent(kept: &Kept, findings: &mut Findings) {
    let mut users: BTreeMap<(&str, Option<Digest>), usize> = BTreeMap::new();
    let intents = kept.tasks.values().flat_map(|task| &task.journal.intents);
    for intent in intents {
        let Some(approval) = &intent.approval else {
            continue;
        };
        let row = kept.questions.get(approval);
        let shown = row.map_or(&[][..], |question| &question.shown);
        let digest = kept.effects.get(&intent.effect).map(|effect| effect.digest);
        let digest = digest.filter(|_| !shown.is_empty());
        let most = digest.map_or(1, |digest| {
            shown.iter().filter(|one| **one == digest).count()
        });
        let count = users.entry((approval, digest)).or_default();
        *count += 1;
        if *count > most {
            let sentence = match most {
                0 => "it was used for an action that it did not show",
                1 => "it was used for two actions",
                _ => "it was used more often than it shows the action",
            };
            findings.add(Invariant::Approved, approval, sentence);
        }
        if row.is_none_or(|question| question.spent_at.is_none()) {
            let sentence = format!("{} was begun by it, and it is not used up", intent.effect);
            findings.add(Invariant::Approved, approval, sentence);
        }
    }
}
