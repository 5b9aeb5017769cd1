//! A task as it went: its audit chain, with the words and outcomes that the log keeps as digests.

use crate::app::App;
use crate::body::Id;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::Problem;
use wardroom_api::task::Task;
use wardroom_api::timeline::{ActionOutcome, Happening, TaskUsage, Timeline, TimelineEntry};
use wardroom_coordinator::control;
use wardroom_domain::{
    ApprovalDecision, ApprovalId, AuditEvent, AuditKind, EffectId, EffectState, TaskId, TaskStatus,
    limits,
};
use wardroom_store::{EffectRow, JournalRow, Page, StoreError, TaskFilter, UsageBy, UsageFilter};

/// A task has so many steps at most, and each leaves a handful of events.
const EVENTS_MAX: u32 = limits::TASK_STEPS_MAX * 16;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(task_timeline))
}

/// A task as it went: turns, actions with tier and rule, decisions, what came of them, and the cost.
#[utoipa::path(get, path = "/v1/tasks/{id}/timeline", security(("token" = [])),
    params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = Timeline), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn task_timeline(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Json<Timeline>, Refusal> {
    control::seen(&app.crew, &who, id).await?;
    let (store, org) = (&app.crew.store, app.crew.org);
    let events = store.audit_chain(org, &id.to_string(), EVENTS_MAX).await?;
    let mut words = Words::of(store.journal(org, id, 0).await?);
    let effects = store.effects(org, id).await?;
    let effects: HashMap<EffectId, EffectRow> = effects
        .into_iter()
        .map(|row| (row.effect.id, row))
        .collect();
    let entries = events
        .iter()
        .filter_map(|event| {
            let what = happening(event, &mut words, &effects)?;
            Some(TimelineEntry {
                seq: event.seq,
                at: event.at,
                what,
            })
        })
        .collect();
    Ok(Json(Timeline {
        entries,
        children: children(&app, id).await?,
        usage: usage(&app, id).await?,
    }))
}

/// What the journal keeps in full, in the order in which the audit log names it.
struct Words {
    turns: VecDeque<Value>,
    told: VecDeque<Value>,
}

impl Words {
    fn of(journal: Vec<JournalRow>) -> Self {
        let (mut turns, mut told) = (VecDeque::new(), VecDeque::new());
        for row in journal {
            match row.kind.as_str() {
                "replied" | "model_failed" => turns.push_back(row.body),
                "told" => told.push_back(row.body),
                _ => {}
            }
        }
        Self { turns, told }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn happening(
    event: &AuditEvent,
    words: &mut Words,
    effects: &HashMap<EffectId, EffectRow>,
) -> Option<Happening> {
    let body = &event.body;
    Some(match event.kind {
        AuditKind::TaskCreated => Happening::Created {
            by: event.actor.clone(),
        },
        AuditKind::TaskMoved => Happening::Moved {
            to: TaskStatus::parse(body["to"].as_str()?)?,
            why: body["why"]
                .as_str()
                .filter(|why| !why.is_empty())
                .map(str::to_owned),
        },
        AuditKind::TaskTold => {
            let said = words.told.pop_front().unwrap_or_default();
            Happening::Told {
                by: event.actor.clone(),
                text: text(&said["text"]),
            }
        }
        AuditKind::ModelCalled => turn(words.turns.pop_front().unwrap_or_default(), body),
        // An intent that was repeated after a crash has its place already.
        AuditKind::EffectIntended if body["repeated"] == true => return None,
        AuditKind::EffectIntended => action(event, effects)?,
        AuditKind::EffectSettled => return None,
        AuditKind::EffectRefused => Happening::Refused {
            tool: text(&body["tool"]),
            tier: event.tier,
            rule: text(&body["rule"]),
            rationale: text(&body["rationale"]),
        },
        AuditKind::ApprovalAsked => Happening::Asked {
            approval: ApprovalId::parse(body["approval"].as_str()?).ok()?,
            tool: text(&body["tool"]),
            tier: event.tier,
            rule: text(&body["rule"]),
            rationale: text(&body["rationale"]),
        },
        AuditKind::ApprovalDecided => Happening::Decided {
            approval: ApprovalId::parse(body["approval"].as_str()?).ok()?,
            decision: ApprovalDecision::parse(body["decision"].as_str()?)?,
            by: event.actor.clone(),
        },
        AuditKind::ChangesApplied => Happening::Applied {
            summary: text(&body["summary"]),
        },
        AuditKind::ChangesUndone => Happening::Undone {
            by: event.actor.clone(),
        },
        kind => Happening::Other {
            kind: kind.to_string(),
            actor: event.actor.clone(),
        },
    })
}

fn turn(said: Value, body: &Value) -> Happening {
    if let Some(reason) = body["failed"].as_str() {
        return Happening::TurnFailed {
            reason: reason.to_owned(),
        };
    }
    let calls = body["calls"].as_array().into_iter().flatten();
    Happening::Turn {
        model: text(&body["model"]),
        text: text(&said["text"]),
        calls: calls.map(text).collect(),
    }
}

fn action(event: &AuditEvent, effects: &HashMap<EffectId, EffectRow>) -> Option<Happening> {
    let body = &event.body;
    let effect = EffectId::parse(body["effect"].as_str()?).ok()?;
    let row = effects.get(&effect);
    let outcome = row.and_then(|row| row.outcome.as_ref());
    Some(Happening::Action {
        effect,
        tool: text(&body["tool"]),
        arguments: body["arguments"].clone(),
        tier: event.tier?,
        rule: text(&body["rule"]),
        approval: body["approval"]
            .as_str()
            .and_then(|id| ApprovalId::parse(id).ok()),
        state: row.map_or(EffectState::Intent, |row| row.state),
        outcome: outcome.map(|outcome| ActionOutcome {
            is_error: outcome.is_error,
            text: outcome.text.clone(),
        }),
        ended_at: row.and_then(|row| row.settled_at),
    })
}

async fn children(app: &App, id: TaskId) -> Result<Vec<Task>, StoreError> {
    let filter = TaskFilter {
        parent: Some(id),
        ..TaskFilter::default()
    };
    let page = Page {
        limit: Some(limits::PAGE_ROWS_MAX),
        cursor: None,
    };
    let mut rows = app
        .crew
        .store
        .tasks(app.crew.org, &filter, &page)
        .await?
        .items;
    rows.reverse();
    Ok(rows.into_iter().map(|row| Task::from(row.task)).collect())
}

async fn usage(app: &App, id: TaskId) -> Result<TaskUsage, StoreError> {
    let filter = UsageFilter {
        task: Some(id),
        ..UsageFilter::default()
    };
    let totals = app
        .crew
        .store
        .usage_totals(app.crew.org, UsageBy::Task, &filter)
        .await?;
    let mut sum = TaskUsage::default();
    for total in totals {
        sum.calls += total.calls;
        sum.tokens_in += total.input_tokens;
        sum.tokens_out += total.output_tokens;
        sum.cost_micros += total.cost_micros;
    }
    Ok(sum)
}
