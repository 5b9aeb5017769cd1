//! What a worker does with a task that it takes up, whether fresh or left behind by a crash.

use crate::step::Stepper;
use crate::{Fact, Next, Phase};
use wardroom_domain::{Approval, Effect, EffectId, Outcome, RetryClass, TaskStatus, limits};

/// A worker holds the task.
pub(crate) fn claimed(stepper: &mut Stepper, interrupted: Option<RetryClass>) -> Next {
    if stepper.now >= stepper.life.deadline {
        return stepper.end(
            TaskStatus::TimedOut,
            "its time ran out before it was taken up",
        );
    }
    match stepper.life.phase.clone() {
        Phase::Carrying { effect } => interrupted_effect(stepper, effect, interrupted),
        Phase::Asking { .. } | Phase::AwaitingChildren => stepper.wish(),
        _ => {
            stepper.move_to(TaskStatus::Running, "a worker took it up");
            stepper.wish()
        }
    }
}

/// An effect was intended and its outcome is not known: its class says what is right.
fn interrupted_effect(stepper: &mut Stepper, effect: EffectId, class: Option<RetryClass>) -> Next {
    stepper.life.attempts += 1;
    if stepper.life.attempts >= limits::TASK_ATTEMPTS_MAX {
        let why = format!(
            "its worker died {} times over the same action",
            stepper.life.attempts
        );
        return stepper.end(TaskStatus::Failed, &why);
    }
    stepper.move_to(TaskStatus::Running, "taken up again after an interruption");
    match class.unwrap_or(RetryClass::Blind) {
        RetryClass::View
        | RetryClass::Internal
        | RetryClass::Read
        | RetryClass::Idempotent
        | RetryClass::DupTolerant => {
            stepper.facts.push(Fact::Repeated { effect });
            Next::Repeat(effect)
        }
        RetryClass::Queryable => Next::Check(effect),
        RetryClass::Blind => Next::AskInDoubt(effect),
    }
}

/// Whether an interrupted effect happened cannot be known here: a person is asked.
pub(crate) fn doubted(stepper: &mut Stepper, approval: Box<Approval>, effect: Box<Effect>) -> Next {
    stepper.life.phase = Phase::Asking {
        approval: approval.id,
        effect: effect.id,
        in_doubt: true,
    };
    stepper.facts.push(Fact::Asked { approval, effect });
    stepper.move_to(
        TaskStatus::WaitingApproval,
        "an interrupted action may have happened",
    );
    Next::Park { ready_at: None }
}

/// It is known now whether an interrupted effect happened.
pub(crate) fn resolved(stepper: &mut Stepper, effect: EffectId, outcome: Option<Outcome>) -> Next {
    stepper.move_to(TaskStatus::Running, "an interrupted action is cleared up");
    match outcome {
        Some(outcome) => stepper.answered(Some(effect), outcome),
        None => {
            stepper.life.phase = Phase::Carrying { effect };
            stepper.facts.push(Fact::Repeated { effect });
            Next::Repeat(effect)
        }
    }
}
