//! A tool call becomes an effect, and policy gives a permit, a question or a refusal.

use crate::ask::{self, Asked};
use crate::decide::approvals_of;
use crate::outward::{self, Target};
use crate::raise::{self, RAISE};
use crate::run::Run;
use crate::together::{self, Member, Said};
use crate::weigh::{Weighed, weigh};
use crate::wishes::{Foreseen, MANDATE};
use crate::{Wrong, delegate, foreign, wishes};
use serde_json::{Value, json};
use std::time::Duration;
use wardroom_domain::{
    Approval, AuditKind, Chain, Effect, EffectId, Labels, Outcome, Question, RetryClass, RiskTier,
    ToolCall, limits,
};
use wardroom_engine::Judgement;
use wardroom_executors::Executor;
use wardroom_policy::classify::{self, Ground, Verdict};
use wardroom_policy::decide::{Decision, Reach, SERVER_CHANGED, apply_verdict, server_verdict};
use wardroom_tools::{FIND_TOOLS, Foreign, Seat, Standing, Tool};

/// How long an action waits that the org has paused, if nobody wakes it when the pause ends.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// A mandate covers what cannot be made good as well, so who decides on it may decide on that.
const MANDATE_TIER: RiskTier = RiskTier::L2Destructive;

/// A call with everything that policy and people need to know of it.
pub(crate) struct Case {
    pub(crate) call: ToolCall,
    pub(crate) class: RetryClass,
    pub(crate) version: String,
    pub(crate) reach: Reach,
    pub(crate) verdict: Verdict,
    /// Where it goes, if it leaves the box.
    pub(crate) targets: Vec<Target>,
    /// What the arguments only name.
    pub(crate) target: Value,
    /// What a person is shown.
    pub(crate) shown: Value,
    /// The server's tool that carries it out, if it is one.
    pub(crate) foreign: Option<Foreign>,
}

/// Judges the call that the task is at.
pub(crate) async fn authorize(run: &mut Run, call: ToolCall) -> Result<Judgement, Wrong> {
    let crew = run.crew.clone();
    crew.foreign.known().await;
    let tool = match crew.tools().check(Seat::Executor, &call) {
        Ok(tool) => tool.clone(),
        Err(fault) => return Ok(refused(run, fault.to_string(), Value::Null)),
    };
    if tool.name == "spawn_task" {
        return delegate::spawn(run, &call).await;
    }
    if tool.name == "ask_person" {
        let effect = effect_of(run, &plain(&tool, call, Reach::Internal));
        return Ok(Judgement::Ask {
            approval: Box::new(ask::words(run, &effect)),
            effect: Box::new(effect),
        });
    }
    if tool.name == "apply" {
        return judge_apply(run, &tool, call).await;
    }
    if tool.name == RAISE {
        return judge_raise(run, &tool, call).await;
    }
    if let Some(foreign) = tool.foreign.clone() {
        let case = in_server(run, &tool, foreign, call);
        return decide(run, case).await;
    }
    let case = match tool.class {
        _ if Executor::knows(&tool.name) => in_sandbox(run, &tool, call).await,
        _ if matches!(tool.name.as_str(), "publish" | "deliver" | FIND_TOOLS) => {
            plain(&tool, call, Reach::Internal)
        }
        _ => {
            let why = format!("`{}` cannot be carried out here", tool.name);
            plain(&tool, call, Reach::Unavailable(why))
        }
    };
    decide(run, case).await
}

/// A call that may leave the box, as it will be judged; none where it cannot be asked about ahead.
pub(crate) async fn outward_case(run: &Run, call: ToolCall) -> Option<Case> {
    let tool = run.crew.tools().check(Seat::Executor, &call).ok()?.clone();
    match tool.foreign.clone() {
        Some(foreign) => Some(in_server(run, &tool, foreign, call)),
        None if Executor::knows(&tool.name) => Some(in_sandbox(run, &tool, call).await),
        None => None,
    }
}

