//! The engine's facts become rows: facts, snapshot, outbox and audit in one transaction.

use crate::dispatch::tail;
use crate::run::Run;
use crate::signals::kind;
use crate::{Wrong, delegate, labels, rebuild, together};
use serde_json::{Value, json};
use wardroom_domain::{
    AuditKind, Chain, Digest, EffectState, RiskTier, TaskId, TaskStatus, Timestamp, Waymark,
};
use wardroom_engine::{Event, Fact, LineState, Next, Step, step};
use wardroom_policy::sanitize;
use wardroom_store::{
    Admit, Feed, Journal, PutEffect, SaveTask, SettleEffect, Signal, Spend, Write,
};

/// Moves the task on by one event. Nothing is written yet.
pub(crate) fn advance(run: &mut Run, event: Event) -> Result<Next, Wrong> {
    let now = run.crew.clock.now();
    let Step { life, facts, next } =
        step(&run.life, event, now).map_err(|refused| Wrong::TooLate(refused.to_string()))?;
    run.life = life;
    for heard in facts.iter().filter_map(labels::heard) {
        run.task.labels = run.task.labels.join(heard);
    }
    run.fresh.extend(facts);
    Ok(next)
}

/// Writes everything that has become true since the last boundary.
pub(crate) async fn commit(run: &mut Run, ready_at: Option<Timestamp>) -> Result<(), Wrong> {
    let mut facts = Vec::new();
    for fact in run.fresh.clone() {
        write_fact(run, &fact, &mut facts);
    }
    let mut writes = Vec::new();
    let (before, after) = (run.task.status, run.life.status);
    // What came from waiting straight to an end was running in between, and the store holds
    // every task to the table of moves.
    if before != after && !before.may_become(after) {
        writes.push(save(run, TaskStatus::Running, None));
        run.ver += 1;
    }
    writes.push(save(run, after, ready_at));
    writes.append(&mut run.writes);
    writes.append(&mut facts);
    writes.extend(rebuild::placed(run));
    if after.is_terminal() {
        write_end(run, &mut writes);
    }
    let waymarks = waymarks_of(run, &writes);
    run.crew.commit(writes).await?;
    run.ver += 1;
    run.committed();
    for waymark in waymarks {
        waymark.reached().await;
    }
    Ok(())
}

/// What this commit is, by the names of its waymarks.
fn waymarks_of(run: &Run, writes: &[Write]) -> Vec<Waymark> {
    let of_fact = |fact: &Fact| match fact {
        Fact::Intended { .. } => Some(Waymark::IntentCommit),
        Fact::Settled { .. } => Some(Waymark::ResultCommit),
        Fact::Asked { .. } => Some(Waymark::ApprovalOpen),
        Fact::Moved { to, .. } if to.is_terminal() => Some(Waymark::TerminalCommit),
        _ => None,
    };
    let mut waymarks: Vec<Waymark> = run.fresh.iter().filter_map(of_fact).collect();
    let is_mail = |write: &Write| matches!(write, Write::ConsumeSignals(_));
    waymarks.extend(writes.iter().any(is_mail).then_some(Waymark::SignalConsume));
    waymarks
}

fn save(run: &mut Run, status: TaskStatus, ready_at: Option<Timestamp>) -> Write {
    let life = &run.life;
    run.task.status = status;
    run.task.tier = life.tier;
    run.task.applied = life.applied;
    run.task.error = life.error.clone();
    run.task.result = life
        .answer
        .as_deref()
        .filter(|_| life.status == TaskStatus::Succeeded)
        .map(|answer| sanitize::deliverable(&run.crew.redactor.redact(answer)));
    run.task.updated_at = run.crew.clock.now();
    if life.status == TaskStatus::Succeeded {
        run.task.progress.percent = 100;
    }
    Write::SaveTask(SaveTask {
        task: run.task.clone(),
        snapshot: serde_json::to_value(life).unwrap_or_default(),
        fence: run.fence,
        ver: run.ver,
        ready_at,
    })
}

