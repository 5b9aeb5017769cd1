//! A worker takes a claimed task along the road until it ends, waits, or is taken away.

use crate::ask::doubt;
use crate::assemble::{Uploads, Within};
use crate::authorize::{authorize, authorize_again};
use crate::crew::Crew;
use crate::dispatch::Carried;
use crate::quota::{self, Hold};
use crate::run::Run;
use crate::{
    Wrong, advance, apply, assemble, attach, decide, delegate, dispatch, due, level, meter, models,
    rebuild, signals,
};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::Instrument;
use wardroom_domain::{AuditKind, Chain, EffectId, TaskId, Waymark};
use wardroom_engine::{Event, Next, Phase, Reply};
use wardroom_executors::Errand;
use wardroom_llm::{ModelCall, ModelRole};
use wardroom_policy::Permit;
use wardroom_sandbox::DestroyReason;
use wardroom_store::{AT_ONCE, CommitError, ReleaseTask, TaskRow, Write};

/// How long a task rests that could not be saved: a full disk or queue needs a moment.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Drives one claimed task. Whatever goes wrong, the task is let go of in the end.
pub(crate) async fn drive(crew: Arc<Crew>, row: TaskRow) {
    let task = &row.task;
    let conversation = task.conversation.map(|id| id.to_string());
    let span = tracing::info_span!("task", task = %task.id, user = %task.requester, context = %task.context, conversation);
    drive_in_span(crew, row).instrument(span).await;
}

async fn drive_in_span(crew: Arc<Crew>, row: TaskRow) {
    let (id, fence) = (row.task.id, row.fence);
    let mail = Arc::new(Notify::new());
    crew.driven
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, mail.clone());
    let mut held = None;
    let result = match Run::load(crew.clone(), row).await {
        Ok(run) => {
            Waymark::Fold.reached().await;
            along(held.insert(run), &mail).await
        }
        Err(wrong) => Err(wrong),
    };
    if let Some(run) = held.as_mut() {
        run.bench.close(DestroyReason::Finished).await;
    }
    // What a task has open with servers outlives it only while it waits.
    let waits = held
        .as_ref()
        .is_some_and(|run| !run.life.status.is_terminal());
    if result.is_err() || !waits {
        crew.foreign.servers.end(id).await;
    }
    crew.driven
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&id);
    if let Err(wrong) = result {
        let_go(&crew, id, fence, held, wrong).await;
    }
}

/// The road was left by an error: the task fails with its sentence, unless another worker has it
/// or the server is stopping.
async fn let_go(crew: &Arc<Crew>, id: TaskId, fence: u64, held: Option<Run>, wrong: Wrong) {
    if wrong.is_fenced() || is_stopping(crew, &wrong) {
        tracing::info!(task = %id, %wrong, "let go of a task");
        return;
    }
    tracing::warn!(task = %id, %wrong, "a task cannot go on");
    if let Some(mut run) = held.filter(|_| !wrong.is_transient()) {
        run.fresh.clear();
        run.writes.clear();
        let reason = wrong.to_string();
        let ended = match advance::advance(&mut run, Event::Broken { reason }) {
            Ok(_) => end(&mut run).await,
            Err(late) => Err(late),
        };
        if ended.is_ok() {
            return;
        }
    }
    give_back(crew, id, fence).await;
}

/// A part that ended under the work means that the server stops; otherwise that part has died.
fn is_stopping(crew: &Crew, wrong: &Wrong) -> bool {
    matches!(wrong, Wrong::Gone) && crew.is_stopping.load(Ordering::Relaxed)
}