/// Whether a call would be lent something that its own question has to name.
pub(crate) fn uses_secret(run: &Run, call: &ToolCall) -> bool {
    let rules = run.bench.benches().hands.rules();
    call.arguments.get("secret").is_some() || !outward::secret_uses(rules, call).is_empty()
}

/// What the sandbox carries out stays in the view or leaves the box, as its words say.
async fn in_sandbox(run: &Run, tool: &Tool, call: ToolCall) -> Case {
    let rules = run.bench.benches().hands.rules();
    let mut aim = outward::aim(rules, tool, &call);
    for used in outward::secret_uses(rules, &call) {
        if let Err(why) = run.crew.secrets.check(&used.name).await {
            aim.reach = Reach::Unavailable(why.to_string());
        }
    }
    let target = match aim.reach {
        Reach::Outside => json!(aim.targets),
        _ => Value::Null,
    };
    Case {
        class: aim.class,
        version: tool.version.clone(),
        reach: aim.reach,
        verdict: aim.verdict,
        targets: aim.targets,
        shown: call.arguments.clone(),
        target,
        call,
        foreign: None,
    }
}

fn plain(tool: &Tool, call: ToolCall, reach: Reach) -> Case {
    let ground = Ground::View {
        allowed_domains: Vec::new(),
    };
    let mut verdict = classify::classify_call(&call.tool, &call.arguments, &ground);
    verdict.tier = verdict.tier.max(tool.tier_floor);
    let shown = call.arguments.clone();
    Case {
        class: tool.class,
        version: tool.version.clone(),
        reach,
        verdict,
        targets: Vec::new(),
        target: Value::Null,
        shown,
        call,
        foreign: None,
    }
}

/// A call of a foreign tool is judged by what the org vouches for, and by nothing that its server
/// says of it.
fn in_server(run: &Run, tool: &Tool, foreign: Foreign, call: ToolCall) -> Case {
    let is_changed = foreign.standing == Standing::Changed;
    let verdict = server_verdict(&foreign.server, &foreign.tool, foreign.vouched, is_changed);
    let shown = if is_changed {
        let mut shown = foreign::change_of(&run.crew, &foreign);
        shown["arguments"] = call.arguments.clone();
        shown
    } else {
        call.arguments.clone()
    };
    Case {
        class: tool.class,
        version: tool.version.clone(),
        reach: Reach::Outside,
        verdict,
        targets: Vec::new(),
        target: json!({"server": foreign.server, "tool": foreign.tool}),
        shown,
        call,
        foreign: Some(foreign),
    }
}

/// More rights are asked of a person, who is shown what the agent goes by now.
async fn judge_raise(run: &mut Run, tool: &Tool, call: ToolCall) -> Result<Judgement, Wrong> {
    match raise::shown(run, &call).await? {
        Err(why) => Ok(refused(run, why, Value::Null)),
        Ok(shown) => {
            let target = json!({"level": shown["level"], "now": shown["now"]});
            let case = Case {
                shown,
                target,
                ..plain(tool, call, Reach::Internal)
            };
            decide(run, case).await
        }
    }
}

/// An apply is judged by the changes that it would carry, as they are now.
async fn judge_apply(run: &mut Run, tool: &Tool, call: ToolCall) -> Result<Judgement, Wrong> {
    run.bench.close(wardroom_sandbox::DestroyReason::Idle).await;
    let Some(difference) = run.bench.difference().await? else {
        let text = "there is nothing to apply: the workspace is as your copy is".to_owned();
        return Ok(Judgement::Refused {
            outcome: Box::new(outcome(run, false, text, Value::Null)),
        });
    };
    if !difference.set.conflicts.is_empty() {
        let text = format!(
            "nothing was applied, because the workspace changed meanwhile: {}",
            difference.set.summary()
        );
        return Ok(refused(run, text, json!({"changes": difference.digest})));
    }
    let diff = run.bench.rendered(&difference.set).await?;
    let mut shown = json!({
        "diff": diff, "summary": difference.shape.summary, "changes": difference.digest,
        "workspace": run.workspace.path,
    });
    if let Some(note) = call.arguments.get("note") {
        shown["note"] = note.clone();
    }
    let case = Case {
        class: tool.class,
        version: tool.version.clone(),
        reach: Reach::Apply {
            kind: run.workspace.kind,
        },
        verdict: apply_verdict(&difference.shape),
        targets: Vec::new(),
        target: json!({"workspace": run.workspace.id, "changes": difference.digest}),
        shown,
        call,
        foreign: None,
    };
    decide(run, case).await
}

