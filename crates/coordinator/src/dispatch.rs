//! A permitted effect is carried out, and what came of it is settled.

use crate::authorize::outcome;
use crate::crew::Crew;
use crate::raise::{self, RAISE};
use crate::run::Run;
use crate::{Wrong, apply, attach, foreign, hear, labels, lend, level, mint};
use serde_json::{Value, json};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use wardroom_domain::{
    Digest, Labels, Message, MessageId, Outcome, RetryClass, Speaker, TaskId, Waymark, limits,
};
use wardroom_executors::mcp::{CallFault, Look};
use wardroom_executors::{Errand, Passage, RunnerFault};
use wardroom_policy::Permit;
use wardroom_policy::sanitize;
use wardroom_sandbox::DestroyReason;
use wardroom_store::{Artifact, CommitError, Conflict, ObjectKey, Write};
use wardroom_tools::FIND_TOOLS;

/// Tools that leave the view as it was, so that no checkpoint is due after them.
pub(crate) const LOOKS_ONLY: &[&str] = &[
    "file_read",
    "file_list",
    "md_read",
    "html_to_markdown",
    "http_fetch",
    "http_request",
];

/// How often an artifact is put where objects are kept, and how long to wait between: two minutes
/// in all, after which the action counts as cut off.
const OBJECT_TRIES_MAX: u32 = 24;
const OBJECT_TRY_EVERY: Duration = Duration::from_secs(5);

/// What came of carrying something out.
pub(crate) enum Carried {
    /// It has an outcome.
    Settled(Outcome),
    /// It was begun, and nobody here knows whether it happened; the sentence says why.
    InDoubt(String),
}

/// Carries out what the permit allows. An error here is ours, not the tool's.
pub(crate) async fn dispatch(run: &mut Run, permit: Permit<Errand>) -> Result<Carried, Wrong> {
    let call = permit.subject().effect.call.clone();
    let seen = labels::of_output(run, &call).await?;
    Waymark::GatePre.reached().await;
    pass_gate(run, &permit).await?;
    let carried = match permit.subject().foreign {
        Some(_) => under_way(in_server(run, permit)).await?,
        None => under_way(at_home(run, permit)).await?,
    };
    Waymark::GateReturned.reached().await;
    Ok(match carried {
        Carried::Settled(mut outcome) => {
            outcome.labels = outcome.labels.join(&seen);
            Carried::Settled(hear::outcome(run, &call, outcome))
        }
        in_doubt => in_doubt,
    })
}

/// Does once more what was done in a view that is lost, for the view's sake alone: what came of it
/// is on record already.
pub(crate) async fn redo(run: &mut Run, permit: Permit<Errand>) -> Result<(), Wrong> {
    pass_gate(run, &permit).await?;
    in_sandbox(run, permit).await.map(drop)
}

/// The last look before the world is touched: a worker that slept through its lease does nothing,
/// whatever it was allowed when it fell asleep.
async fn pass_gate(run: &Run, permit: &Permit<Errand>) -> Result<(), Wrong> {
    let Errand { effect, fence, .. } = permit.subject();
    let is_ours =
        effect.class == RetryClass::Internal || may_act(&run.crew, effect.task, *fence).await?;
    match is_ours {
        true => Ok(()),
        false => Err(CommitError::from(Conflict::Fenced { task: effect.task }).into()),
    }
}

async fn may_act(crew: &Crew, task: TaskId, fence: u64) -> Result<bool, Wrong> {
    Ok(crew.store.holds(crew.org, task, fence).await?)
}

/// Says when it has begun, if it takes any time.
async fn under_way<T>(errand: impl Future<Output = T>) -> T {
    let mut errand = std::pin::pin!(errand);
    let begun = poll_fn(|context| Poll::Ready(errand.as_mut().poll(context))).await;
    match begun {
        Poll::Ready(done) => done,
        Poll::Pending => {
            Waymark::GateSent.reached().await;
            errand.await
        }
    }
}

async fn at_home(run: &mut Run, permit: Permit<Errand>) -> Result<Carried, Wrong> {
    let call = permit.subject().effect.call.clone();
    let outcome = match call.tool.as_str() {
        FIND_TOOLS => find_tools(run, permit),
        "publish" => publish(run, permit),
        "deliver" => deliver(run, permit).await?,
        "apply" => apply::carry_out(run, permit).await?,
        RAISE => raise::carry_out(run, permit),
        _ => return in_sandbox(run, permit).await,
    };
    Ok(Carried::Settled(outcome))
}

