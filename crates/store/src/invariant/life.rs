//! The lives of tasks: I2 to I5, I13, I16, I20.

use super::kept::{Kept, Task};
use super::{Findings, Invariant};
use wardroom_domain::{TaskStatus, limits};

pub(super) fn check(kept: &Kept, findings: &mut Findings) {
    for (id, effect) in &kept.effects {
        let task = kept.tasks.get(&effect.task);
        let succeeded = task.is_some_and(|task| task.status == TaskStatus::Succeeded);
        if succeeded && !matches!(effect.state.as_str(), "DONE" | "FAILED") {
            let sentence = format!("its task succeeded, and it is still {}", effect.state);
            findings.add(Invariant::OnceOutside, id, sentence);
        }
    }
    for (id, task) in &kept.tasks {
        alive(kept, id, task, findings);
        moves(id, task, findings);
        fences(id, task, findings);
        within_limits(id, task, findings);
        snapshot(id, task, findings);
    }
}

/// Whoever holds it, the queue, a question or a child: one of them brings it on.
fn alive(kept: &Kept, id: &str, task: &Task, findings: &mut Findings) {
    let is_ready = kept.ready.contains(id);
    if task.status.is_terminal() {
        if is_ready || task.is_held {
            let sentence = "it has ended, and is still held or ready to be";
            findings.add(Invariant::OneEnd, id, sentence);
        }
        return;
    }
    if task.is_held && is_ready {
        findings.add(Invariant::Alive, id, "it is held and ready at once");
    }
    if task.is_held || is_ready || is_asked(kept, id) || awaits_child(kept, task) {
        return;
    }
    let sentence = format!(
        "it is {} and nothing brings it on: nobody holds it, it is not ready, no question of it is \
         open, no child of it works",
        task.status
    );
    findings.add(Invariant::Alive, id, sentence);
}

fn is_asked(kept: &Kept, id: &str) -> bool {
    let mut questions = kept.questions.values();
    questions.any(|question| question.task == id && question.decision.is_none())
}

fn awaits_child(kept: &Kept, task: &Task) -> bool {
    let lines = task.snapshot["lines"].as_array().into_iter().flatten();
    let mut children = lines.filter_map(|line| line["state"]["child"].as_str());
    children.any(|child| {
        kept.tasks
            .get(child)
            .is_some_and(|child| !child.status.is_terminal())
    })
}

/// Each move follows the one before it, and the last says where the task stands.
fn moves(id: &str, task: &Task, findings: &mut Findings) {
    let mut stands = TaskStatus::Queued;
    let mut ended = None;
    for (seq, from, to) in &task.journal.moves {
        let place = format!("journal {id} {seq}");
        let (Some(from), Some(to)) = (TaskStatus::parse(from), TaskStatus::parse(to)) else {
            findings.add(
                Invariant::LegalMoves,
                place,
                "it is no move that can be read",
            );
            continue;
        };
        if from != stands || !from.may_become(to) {
            let sentence = format!("from {from} to {to}, where it stood at {stands}");
            findings.add(Invariant::LegalMoves, place, sentence);
        }
        if to.is_terminal() && ended.replace(*seq).is_some() {
            findings.add(Invariant::OneEnd, id, "it has ended twice");
        }
        stands = to;
    }
    // A journal of another maker than the engine tells no moves.
    if !task.journal.moves.is_empty() && stands != task.status {
        let sentence = format!("it is {}, and its journal says {stands}", task.status);
        findings.add(Invariant::LegalMoves, id, sentence);
    }
    let Some(ended) = ended else { return };
    if task.journal.seq > ended {
        let sentence = format!(
            "fact {} follows its end, which is fact {ended}",
            task.journal.seq
        );
        findings.add(Invariant::OneEnd, id, sentence);
    }
    if let Some(late) = task
        .journal
        .intents
        .iter()
        .find(|intent| intent.seq > ended)
    {
        let sentence = format!("{} was begun after its end", late.effect);
        findings.add(Invariant::NothingAfterStop, id, sentence);
    }
}

fn fences(id: &str, task: &Task, findings: &mut Findings) {
    if task.fence < task.journal.fence {
        let sentence = format!(
            "its fence is {}, and a fact was written under {}",
            task.fence, task.journal.fence
        );
        findings.add(Invariant::FencesRise, id, sentence);
    }
}

fn within_limits(id: &str, task: &Task, findings: &mut Findings) {
    let count = |name: &str| task.snapshot[name].as_u64().unwrap_or_default();
    let most = [
        ("turns", u64::from(limits::TASK_TURNS_MAX)),
        ("steps", u64::from(limits::TASK_STEPS_MAX)),
    ];
    for (name, most) in most {
        if count(name) > most {
            let sentence = format!("it took {} {name}; the most is {most}", count(name));
            findings.add(Invariant::WithinLimits, id, sentence);
        }
    }
}

/// Phases and states belong together, and the snapshot counts what the journal holds.
fn snapshot(id: &str, task: &Task, findings: &mut Findings) {
    let Some(phase) = task.snapshot["phase"]["phase"].as_str() else {
        return;
    };
    let fits = match phase {
        "ended" => task.status.is_terminal(),
        "asking" => task.status == TaskStatus::WaitingApproval,
        "ready" | "awaiting_children" | "judging" => !task.status.is_terminal(),
        _ => task.status == TaskStatus::Running,
    };
    if !fits || task.snapshot["status"].as_str() != Some(task.status.as_str()) {
        let sentence = format!(
            "it is {}, and its snapshot says {} ({phase})",
            task.status,
            task.snapshot["status"].as_str().unwrap_or("nothing")
        );
        findings.add(Invariant::SnapshotFits, id, sentence);
    }
    let intended = task
        .journal
        .intents
        .iter()
        .filter(|intent| !intent.is_repeated)
        .count();
    let steps = task.snapshot["steps"].as_u64().unwrap_or_default();
    if steps != intended as u64 {
        let sentence = format!("its snapshot counts {steps} effects, its journal {intended}");
        findings.add(Invariant::SnapshotFits, id, sentence);
    }
}