async fn decide(run: &mut Run, case: Case) -> Result<Judgement, Wrong> {
    let crew = run.crew.clone();
    let effect = effect_of(run, &case);
    let (decided, may_join) = match together::said(run, &effect).await? {
        Said::Expired => {
            let text = "expired: nobody answered in time, so it was not done".to_owned();
            return Ok(refused(run, text, Value::Null));
        }
        Said::Yes(yes) => {
            run.decided = None;
            (Some(*yes), false)
        }
        Said::AskAlone => (run.decided.take(), false),
        Said::Nothing => (run.decided.take(), true),
    };
    let decided = match decided {
        Some(decided) => Some(decided),
        None => ask::answered(run, &effect).await?,
    };
    let Weighed {
        effect,
        decision,
        foreseen,
    } = weigh(run, &case, decided.as_ref()).await?;
    match decision {
        Decision::Allow(permit) => {
            let rule = permit.rule().to_owned();
            let approval = decided.filter(|approval| rule.ends_with(&approval.id.to_string()));
            run.permit = Some(permit);
            if let (SERVER_CHANGED, Some(foreign)) = (case.verdict.rule.as_str(), &case.foreign) {
                let by = approval.as_ref().and_then(|approval| approval.decided_by);
                foreign::accept(&crew, foreign, by).await?;
            }
            let approval = approval.map(|approval| approval.id);
            Ok(Judgement::Allowed {
                effect: Box::new(effect),
                rule,
                approval,
            })
        }
        Decision::Ask {
            tier,
            rule,
            source,
            rationale,
            kind,
        } => {
            let asked = Asked {
                tier,
                rule,
                source,
                rationale,
                kind,
            };
            ask_about(run, &case, &effect, asked, foreseen, may_join).await
        }
        Decision::Wait { rationale, .. } => {
            run.task.progress.note.clone_from(&rationale);
            Ok(Judgement::Wait {
                why: rationale,
                until: crew.clock.now().after(LOOK_AGAIN_AFTER),
            })
        }
        Decision::Deny {
            rule, rationale, ..
        } => Ok(deny(run, &case, &rule, &format!("refused: {rationale}"))),
    }
}

/// Asks about what the request foresees, about all calls of this turn that would ask, or about this
/// one: as few questions as say exactly what would happen.
async fn ask_about(
    run: &mut Run,
    case: &Case,
    effect: &Effect,
    asked: Asked,
    foreseen: Option<Foreseen>,
    may_join: bool,
) -> Result<Judgement, Wrong> {
    let mut members = Vec::new();
    let first = Member::of(run, case, effect, &asked.rationale);
    if let (Some(first), true, None) = (first, may_join, &foreseen) {
        members.push(first);
        members.extend(together::others(run).await?);
    }
    let highest = members.iter().map(|member| member.tier).max();
    let asked = match (&foreseen, highest) {
        (Some(_), _) => Asked {
            tier: MANDATE_TIER,
            kind: None,
            ..asked
        },
        // Who may decide the gravest of several may decide them all.
        (None, Some(tier)) if members.len() > 1 => Asked { tier, ..asked },
        _ => asked,
    };
    let call = ToolCall {
        arguments: case.shown.clone(),
        ..case.call.clone()
    };
    let whole = |approval: Approval| match &foreseen {
        Some(foreseen) => about(approval, foreseen),
        None => together::about(&approval, &members).unwrap_or(approval),
    };
    match ask::permission(run, effect, &call, asked, whole).await? {
        Ok(approval) => Ok(Judgement::Ask {
            approval: Box::new(approval),
            effect: Box::new(effect.clone()),
        }),
        Err(why) => Ok(deny(run, case, "no-approver", &why)),
    }
}

