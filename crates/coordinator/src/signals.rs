//! Mail to a task: stop, words, answers, ended children. Anybody may append; only the worker
//! that holds the task reads it, at a boundary.

use crate::authorize::outcome;
use crate::crew::Crew;
use crate::run::Run;
use crate::together::TOGETHER;
use crate::wishes::{ANSWERED_BY, MANDATE};
use crate::{Wrong, advance, delegate};
use serde_json::{Value, json};
use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, Labels, Outcome, Question, TaskId, UserStatus,
};
use wardroom_engine::{Event, Next, Phase};
use wardroom_store::{ConsumeSignals, SignalRow, Write};

/// The kinds of mail.
pub(crate) mod kind {
    pub(crate) const CANCEL: &str = "cancel";
    pub(crate) const DEADLINE: &str = "deadline";
    pub(crate) const TELL: &str = "tell";
    pub(crate) const DECIDED: &str = "decided";
    /// Nothing but a reason to look again.
    pub(crate) const RESUME: &str = "resume";
    pub(crate) const CHILD_ENDED: &str = "child_ended";
}

/// Reads the mail and moves the task on by it. While an effect is under way, or in doubt, only
/// mail that stops the task is heard.
pub(crate) async fn read(run: &mut Run, mut next: Next) -> Result<Next, Wrong> {
    let crew = run.crew.clone();
    if next == Next::End {
        return Ok(next);
    }
    if crew.clock.now() >= run.life.deadline {
        return advance::advance(run, Event::DeadlinePassed);
    }
    let (requester, status) = crew.person(run.task.requester, "task").await?;
    if status != UserStatus::Active {
        let why = format!("{} is {status}", requester.name);
        return advance::advance(run, Event::Canceled { why });
    }
    let mail = crew.store.signals(crew.org, run.task.id).await?;
    if !matches!(
        next,
        Next::CallModel | Next::Judge(_) | Next::Look | Next::Park { .. }
    ) {
        let is_stopped = mail.iter().any(stops_task);
        return if is_stopped {
            stop(run).await
        } else {
            Ok(next)
        };
    }
    for letter in mail {
        if next == Next::End {
            break;
        }
        run.writes.push(consumed(run, letter.seq));
        if let Some(event) = event_of(run, &letter).await? {
            next = advance::advance(run, event)?;
        }
    }
    Ok(next)
}

fn consumed(run: &Run, up_to_seq: i64) -> Write {
    Write::ConsumeSignals(ConsumeSignals {
        task: run.task.id,
        up_to_seq,
    })
}

fn stops_task(letter: &SignalRow) -> bool {
    matches!(letter.kind.as_str(), kind::CANCEL | kind::DEADLINE)
}

/// Whether there is mail that ends the task at once.
pub(crate) async fn stops(crew: &Crew, task: TaskId) -> Result<bool, Wrong> {
    let mail = crew.store.signals(crew.org, task).await?;
    Ok(mail.iter().any(stops_task))
}

/// The work was dropped in the middle: because somebody stopped the task, or its time ran out.
pub(crate) async fn stop(run: &mut Run) -> Result<Next, Wrong> {
    let mail = run.crew.store.signals(run.crew.org, run.task.id).await?;
    match mail.iter().find(|mail| mail.kind == kind::CANCEL) {
        Some(cancel) => {
            let why = why_of(&cancel.body);
            run.writes.push(consumed(run, cancel.seq));
            advance::advance(run, Event::Canceled { why })
        }
        None => advance::advance(run, Event::DeadlinePassed),
    }
}

/// What a letter means for the task; none if it was for a phase that is over.
async fn event_of(run: &mut Run, letter: &SignalRow) -> Result<Option<Event>, Wrong> {
    Ok(match letter.kind.as_str() {
        kind::CANCEL => Some(Event::Canceled {
            why: why_of(&letter.body),
        }),
        kind::DEADLINE => Some(Event::DeadlinePassed),
        kind::TELL => Some(told(&letter.body)),
        kind::CHILD_ENDED => child_of(&letter.body).map(|child| Event::ChildEnded {
            child,
            outcome: delegate::child_outcome(run, &letter.body),
        }),
        kind::DECIDED => decided(run, &letter.body).await?,
        _ => None,
    })
}