/// A task that is held and not driven would wait for ever, so it is given back however long the
/// store cannot write.
async fn give_back(crew: &Arc<Crew>, id: TaskId, fence: u64) {
    loop {
        let release = Write::ReleaseTask(ReleaseTask {
            task: id,
            fence,
            ready_at: crew.clock.now().after(TRY_AGAIN_AFTER),
        });
        match crew.commit(vec![release]).await {
            Ok(_) => return,
            // Somebody else has it, or it is gone: there is nothing left to give back.
            Err(Wrong::Commit(CommitError::Refused(_))) => return,
            Err(wrong) if crew.is_stopping.load(Ordering::Relaxed) => {
                tracing::warn!(task = %id, %wrong, "a task was not given back; the next start takes it up");
                return;
            }
            Err(wrong) => {
                tracing::warn!(task = %id, %wrong, "a task was not given back; trying again");
            }
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}

async fn along(run: &mut Run, mail: &Notify) -> Result<(), Wrong> {
    // A crash may have come between the commit of an apply and the end of its view.
    if run.transcript.is_fresh_from_apply() {
        run.bench.discard().await;
    }
    rebuild::rebuild(run).await?;
    let mut next = claimed(run)?;
    loop {
        next = signals::read(run, next).await?;
        if is_to_stop(run, &next) {
            return release(run).await;
        }
        match next {
            Next::Judge(call) => {
                let judgement = authorize(run, call).await?;
                next = advance::advance(run, Event::Judged(judgement))?;
            }
            Next::Look => {
                let changes = run
                    .bench
                    .difference()
                    .await?
                    .map(|difference| difference.digest);
                next = advance::advance(run, Event::Looked { changes })?;
            }
            Next::AskInDoubt(effect) => next = ask_in_doubt(run, effect)?,
            Next::Check(effect) => next = check(run, effect).await?,
            Next::CallModel => {
                if let Some(held) = held_back(run).await? {
                    next = advance::advance(run, held)?;
                    continue;
                }
                commit(run).await?;
                next = interruptible(run, mail, Work::Think).await?;
            }
            Next::Carry(effect) => {
                commit(run).await?;
                let permit = run.permit.take();
                next = carry(run, mail, effect, permit).await?;
            }
            Next::Repeat(effect) => next = repeat(run, mail, effect).await?,
            Next::Park { ready_at } => {
                run.bench.close(DestroyReason::Idle).await;
                return advance::commit(run, ready_at).await;
            }
            Next::End => return end(run).await,
        }
    }
}

/// Whether the server is stopping and nothing is under way that would be cut off.
fn is_to_stop(run: &Run, next: &Next) -> bool {
    let is_boundary = matches!(next, Next::CallModel | Next::Judge(_) | Next::Look);
    is_boundary && run.crew.is_stopping.load(Ordering::Relaxed)
}

/// Gives the task back as it stands; the next start goes on from here.
async fn release(run: &mut Run) -> Result<(), Wrong> {
    run.bench.close(DestroyReason::Shutdown).await;
    let (task, fence, ready_at) = (run.task.id, run.fence, AT_ONCE);
    run.writes.push(Write::ReleaseTask(ReleaseTask {
        task,
        fence,
        ready_at,
    }));
    commit(run).await
}

fn claimed(run: &mut Run) -> Result<Next, Wrong> {
    let interrupted = match run.life.phase {
        Phase::Carrying { effect } => run.effect(effect).map(|effect| effect.class),
        _ => None,
    };
    advance::advance(run, Event::Claimed { interrupted })
}

async fn commit(run: &mut Run) -> Result<(), Wrong> {
    let was_applied = run
        .writes
        .iter()
        .any(|write| matches!(write, Write::Applied(_)));
    advance::commit(run, None).await?;
    if was_applied {
        run.bench.discard().await;
    }
    Ok(())
}

async fn end(run: &mut Run) -> Result<(), Wrong> {
    run.bench.close(DestroyReason::Finished).await;
    // Before the end is seen, so that nobody finds a question that nothing waits for.
    decide::withdraw(&run.crew, run.task.id).await?;
    commit(run).await?;
    // What was not applied can still be looked at; everything else is cleared away.
    if run.life.applied != Some(false) {
        run.bench.discard().await;
    }
    let (user, conversation) = (run.task.requester, run.task.conversation);
    quota::warn_if_near(&run.crew, user, conversation).await?;
    tell_conversation(run).await
}

/// The result waits in the conversation's inbox; nobody needs to find it there by looking.
async fn tell_conversation(run: &mut Run) -> Result<(), Wrong> {
    let id = run.task.id.to_string();
    let row = run
        .crew
        .store
        .inbox_row(run.crew.org, delegate::RESULTS, &id)
        .await?;
    if let Some(row) = row {
        due::answer_later(&run.crew, row);
    }
    Ok(())
}

/// What takes long, and ends early when the task gets mail that stops it.
enum Work {
    Think,
    Carry(EffectId, Box<Permit<Errand>>),
}

async fn carry(
    run: &mut Run,
    mail: &Notify,
    effect: EffectId,
    permit: Option<Permit<Errand>>,
) -> Result<Next, Wrong> {
    match permit {
        Some(permit) => interruptible(run, mail, Work::Carry(effect, Box::new(permit))).await,
        // A wish that was said again without a permit is carried out like an interrupted one.
        None => repeat(run, mail, effect).await,
    }
}

async fn repeat(run: &mut Run, mail: &Notify, effect: EffectId) -> Result<Next, Wrong> {
    run.bench.restore_before(run.life.steps).await?;
    if !authorize_again(run, effect).await? {
        let text =
            "policy no longer allows this action, so it was not carried out again".to_owned();
        let outcome = crate::authorize::outcome(run, true, text, serde_json::Value::Null);
        return advance::advance(run, Event::Settled { effect, outcome });
    }
    commit(run).await?;
    let permit = run.permit.take();
    match permit {
        Some(permit) => interruptible(run, mail, Work::Carry(effect, Box::new(permit))).await,
        None => Err(Wrong::Unfit("a permit was lost".to_owned())),
    }
}

/// Does the work, or drops it in the middle when a signal stops the task.
async fn interruptible(run: &mut Run, mail: &Notify, work: Work) -> Result<Next, Wrong> {
    let crew = run.crew.clone();
    let (task, deadline) = (run.task.id, run.life.deadline);
    let event = {
        let mut working = std::pin::pin!(async {
            match work {
                Work::Think => think(run).await,
                Work::Carry(effect, permit) => match dispatch::dispatch(run, *permit).await? {
                    Carried::Settled(outcome) => Ok(Event::Settled { effect, outcome }),
                    Carried::InDoubt(why) => doubted(run, effect, &why),
                },
            }
        });
        loop {
            let left = deadline.since(crew.clock.now());
            tokio::select! {
                event = &mut working => break Some(event?),
                () = mail.notified() => {
                    if signals::stops(&crew, task).await? { break None; }
                }
                () = tokio::time::sleep(left) => break None,
            }
        }
    };
    match event {
        Some(event) => advance::advance(run, event),
        None => {
            run.bench.close(DestroyReason::Cancelled).await;
            signals::stop(run).await
        }
    }
}

/// Why no model is asked now: the requester, or the org, has used up what a minute or month allows.
async fn held_back(run: &Run) -> Result<Option<Event>, Wrong> {
    let hold = quota::before_model(&run.crew, run.task.requester).await?;
    Ok(hold.map(|hold| match hold {
        Hold::Wait { why, until } => Event::Held { why, until },
        Hold::Over { why } => Event::ModelFailed {
            reason: why,
            may_retry: false,
        },
    }))
}

/// One model turn.
async fn think(run: &mut Run) -> Result<Event, Wrong> {
    let crew = run.crew.clone();
    crew.foreign.known().await;
    let uploads = Uploads {
        images: attach::images(&crew, &run.life.files).await?,
        listed: attach::listed(&crew, &run.life.files).await?,
    };
    let within = Within {
        tools: &crew.tools(),
        hands: &crew.benches.hands,
        level: level::of(run).await?,
    };
    let request = assemble::task(&run.task, &run.transcript, &uploads, &within, &crew.nonce());
    let call = ModelCall {
        role: ModelRole::Executor,
        user: run.task.requester,
        task: Some(run.task.id),
        task_type: Some(run.task.kind.to_string()),
        needs_images: !uploads.images.is_empty(),
        own_keys: BTreeMap::new(),
        allowlists: models::lists(&crew, &run.requester, &run.task.agent, run.task.context).await?,
    };
    let permit = crew.policy().speak(call);
    match crew.router.converse(permit, &request, &mut |_| {}).await {
        Ok(conversed) => {
            let tokens = conversed.reply.usage.input_tokens + conversed.reply.usage.output_tokens;
            let metered = meter::usage(&crew, &run.task, None, ModelRole::Executor, &conversed);
            run.writes.push(metered);
            let falls = meter::falls(&crew, Chain::Task(run.task.id), &conversed.attempts);
            run.writes.extend(falls);
            Ok(Event::Replied(Reply {
                text: conversed.reply.text,
                calls: conversed.reply.calls.into_iter().map(meter::call).collect(),
                model: conversed.model,
                tokens,
            }))
        }
        Err(exhausted) => {
            let may_retry = exhausted
                .attempts
                .iter()
                .any(|attempt| attempt.error.is_retryable());
            let falls = meter::falls(&crew, Chain::Task(run.task.id), &exhausted.attempts);
            run.writes.extend(falls);
            Ok(Event::ModelFailed {
                reason: exhausted.to_string(),
                may_retry,
            })
        }
    }
}

fn ask_in_doubt(run: &mut Run, id: EffectId) -> Result<Next, Wrong> {
    let event = doubted(run, id, "the server stopped while this was under way")?;
    advance::advance(run, event)
}

/// An effect that may have happened becomes a question to a person.
fn doubted(run: &mut Run, id: EffectId, why: &str) -> Result<Event, Wrong> {
    let effect = run.effect(id).ok_or(Wrong::missing("effect"))?;
    let approval = Box::new(doubt(run, &effect, why));
    let body = serde_json::json!({"effect": id, "tool": effect.call.tool});
    let kind = AuditKind::EffectInDoubt;
    run.writes.push(run.crew.audit(
        Chain::Task(run.task.id),
        kind,
        "system",
        Some(effect.tier),
        body,
    ));
    Ok(Event::Doubted {
        approval,
        effect: Box::new(effect),
    })
}

async fn check(run: &mut Run, id: EffectId) -> Result<Next, Wrong> {
    let effect = run.effect(id).ok_or(Wrong::missing("effect"))?;
    let outcome = apply::check(run, &effect).await?;
    advance::advance(
        run,
        Event::Resolved {
            effect: id,
            outcome,
        },
    )
}