/// The question about what was foreseen, in place of the one about the first of its actions.
fn about(approval: Approval, foreseen: &Foreseen) -> Approval {
    let mandate = &foreseen.mandate;
    Approval {
        tool: MANDATE.to_owned(),
        arguments: json!({"mandate": mandate, "in_words": wishes::in_words(mandate)}),
        digest: foreseen.digest,
        rationale: format!(
            "What the request foresees, to be allowed at once. First of it: {}",
            approval.rationale
        ),
        rule: "mandate".to_owned(),
        ..approval
    }
}

fn deny(run: &mut Run, case: &Case, rule: &str, why: &str) -> Judgement {
    let body = json!({"tool": case.call.tool, "rule": rule, "rationale": why});
    let chain = Chain::Task(run.task.id);
    let kind = AuditKind::EffectRefused;
    run.writes.push(
        run.crew
            .audit(chain, kind, "policy", Some(case.verdict.tier), body),
    );
    refused(
        run,
        why.to_owned(),
        json!({"changes": case.target.get("changes")}),
    )
}

pub(crate) fn effect_of(run: &Run, case: &Case) -> Effect {
    Effect {
        id: Effect::id_of(run.task.id, run.life.steps, &case.call),
        task: run.task.id,
        call: case.call.clone(),
        tier: case.verdict.tier,
        class: case.class,
        digest: Effect::approval_digest(run.task.id, &case.call, &case.target, &case.version),
    }
}

/// The permit to carry an interrupted effect out again: policy is asked anew after a crash.
pub(crate) async fn authorize_again(run: &mut Run, effect: EffectId) -> Result<bool, Wrong> {
    let call = run
        .effect(effect)
        .map(|effect| effect.call)
        .or_else(|| run.open_call());
    let Some(call) = call else { return Ok(false) };
    // A person's yes to this very effect was spent on it, and it is still not done.
    run.decided = approvals_of(&run.crew, run.task.id)
        .await?
        .into_iter()
        .map(|row| row.approval)
        .find(|approval| approval.effect == effect && approval.question == Question::Permission);
    let steps = run.life.steps;
    // The intent has been counted already; its effect id was made with the count before it.
    run.life.steps = steps.saturating_sub(1);
    let judgement = authorize(run, call).await;
    run.life.steps = steps;
    Ok(matches!(judgement?, Judgement::Allowed { effect: again, .. } if again.id == effect))
}

pub(crate) fn time_for(run: &Run, call: &ToolCall) -> Duration {
    let asked = call
        .arguments
        .get("timeout_s")
        .and_then(Value::as_u64)
        .map(Duration::from_secs);
    asked
        .unwrap_or(limits::COMMAND_TIME_DEFAULT)
        .min(run.crew.settings.wall_time_max)
}

pub(crate) fn refused(run: &Run, text: String, detail: Value) -> Judgement {
    Judgement::Refused {
        outcome: Box::new(outcome(run, true, text, detail)),
    }
}

/// Facts can repeat what they were told as well as words can.
fn redacted(run: &Run, detail: Value) -> Value {
    match detail {
        Value::String(text) => Value::String(run.redactor.redact(&text).into_owned()),
        Value::Array(items) => items.into_iter().map(|item| redacted(run, item)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, redacted(run, value)))
            .collect(),
        plain => plain,
    }
}

pub(crate) fn outcome(run: &Run, is_error: bool, text: String, detail: Value) -> Outcome {
    let labels: Labels = run.task.labels.clone();
    let text = run.redactor.redact(&text).into_owned();
    let detail = redacted(run, detail);
    Outcome {
        is_error,
        text,
        detail,
        labels,
    }
}