fn child_of(body: &Value) -> Option<TaskId> {
    TaskId::parse(body["child"].as_str()?).ok()
}

fn told(body: &Value) -> Event {
    let labels =
        serde_json::from_value(body["labels"].clone()).unwrap_or_else(|_| Labels::external());
    let by = body["by"]
        .as_str()
        .and_then(|id| wardroom_domain::UserId::parse(id).ok());
    Event::Told {
        text: body["text"].as_str().unwrap_or_default().to_owned(),
        by,
        labels,
        typed: body["typed"].as_str().map(str::to_owned),
    }
}

fn why_of(body: &Value) -> String {
    body["why"].as_str().unwrap_or("stopped").to_owned()
}

/// A question has ended. The row says how; the signal only says where to look.
async fn decided(run: &mut Run, body: &Value) -> Result<Option<Event>, Wrong> {
    let Phase::Asking {
        approval: asked, ..
    } = run.life.phase
    else {
        return Ok(None);
    };
    let id = body["approval"]
        .as_str()
        .and_then(|id| ApprovalId::parse(id).ok());
    if id != Some(asked) {
        return Ok(None);
    }
    let row = run.crew.store.approval(run.crew.org, asked).await?;
    let Some(approval) = row.map(|row| row.approval) else {
        return Ok(None);
    };
    let Some(decision) = approval.decision else {
        return Ok(None);
    };
    let event = event_of_decision(run, &approval, decision);
    // Policy reads the person's word when the call is judged again.
    run.decided = Some(approval);
    Ok(Some(event))
}

fn event_of_decision(run: &Run, approval: &Approval, decision: ApprovalDecision) -> Event {
    let by = approval.decided_by;
    if approval.question == Question::InDoubt {
        return match (decision, approval.answer.as_deref()) {
            (ApprovalDecision::Approve, _) => {
                let text =
                    "a person confirmed that this happened before the interruption".to_owned();
                let outcome = Some(outcome(run, false, text, Value::Null));
                Event::Resolved {
                    effect: approval.effect,
                    outcome,
                }
            }
            (ApprovalDecision::Deny, Some("did_not")) => Event::Resolved {
                effect: approval.effect,
                outcome: None,
            },
            _ => Event::Canceled {
                why: "nobody could say whether an interrupted action happened".to_owned(),
            },
        };
    }
    Event::Decided {
        approval: approval.id,
        decision,
        by,
        answer: answer_of(run, approval, decision),
    }
}

/// Whether a question was about more than the call that raised it.
fn is_about_more(approval: &Approval) -> bool {
    matches!(approval.tool.as_str(), TOGETHER | MANDATE)
}

/// What the model reads instead of the action's outcome; none when it may be carried out.
fn answer_of(run: &Run, approval: &Approval, decision: ApprovalDecision) -> Option<Outcome> {
    let text = match (approval.question, decision) {
        (Question::Permission, ApprovalDecision::Approve) => return None,
        // The question was about more than this call, and so was the no.
        (Question::Permission, ApprovalDecision::Deny) if is_about_more(approval) => return None,
        (Question::Answer, ApprovalDecision::Approve) => {
            let words = approval.answer.clone().unwrap_or_default();
            let by = json!({ANSWERED_BY: approval.decided_by});
            return Some(outcome(run, false, words, by));
        }
        (Question::Permission, ApprovalDecision::Deny) => {
            "denied by a person; do not try the same again, go on without it or end".to_owned()
        }
        (Question::Answer, ApprovalDecision::Deny) => {
            "the person did not want to answer".to_owned()
        }
        (_, ApprovalDecision::Expire) => {
            "expired: nobody answered in time, so it was not done".to_owned()
        }
        (Question::InDoubt, _) => return None,
    };
    let changes = approval
        .arguments
        .get("changes")
        .cloned()
        .unwrap_or_default();
    Some(outcome(
        run,
        true,
        text,
        json!({"decision": decision, "changes": changes}),
    ))
}
