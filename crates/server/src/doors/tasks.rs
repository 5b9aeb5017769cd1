//! Tasks: asking for them, looking at them, steering and stopping them, their changes.

use crate::app::App;
use crate::body::{Body, Id, Query};
use crate::doors::{events, idempotency};
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::diff::{Change, ChangeKind, Diff, Undone};
use wardroom_api::event::{EventFilter, EventList};
use wardroom_api::problem::{Code, Problem};
use wardroom_api::task::{
    CreateTask, ResolveEffect, Task, TaskEnvelope, TaskFilter, TaskList, TellTask,
};
use wardroom_coordinator::{control, decide, review};
use wardroom_domain::{Priority, TaskId, TaskType};
use wardroom_sandbox::view;
use wardroom_store::{Page, StatusFilter};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_task, list_tasks))
        .routes(routes!(get_task))
        .routes(routes!(cancel_task))
        .routes(routes!(retry_task))
        .routes(routes!(tell_task))
        .routes(routes!(resolve_effect))
        .routes(routes!(task_events))
        .routes(routes!(task_diff))
        .routes(routes!(undo_task))
}

/// Asks for a task directly, without the coordinator.
#[utoipa::path(post, path = "/v1/tasks", security(("token" = [])), request_body = CreateTask,
    params(("Idempotency-Key" = Option<String>, Header, description = "Visible ASCII, at most 255 characters.")),
    responses((status = 202, body = TaskEnvelope), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn create_task(
    State(app): State<App>,
    Who(who): Who,
    headers: HeaderMap,
    Body(create): Body<CreateTask>,
) -> Result<Response, Refusal> {
    let key = idempotency::key(&headers)?;
    if let Some(key) = &key
        && let Some(before) =
            idempotency::answered::<TaskEnvelope>(&app, &who, key, &create).await?
    {
        return Ok((StatusCode::ACCEPTED, Json(before)).into_response());
    }
    let direct = control::Direct {
        text: create.text.clone(),
        title: create.title.clone().unwrap_or_default(),
        kind: create.kind.unwrap_or(TaskType::General),
        agent: None,
        priority: create.priority.unwrap_or(Priority::NORMAL),
        workspace: create.workspace,
        time_max: None,
        files: create.files.clone(),
    };
    let task = control::create(&app.crew, &who, direct, |task| {
        let answer = TaskEnvelope {
            task: task.clone().into(),
        };
        key.map(|key| idempotency::keep(&app, &who, key, &create, 202, &answer))
            .into_iter()
            .collect()
    })
    .await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(TaskEnvelope { task: task.into() }),
    )
        .into_response())
}

/// Tasks, newest first: the caller's own, or everybody's for an operator and above.
#[utoipa::path(get, path = "/v1/tasks", security(("token" = [])), params(TaskFilter),
    responses((status = 200, body = TaskList), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_tasks(
    State(app): State<App>,
    Who(who): Who,
    Query(filter): Query<TaskFilter>,
) -> Result<Json<TaskList>, Refusal> {
    let asked = wardroom_store::TaskFilter {
        overseen_by: Some(decide::overseer(&who)),
        requester: filter.requester,
        status: match (filter.status, filter.open) {
            (Some(status), _) => StatusFilter::Is(status),
            (None, Some(true)) => StatusFilter::Open,
            (None, _) => StatusFilter::Any,
        },
        conversation: filter.conversation,
        parent: filter.parent,
        ..wardroom_store::TaskFilter::default()
    };
    let page = Page {
        limit: filter.limit,
        cursor: filter.cursor,
    };
    let paged = app.crew.store.tasks(app.crew.org, &asked, &page).await?;
    let tasks = paged
        .items
        .into_iter()
        .map(|row| Task::from(row.task))
        .collect();
    Ok(Json(TaskList {
        tasks,
        next_cursor: paged.next_cursor,
    }))
}

/// One task.
#[utoipa::path(get, path = "/v1/tasks/{id}", security(("token" = [])), params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = TaskEnvelope), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn get_task(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Json<TaskEnvelope>, Refusal> {
    let mut task = control::seen(&app.crew, &who, id).await?.task;
    // An apply that was taken back is not applied any more.
    if task.applied == Some(true) {
        let applied = app.crew.store.applied(app.crew.org, id).await?;
        task.applied = Some(applied.iter().any(|row| row.undone_at.is_none()));
    }
    envelope(task)
}