async fn in_sandbox(run: &mut Run, permit: Permit<Errand>) -> Result<Carried, Wrong> {
    let tool = permit.subject().effect.call.tool.clone();
    let is_blind = permit.subject().effect.class == RetryClass::Blind;
    let (crew, task) = (run.crew.clone(), run.task.id);
    let folder = run.bench.uploads_folder();
    let uploads = attach::lay_out(&run.crew, &run.life.files, &folder).await?;
    run.bench.show_uploads(uploads);
    let equipment = match lend::equip(run, permit.subject()).await? {
        Ok(equipment) => equipment,
        Err(why) => return Ok(Carried::Settled(outcome(run, true, why, Value::Null))),
    };
    let leaves = permit.subject().passage != Passage::Shut;
    let redactor = run.redactor.clone();
    let level = level::of(run).await?;
    let is_at_hand = run.bench.has_executor();
    run.bench.executor(&run.crew, task, level).await?;
    if leaves || !is_at_hand {
        // Making a sandbox takes long enough for a lease to run out.
        pass_gate(run, &permit).await?;
    }
    let executor = run.bench.executor(&run.crew, task, level).await?;
    let heard_tool = tool.clone();
    let mut heard = move |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = redactor.redact(&text);
        crew.bus.say(
            task,
            "output",
            json!({"task": task, "tool": heard_tool, "text": text}),
        );
    };
    match executor.carry(permit, equipment, &mut heard).await {
        Ok(done) if done.in_doubt && is_blind => Ok(Carried::InDoubt(
            run.redactor.redact(&done.text).into_owned(),
        )),
        Ok(done) => {
            if !LOOKS_ONLY.contains(&tool.as_str()) {
                run.bench.checkpoint(run.life.steps).await?;
            }
            let mut text = done.text;
            if let Some(why) = level::explained(level, &text).filter(|_| done.is_error) {
                text = format!("{text}\n{why}");
            }
            let mut outcome = outcome(run, done.is_error, text, done.detail);
            if leaves {
                outcome.labels = outcome.labels.join(&Labels::external());
            }
            Ok(Carried::Settled(outcome))
        }
        Err(fault) => {
            run.bench.close(DestroyReason::Cancelled).await;
            let mut text = format!("{fault}; a fresh sandbox is made for the next call");
            // What filled the view would end the next sandbox too.
            if matches!(fault, RunnerFault::Starved(_)) {
                run.bench.restore_before(run.life.steps).await?;
                text.push_str(", and the view is as it was before this one");
            }
            // What had left the box before it ended is not taken back by that.
            if leaves && is_blind && fault.came_late() {
                return Ok(Carried::InDoubt(run.redactor.redact(&text).into_owned()));
            }
            let lost = json!({"sandbox": "lost"});
            Ok(Carried::Settled(outcome(run, true, text, lost)))
        }
    }
}

/// A foreign server carries it out. Whatever it answers comes from outside.
async fn in_server(run: &mut Run, permit: Permit<Errand>) -> Result<Carried, Wrong> {
    let effect = permit.subject().effect.clone();
    let foreign = permit.subject().foreign.clone();
    let server = foreign.as_ref().map(|foreign| foreign.server.clone());
    let (crew, task, tool) = (run.crew.clone(), run.task.id, effect.call.tool.clone());
    let mut heard = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = crew.redactor.redact(&text);
        let data = json!({"task": task, "tool": tool, "text": text});
        crew.bus.say(task, "output", data);
    };
    let servers = &crew.foreign.servers;
    let (holder, fence) = (run.crew.clone(), permit.subject().fence);
    let gate = move || -> Look {
        let holder = holder.clone();
        // A store that does not answer is no yes.
        Box::pin(async move { may_act(&holder, task, fence).await.unwrap_or(false) })
    };
    let workspace = run.workspace.path.clone();
    let called = servers.call(permit, &workspace, &gate, &mut heard).await;
    let fault = match called {
        Err(CallFault::Stale) => {
            return Err(CommitError::from(Conflict::Fenced { task }).into());
        }
        Ok(answer) => {
            run.task.labels = run.task.labels.join(&of_server(server.as_deref()));
            let mut detail = answer.detail;
            detail["server"] = json!(server);
            if let (Some(foreign), Some(data)) = (&foreign, &answer.data) {
                let own = crew.foreign.own_parts(foreign);
                detail[foreign::NAMED_BY_ORG] = json!(foreign::named_in(own, data));
            }
            let settled = outcome(run, answer.is_error, answer.text, detail);
            return Ok(Carried::Settled(settled));
        }
        Err(fault) => fault,
    };
    if fault.may_have_happened() && effect.class == RetryClass::Blind {
        return Ok(Carried::InDoubt(
            run.crew.redactor.redact(&fault.to_string()).into_owned(),
        ));
    }
    let text = fault.to_string();
    if let (CallFault::Changed { now }, Some(server)) = (fault, &server) {
        foreign::note(&run.crew, server, now).await?;
    }
    // The words of a server that cannot be reached are a stranger's, too.
    run.task.labels = run.task.labels.join(&of_server(server.as_deref()));
    Ok(Carried::Settled(outcome(
        run,
        true,
        text,
        json!({"server": server}),
    )))
}

