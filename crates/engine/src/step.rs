//! One event in, facts and the next wish out. Pure: the same life and event give the same step.

use crate::{Event, Fact, Judgement, Life, Line, LineState, Next, Phase, Reply, recover};
use std::time::Duration;
use wardroom_domain::{
    ApprovalDecision, ApprovalId, Digest, Labels, Outcome, TaskId, TaskStatus, Timestamp, ToolCall,
    UserId, limits,
};

/// What the task becomes, what has become true, and what it wants next.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The new snapshot.
    pub life: Life,
    /// What has become true, in order.
    pub facts: Vec<Fact>,
    /// What it wants.
    pub next: Next,
}

/// An event that this life cannot take: it came late, twice, or for another phase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task is {status} ({phase}) and cannot take `{event}`; it came late or twice")]
pub struct Refused {
    status: TaskStatus,
    phase: String,
    event: String,
}

/// The name under which the product itself asks for the apply at the end of a task.
pub const OWN_APPLY: &str = "apply-at-end";

/// Moves a life on by one event.
pub fn step(life: &Life, event: Event, now: Timestamp) -> Result<Step, Refused> {
    let refused = || Refused {
        status: life.status,
        phase: format!("{:?}", life.phase),
        event: format!("{event:?}").chars().take(80).collect(),
    };
    if life.phase == Phase::Ended {
        return Err(refused());
    }
    let mut stepper = Stepper {
        life: life.clone(),
        facts: Vec::new(),
        now,
    };
    let next = match (&life.phase, event.clone()) {
        (_, Event::Canceled { why }) => stepper.end(TaskStatus::Canceled, &why),
        (_, Event::DeadlinePassed) => stepper.end(
            TaskStatus::TimedOut,
            "its time ran out; give it a later deadline or less to do",
        ),
        (_, Event::Broken { reason }) => stepper.end(TaskStatus::Failed, &reason),
        (
            _,
            Event::Told {
                text,
                by,
                labels,
                typed,
            },
        ) => {
            stepper.told(text, by, labels, typed);
            stepper.wish()
        }
        (_, Event::Claimed { interrupted }) => recover::claimed(&mut stepper, interrupted),
        (Phase::Thinking, Event::Replied(reply)) => stepper.replied(reply),
        (Phase::Thinking, Event::ModelFailed { reason, may_retry }) => {
            stepper.model_failed(reason, may_retry)
        }
        (Phase::Judging, Event::Judged(judgement)) => stepper.judged(judgement),
        (Phase::Thinking, Event::Held { why, until }) => stepper.held(&why, until),
        (
            Phase::Carrying { effect },
            Event::Settled {
                effect: settled,
                outcome,
            },
        ) if *effect == settled => stepper.settled(outcome),
        (
            Phase::Asking { approval, .. },
            Event::Decided {
                approval: decided,
                decision,
                by,
                answer,
            },
        ) if *approval == decided => stepper.decided(decided, decision, by, answer),
        (
            Phase::Asking {
                effect,
                in_doubt: true,
                ..
            }
            | Phase::Carrying { effect },
            Event::Resolved {
                effect: resolved,
                outcome,
            },
        ) if *effect == resolved => recover::resolved(&mut stepper, resolved, outcome),
        (Phase::Carrying { effect: carried }, Event::Doubted { approval, effect })
            if *carried == effect.id =>
        {
            recover::doubted(&mut stepper, approval, effect)
        }
        (_, Event::ChildEnded { child, outcome }) => stepper.child_ended(child, outcome),
        (Phase::Looking, Event::Looked { changes }) => stepper.looked(changes),
        _ => return Err(refused()),
    };
    Ok(Step {
        life: stepper.life,
        facts: stepper.facts,
        next,
    })
}

pub(crate) struct Stepper {
    pub(crate) life: Life,
    pub(crate) facts: Vec<Fact>,
    pub(crate) now: Timestamp,
}

impl Stepper {
    /// What the current phase waits for. Saying it again does no harm.
    pub(crate) fn wish(&mut self) -> Next {
        match &self.life.phase {
            Phase::Ready if self.life.status == TaskStatus::Queued => Next::Park {
                ready_at: Some(self.now),
            },
            Phase::Ready | Phase::Thinking => self.think(),
            Phase::Judging => self.next_line(),
            Phase::Carrying { effect } => Next::Carry(*effect),
            Phase::Asking { .. } | Phase::AwaitingChildren => Next::Park { ready_at: None },
            Phase::Looking => Next::Look,
            Phase::Ended => Next::End,
        }
    }

    fn told(&mut self, text: String, by: Option<UserId>, labels: Labels, typed: Option<String>) {
        if let Some((text, by)) = typed.zip(by) {
            self.facts.push(Fact::Typed { text, by });
        }
        self.facts.push(Fact::Told { text, by, labels });
    }