fn envelope(task: wardroom_domain::Task) -> Result<Json<TaskEnvelope>, Refusal> {
    Ok(Json(TaskEnvelope { task: task.into() }))
}

/// Stops a task, in the middle of whatever it does.
#[utoipa::path(post, path = "/v1/tasks/{id}/cancel", security(("token" = [])), params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = TaskEnvelope), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel_task(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Json<TaskEnvelope>, Refusal> {
    envelope(control::cancel(&app.crew, &who, id).await?)
}

/// Makes a new task from one that has ended.
#[utoipa::path(post, path = "/v1/tasks/{id}/retry", security(("token" = [])), params(("id" = String, Path, description = "task_…")),
    responses((status = 202, body = TaskEnvelope), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry_task(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Response, Refusal> {
    let task = control::retry(&app.crew, &who, id).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(TaskEnvelope { task: task.into() }),
    )
        .into_response())
}

/// Steers a running task at its next boundary.
#[utoipa::path(post, path = "/v1/tasks/{id}/messages", security(("token" = [])), request_body = TellTask,
    params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = TaskEnvelope), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn tell_task(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
    Body(tell): Body<TellTask>,
) -> Result<Json<TaskEnvelope>, Refusal> {
    let key = idempotency::key(&headers)?;
    envelope(control::tell(&app.crew, &who, id, &tell.text, key.as_deref()).await?)
}

/// Says whether an effect happened that a crash left in doubt.
#[utoipa::path(post, path = "/v1/tasks/{id}/resolve", security(("token" = [])), request_body = ResolveEffect,
    params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = TaskEnvelope), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn resolve_effect(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
    Body(resolve): Body<ResolveEffect>,
) -> Result<Json<TaskEnvelope>, Refusal> {
    decide::resolve(&app.crew, &who, id, resolve.effect, resolve.answer.as_str()).await?;
    envelope(control::seen(&app.crew, &who, id).await?.task)
}

/// What happens to a task: a page of kept events, or a stream with `Accept: text/event-stream`.
#[utoipa::path(get, path = "/v1/tasks/{id}/events", security(("token" = [])),
    params(("id" = String, Path, description = "task_…"), EventFilter),
    responses((status = 200, body = EventList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn task_events(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
    headers: HeaderMap,
    Query(filter): Query<EventFilter>,
) -> Result<Response, Refusal> {
    control::seen(&app.crew, &who, id).await?;
    let after = events::after(&headers, &filter);
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(events::stream(app, id.to_string(), after).into_response());
    }
    let after = match &filter.cursor {
        Some(cursor) => cursor
            .parse()
            .map_err(|_| Refusal::new(Code::InvalidQuery, "the cursor is not one of ours"))?,
        None => after,
    };
    let rows = wardroom_api::page::rows(filter.limit);
    let (events, next_cursor) = events::page(&app, &id.to_string(), after, rows).await?;
    Ok(Json(serde_json::json!({"events": events, "next_cursor": next_cursor})).into_response())
}

/// The changes that a task has made, or applied.
#[utoipa::path(get, path = "/v1/tasks/{id}/diff", security(("token" = [])), params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = Diff), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn task_diff(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Json<Diff>, Refusal> {
    let diff = review::diff(&app.crew, &who, id).await?;
    Ok(Json(Diff {
        task: id,
        changes: diff.changes.into_iter().map(change).collect(),
        text: diff.text,
        digest: diff.digest,
        applied: diff.is_applied,
    }))
}

/// Takes back what a task applied.
#[utoipa::path(post, path = "/v1/tasks/{id}/undo", security(("token" = [])), params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = Undone), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn undo_task(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Json<Undone>, Refusal> {
    let changes = review::undo(&app.crew, &who, id).await?;
    Ok(Json(Undone {
        task: id,
        changes: changes.into_iter().map(change).collect(),
    }))
}

fn change(change: review::Change) -> Change {
    let kind = match change.kind {
        view::ChangeKind::Added => ChangeKind::Added,
        view::ChangeKind::Deleted => ChangeKind::Removed,
        view::ChangeKind::Modified
        | view::ChangeKind::ModeChanged
        | view::ChangeKind::Symlink
        | view::ChangeKind::Replaced => ChangeKind::Changed,
    };
    Change {
        path: change.path,
        change: kind,
        bytes: change.bytes,
    }
}