/// What a server answers came from outside, and is between the requester and that server.
fn of_server(server: Option<&str>) -> Labels {
    let mut labels = Labels::external();
    labels
        .audience
        .extend(server.map(|server| format!("mcp:{server}")));
    labels
}

/// Discloses tools for the turns that follow.
fn find_tools(run: &mut Run, permit: Permit<Errand>) -> Outcome {
    let errand = permit.spend();
    let query = errand.effect.call.arguments["query"]
        .as_str()
        .unwrap_or_default();
    let (text, disclosed) = foreign::find(&run.crew.tools(), query);
    outcome(run, false, text, disclosed)
}

/// Something said to the requester before the end.
fn publish(run: &mut Run, permit: Permit<Errand>) -> Outcome {
    let errand = permit.spend();
    let text = errand.effect.call.arguments["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let text = sanitize::deliverable(&run.crew.redactor.redact(&text));
    let Some(conversation) = run.task.conversation else {
        run.task.progress.note = text.chars().take(200).collect();
        return outcome(
            run,
            false,
            "noted as the task's progress".to_owned(),
            Value::Null,
        );
    };
    let message = Message {
        id: mint!(run.crew.clock, MessageId),
        conversation,
        seq: 0,
        speaker: Speaker::Assistant,
        text,
        tasks: vec![run.task.id],
        files: Vec::new(),
        labels: run.task.labels.clone(),
        at: run.crew.clock.now(),
    };
    run.writes.extend(crate::converse::said(&run.crew, message));
    outcome(run, false, "said".to_owned(), Value::Null)
}

/// Where objects are kept may be away or full for a while: nothing has to end over that, unless
/// another worker has the task by now.
async fn put_patiently(run: &Run, bytes: Vec<u8>) -> Result<ObjectKey, Wrong> {
    for _ in 0..OBJECT_TRIES_MAX {
        match run.crew.objects.put(bytes.clone().into()).await {
            Err(error) if error.is_passing() => {
                tracing::warn!(task = %run.task.id, %error, "an artifact is not kept yet; trying again");
            }
            kept => return Ok(kept?),
        }
        tokio::time::sleep(OBJECT_TRY_EVERY).await;
        if !may_act(&run.crew, run.task.id, run.fence).await? {
            return Err(CommitError::from(Conflict::Fenced { task: run.task.id }).into());
        }
    }
    Ok(run.crew.objects.put(bytes.into()).await?)
}

/// A file of the view becomes an artifact of the task.
async fn deliver(run: &mut Run, permit: Permit<Errand>) -> Result<Outcome, Wrong> {
    let arguments = permit.subject().effect.call.arguments.clone();
    let path = arguments["path"].as_str().unwrap_or_default().to_owned();
    let level = level::of(run).await?;
    let bytes = match run
        .bench
        .executor(&run.crew, run.task.id, level)
        .await?
        .fetch(permit, &path)
        .await
    {
        Ok(bytes) => bytes,
        Err(fault) => {
            return Ok(outcome(
                run,
                true,
                format!("`{path}`: {fault}"),
                Value::Null,
            ));
        }
    };
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let sha256 = Digest::of_bytes(&bytes);
    let count = bytes.len() as u64;
    let key = put_patiently(run, bytes).await?;
    run.writes.push(Write::Artifact(Artifact {
        task: run.task.id,
        name: name.clone(),
        bytes: count,
        media_type: media_type(&name).to_owned(),
        sha256,
        object: key.to_string(),
        at: run.crew.clock.now(),
    }));
    let text = format!(
        "delivered {name} ({count} bytes); the requester gets it as an artifact of the task"
    );
    Ok(outcome(
        run,
        false,
        text,
        json!({"name": name, "bytes": count, "sha256": sha256}),
    ))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("md") => "text/markdown",
        Some("txt" | "log") => "text/plain",
        Some("csv") => "text/csv",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => "application/octet-stream",
    }
}

/// A text that fits where it is kept: the end of it, for people.
pub(crate) fn tail(text: &str) -> &str {
    let most = limits::TOOL_OUTPUT_BYTES_MAX / 8;
    &text[text.ceil_char_boundary(text.len().saturating_sub(most))..]
}