    pub(crate) fn move_to(&mut self, to: TaskStatus, why: &str) {
        let from = self.life.status;
        if from != to {
            self.life.status = to;
            self.facts.push(Fact::Moved {
                from,
                to,
                why: why.to_owned(),
            });
        }
    }

    pub(crate) fn end(&mut self, status: TaskStatus, why: &str) -> Next {
        if status != TaskStatus::Succeeded {
            self.life.error = Some(why.to_owned());
        }
        // A waiting task that its last child or decision ends passes through RUNNING: the table
        // knows no way from waiting to success.
        if status == TaskStatus::Succeeded {
            self.move_to(TaskStatus::Running, "resumed");
        }
        self.move_to(status, why);
        self.life.phase = Phase::Ended;
        Next::End
    }

    pub(crate) fn think(&mut self) -> Next {
        if self.life.turns >= limits::TASK_TURNS_MAX {
            let why = format!("stopped after {} turns without an end", self.life.turns);
            return self.end(TaskStatus::Failed, &why);
        }
        if self.life.tokens >= limits::TASK_TOKENS_MAX {
            let why = format!(
                "stopped after {} tokens, the most a task may use",
                self.life.tokens
            );
            return self.end(TaskStatus::Failed, &why);
        }
        self.life.lines.clear();
        self.life.phase = Phase::Thinking;
        Next::CallModel
    }

    fn replied(&mut self, reply: Reply) -> Next {
        self.life.turns += 1;
        self.life.tokens += reply.tokens;
        self.life.attempts = 0;
        let calls: Vec<ToolCall> = reply
            .calls
            .into_iter()
            .take(limits::CALLS_PER_TURN_MAX)
            .collect();
        self.facts.push(Fact::Replied {
            text: reply.text.clone(),
            calls: calls.clone(),
            model: reply.model,
        });
        if calls.is_empty() {
            self.life.answer = Some(reply.text);
            self.life.phase = Phase::Looking;
            return Next::Look;
        }
        if let Some(why) = self.loop_found(&calls) {
            return self.end(TaskStatus::Failed, &why);
        }
        self.life.lines = calls
            .into_iter()
            .map(|call| Line {
                call,
                state: LineState::Open,
                is_ours: false,
            })
            .collect();
        self.next_line()
    }

    /// Gives its executor back and waits; what it wanted, it wants again when it is taken up.
    fn held(&mut self, why: &str, until: Timestamp) -> Next {
        if self.life.phase == Phase::Thinking {
            self.life.phase = Phase::Ready;
        }
        self.move_to(TaskStatus::Queued, why);
        Next::Park {
            ready_at: Some(until),
        }
    }

    fn loop_found(&mut self, calls: &[ToolCall]) -> Option<String> {
        for call in calls {
            let digest = call.digest();
            let times = match self.life.repeated {
                Some((last, times)) if last == digest => times + 1,
                _ => 1,
            };
            self.life.repeated = Some((digest, times));
            if times >= limits::SAME_CALL_MAX {
                return Some(format!(
                    "stopped: the model asked for the same `{}` call {times} times in a row",
                    call.tool
                ));
            }
        }
        None
    }

    fn model_failed(&mut self, reason: String, may_retry: bool) -> Next {
        self.life.attempts += 1;
        self.facts.push(Fact::ModelFailed {
            reason: reason.clone(),
        });
        if !may_retry || self.life.attempts >= limits::TASK_ATTEMPTS_MAX.min(3) {
            return self.end(TaskStatus::Failed, &reason);
        }
        self.life.phase = Phase::Ready;
        self.move_to(
            TaskStatus::Queued,
            "the model did not answer; trying again shortly",
        );
        let pause = Duration::from_secs(2 << (2 * self.life.attempts.min(4)));
        Next::Park {
            ready_at: Some(self.now.after(pause)),
        }
    }

    /// Goes to the first open line, or, when all have their answers, back to the model.
    pub(crate) fn next_line(&mut self) -> Next {
        if let Some(line) = self.life.open_line() {
            let call = line.call.clone();
            self.life.phase = Phase::Judging;
            return Next::Judge(call);
        }
        if self.life.awaits_children() {
            self.life.phase = Phase::AwaitingChildren;
            self.move_to(TaskStatus::Queued, "waits for the tasks that it spawned");
            return Next::Park { ready_at: None };
        }
        self.think()
    }