fn write_fact(run: &mut Run, fact: &Fact, writes: &mut Vec<Write>) {
    let body = serde_json::to_value(fact).unwrap_or_default();
    let kind = body["fact"].as_str().unwrap_or("fact").to_owned();
    writes.push(Write::Journal(Journal {
        task: run.task.id,
        fence: run.fence,
        kind,
        body,
    }));
    let at = run.crew.clock.now();
    match fact {
        Fact::Told { text, by, .. } => {
            let by = by.map_or("system".to_owned(), |user| user.to_string());
            writes.push(audit(
                run,
                AuditKind::TaskTold,
                &by,
                None,
                json!({"text": Digest::of(text)}),
            ));
        }
        Fact::Replied { text, calls, model } => {
            let tools: Vec<_> = calls.iter().map(|call| call.tool.as_str()).collect();
            let body = json!({"model": model, "text": Digest::of(text), "calls": tools});
            writes.push(audit(run, AuditKind::ModelCalled, "model", None, body));
        }
        Fact::ModelFailed { reason } => {
            writes.push(audit(
                run,
                AuditKind::ModelCalled,
                "model",
                None,
                json!({"failed": reason}),
            ));
        }
        Fact::Intended {
            effect,
            rule,
            approval,
        } => {
            let step = run.life.steps;
            writes.push(Write::PutEffect(PutEffect {
                effect: (**effect).clone(),
                step,
                fence: run.fence,
                at,
            }));
            // A yes to several calls is used up by the first; the facts say which of them followed.
            if let Some(id) = approval
                && !together::is_spent(run, *id)
            {
                writes.push(Write::Spend(Spend { id: *id, at }));
            }
            let body = json!({"effect": effect.id, "tool": effect.call.tool, "arguments": effect.call.arguments,
                "digest": effect.digest, "rule": rule, "approval": approval, "fence": run.fence});
            writes.push(audit(
                run,
                AuditKind::EffectIntended,
                "model",
                Some(effect.tier),
                body,
            ));
            let note = note_of(&effect.call);
            run.task.progress.note.clone_from(&note);
            let percent = run.task.progress.percent;
            feed(
                run,
                writes,
                "progress",
                json!({"percent": percent, "note": note}),
            );
        }
        Fact::Repeated { effect } => {
            let body = json!({"effect": effect, "repeated": true, "fence": run.fence});
            writes.push(audit(run, AuditKind::EffectIntended, "system", None, body));
        }
        Fact::Settled {
            effect, outcome, ..
        } => {
            if let Some(id) = effect {
                let state = EffectState::Done;
                writes.push(Write::SettleEffect(SettleEffect {
                    id: *id,
                    task: run.task.id,
                    state,
                    outcome: Some(outcome.clone()),
                    fence: run.fence,
                    at,
                }));
            }
            let body = json!({"effect": effect, "is_error": outcome.is_error, "text": Digest::of(&outcome.text), "detail": outcome.detail});
            writes.push(audit(run, AuditKind::EffectSettled, "system", None, body));
            feed(
                run,
                writes,
                "output",
                json!({"tool": tool_of(run, *effect), "text": tail(&outcome.text)}),
            );
        }
        Fact::Asked { approval, .. } => {
            writes.push(Write::Ask((**approval).clone()));
            let body = json!({"approval": approval.id, "tool": approval.tool, "digest": approval.digest,
                "rule": approval.rule, "source": approval.source, "rationale": approval.rationale, "expires_at": approval.expires_at});
            let kind = AuditKind::ApprovalAsked;
            writes.push(audit(run, kind, "policy", Some(approval.tier), body));
            feed(run, writes, "approval", json!({"approval": **approval}));
        }
        Fact::Moved { from, to, why } => {
            let body = json!({"from": from, "to": to, "why": why});
            writes.push(audit(run, AuditKind::TaskMoved, "system", None, body));
            feed(
                run,
                writes,
                "status",
                json!({"status": to, "title": run.task.title}),
            );
        }
        Fact::Typed { .. }
        | Fact::Foreseen { .. }
        | Fact::Decided { .. }
        | Fact::Spawned { .. }
        | Fact::Looked { .. } => {}
    }
}

/// An end tells whoever waits for it, the parent task or the conversation, and stops whatever
/// works for it.
fn write_end(run: &mut Run, writes: &mut Vec<Write>) {
    let done =
        json!({"status": run.task.status, "result": run.task.result, "error": run.task.error});
    feed(run, writes, "done", done);
    let at = run.crew.clock.now();
    for child in children(run) {
        let why = format!("the task that spawned it has ended ({})", run.task.status);
        writes.push(Write::Signal(Signal {
            task: child,
            dedup_key: format!("{}:{}", kind::CANCEL, run.task.id),
            kind: kind::CANCEL.to_owned(),
            body: json!({"why": why}),
            at,
        }));
    }
    if let Some(parent) = run.task.parent {
        let (is_error, text) = delegate::told(&run.task);
        writes.push(Write::Signal(Signal {
            task: parent,
            dedup_key: format!("child:{}", run.task.id),
            kind: kind::CHILD_ENDED.to_owned(),
            body: json!({"child": run.task.id, "is_error": is_error, "text": text, "labels": run.task.labels}),
            at,
        }));
    }
    if let (Some(conversation), Some(_), None) =
        (run.task.conversation, &run.batch, run.task.parent)
    {
        writes.push(Write::Admit(Admit {
            inbound: delegate::result_of(&run.task),
            conversation,
            user: run.task.requester,
            at,
        }));
    }
}

/// The tasks that this one spawned and still waits for.
fn children(run: &Run) -> Vec<TaskId> {
    let awaited = run.life.lines.iter().filter_map(|line| match line.state {
        LineState::AwaitingChild { child } => Some(child),
        LineState::Open | LineState::Answered => None,
    });
    awaited.collect()
}

/// Says it on the task's stream, and on its conversation's.
fn feed(run: &Run, writes: &mut Vec<Write>, event: &str, mut data: Value) {
    data["task"] = json!(run.task.id);
    let at = run.crew.clock.now();
    let mut streams = vec![run.task.id.to_string()];
    // Output in full belongs to the task; a conversation hears where its tasks stand.
    if event != "output" && event != "done" {
        streams.extend(
            run.task
                .conversation
                .map(|conversation| conversation.to_string()),
        );
    }
    for stream in streams {
        writes.push(Write::Feed(Feed {
            stream,
            event: event.to_owned().into(),
            at,
            data: data.clone(),
        }));
    }
}

fn audit(run: &Run, kind: AuditKind, actor: &str, tier: Option<RiskTier>, body: Value) -> Write {
    run.crew
        .audit(Chain::Task(run.task.id), kind, actor, tier, body)
}

fn tool_of(run: &Run, effect: Option<wardroom_domain::EffectId>) -> String {
    effect
        .and_then(|id| run.effect(id))
        .map(|effect| effect.call.tool)
        .unwrap_or_default()
}

/// What a call is, in a line for people.
fn note_of(call: &wardroom_domain::ToolCall) -> String {
    let main = ["command", "path", "from", "text", "instructions", "note"]
        .iter()
        .find_map(|name| call.arguments.get(name)?.as_str());
    let line = main.unwrap_or_default().lines().next().unwrap_or_default();
    let line: String = line.chars().take(120).collect();
    format!("{} {line}", call.tool).trim_end().to_owned()
}