    fn judged(&mut self, judgement: Judgement) -> Next {
        match judgement {
            Judgement::Allowed {
                effect,
                rule,
                approval,
            } => {
                if self.life.steps >= limits::TASK_STEPS_MAX {
                    let why = format!("stopped after {} actions without an end", self.life.steps);
                    return self.end(TaskStatus::Failed, &why);
                }
                self.life.steps += 1;
                self.life.tier = self.life.tier.max(effect.tier);
                let id = effect.id;
                self.life.phase = Phase::Carrying { effect: id };
                self.facts.push(Fact::Intended {
                    effect,
                    rule,
                    approval,
                });
                Next::Carry(id)
            }
            Judgement::Ask { approval, effect } => {
                self.life.tier = self.life.tier.max(approval.tier);
                self.life.phase = Phase::Asking {
                    approval: approval.id,
                    effect: effect.id,
                    in_doubt: false,
                };
                let why = format!("asks before `{}`: {}", approval.tool, approval.rationale);
                self.facts.push(Fact::Asked { approval, effect });
                self.move_to(TaskStatus::WaitingApproval, &why);
                Next::Park { ready_at: None }
            }
            Judgement::Wait { why, until } => self.held(&why, until),
            Judgement::Spawn { child } => {
                let call = self.answer_line(LineState::AwaitingChild { child });
                self.facts.push(Fact::Spawned {
                    call: call.unwrap_or_default(),
                    child,
                });
                self.next_line()
            }
            Judgement::Refused { outcome } => self.answered(None, *outcome),
        }
    }

    fn settled(&mut self, outcome: Outcome) -> Next {
        // The next action, or the model, is given all its tries.
        self.life.attempts = 0;
        let effect = match self.life.phase {
            Phase::Carrying { effect } => Some(effect),
            _ => None,
        };
        self.answered(effect, outcome)
    }

    /// The first open line has its answer.
    pub(crate) fn answered(
        &mut self,
        effect: Option<wardroom_domain::EffectId>,
        outcome: Outcome,
    ) -> Next {
        let line = self.life.open_line().cloned();
        let is_ours = line.as_ref().is_some_and(|line| line.is_ours);
        let is_apply = line.as_ref().is_some_and(|line| line.call.tool == "apply");
        let call = self.answer_line(LineState::Answered).unwrap_or_default();
        if is_apply {
            self.life.applied = Some(!outcome.is_error);
            self.life.refused_changes = refused_changes(&outcome).or(self.life.refused_changes);
        }
        let is_done = is_ours && !outcome.is_error;
        self.facts.push(Fact::Settled {
            call,
            effect,
            outcome,
            is_ours,
        });
        if is_done {
            return self.end(TaskStatus::Succeeded, "its changes were applied");
        }
        self.next_line()
    }

    fn answer_line(&mut self, state: LineState) -> Option<String> {
        let line = self
            .life
            .lines
            .iter_mut()
            .find(|line| line.state == LineState::Open)?;
        line.state = state;
        Some(line.call.id.clone())
    }

    fn decided(
        &mut self,
        approval: ApprovalId,
        decision: ApprovalDecision,
        by: Option<UserId>,
        answer: Option<Outcome>,
    ) -> Next {
        self.facts.push(Fact::Decided {
            approval,
            decision,
            by,
        });
        self.move_to(TaskStatus::Running, "a person has answered");
        match answer {
            // A yes, or a no to several at once, after which each is asked about alone.
            None if decision != ApprovalDecision::Expire => self.next_line(),
            None => self.end(TaskStatus::Failed, "a question ended without an answer"),
            Some(outcome) => self.answered(None, outcome),
        }
    }

    fn child_ended(&mut self, child: TaskId, outcome: Outcome) -> Next {
        let awaited = LineState::AwaitingChild { child };
        let Some(line) = self
            .life
            .lines
            .iter_mut()
            .find(|line| line.state == awaited)
        else {
            return self.wish();
        };
        line.state = LineState::Answered;
        let (call, is_ours) = (line.call.id.clone(), line.is_ours);
        self.facts.push(Fact::Settled {
            call,
            effect: None,
            outcome,
            is_ours,
        });
        if self.life.phase != Phase::AwaitingChildren || self.life.awaits_children() {
            return self.wish();
        }
        self.move_to(TaskStatus::Running, "the tasks that it spawned have ended");
        self.next_line()
    }

    fn looked(&mut self, changes: Option<Digest>) -> Next {
        self.facts.push(Fact::Looked { changes });
        match changes {
            Some(digest) if self.life.refused_changes != Some(digest) => {
                self.life.refused_changes = Some(digest);
                let call = ToolCall {
                    id: OWN_APPLY.to_owned(),
                    tool: "apply".to_owned(),
                    arguments: serde_json::json!({}),
                };
                self.life.lines = vec![Line {
                    call,
                    state: LineState::Open,
                    is_ours: true,
                }];
                self.next_line()
            }
            _ => self.end(TaskStatus::Succeeded, "the model gave its answer"),
        }
    }
}

/// The changes that an apply did not carry, so that the same are not asked about twice.
fn refused_changes(outcome: &Outcome) -> Option<Digest> {
    let changes = outcome.detail.get("changes")?.as_str()?;
    Digest::parse(changes).filter(|_| outcome.is_error)
}
