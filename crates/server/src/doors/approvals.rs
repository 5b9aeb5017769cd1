//! Questions to people, and their answers.

use crate::app::App;
use crate::body::{Body, Id, Query};
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::approval::{Approval, ApprovalFilter, ApprovalList, Decide, Remember, Verdict};
use wardroom_api::grant::{Grant, GrantList};
use wardroom_api::problem::Problem;
use wardroom_coordinator::{decide, grant};
use wardroom_domain::{ApprovalDecision, ApprovalId, GrantId};
use wardroom_store::Page;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(decide_approval))
        .routes(routes!(list_grants))
        .routes(routes!(revoke_grant))
}

/// Questions, newest first: about the caller's own tasks, or all for an operator and above.
#[utoipa::path(get, path = "/v1/approvals", security(("token" = [])), params(ApprovalFilter),
    responses((status = 200, body = ApprovalList), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_approvals(
    State(app): State<App>,
    Who(who): Who,
    Query(filter): Query<ApprovalFilter>,
) -> Result<Json<ApprovalList>, Refusal> {
    let asked = wardroom_store::ApprovalFilter {
        open_only: filter.waiting == Some(true),
        task: filter.task,
        overseen_by: Some(decide::overseer(&who)),
        ..wardroom_store::ApprovalFilter::default()
    };
    let page = Page {
        limit: filter.limit,
        cursor: filter.cursor,
    };
    let paged = app
        .crew
        .store
        .approvals(app.crew.org, &asked, &page)
        .await?;
    let mut decidable = Vec::new();
    for approval in paged.items.iter().map(|row| &row.approval) {
        let is_open = approval.decision.is_none();
        if is_open && decide::may_decide(&app.crew, &who, approval).await? {
            decidable.push(approval.id);
        }
    }
    let approvals = paged
        .items
        .into_iter()
        .map(|row| Approval::from(row.approval))
        .collect();
    Ok(Json(ApprovalList {
        approvals,
        decidable,
        next_cursor: paged.next_cursor,
    }))
}

/// Decides a question: once, by somebody who may.
#[utoipa::path(post, path = "/v1/approvals/{id}/decision", security(("token" = [])), request_body = Decide,
    params(("id" = String, Path, description = "apr_…")),
    responses((status = 200, body = Approval), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn decide_approval(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<ApprovalId>,
    Body(body): Body<Decide>,
) -> Result<Json<Approval>, Refusal> {
    let decision = match body.decision {
        Verdict::Approve => ApprovalDecision::Approve,
        Verdict::Deny => ApprovalDecision::Deny,
    };
    let word = decide::Word {
        decision,
        digest: body.digest,
        answer: body.answer,
        lasts: body.remember == Some(Remember::Grant),
    };
    Ok(Json(
        decide::decide(&app.crew, &who, id, word).await?.into(),
    ))
}

/// Remembered yeses, newest first: for the caller's requests and by him, or all for an admin.
#[utoipa::path(get, path = "/v1/grants", security(("token" = [])),
    responses((status = 200, body = GrantList), (status = 401, body = Problem)))]
async fn list_grants(State(app): State<App>, Who(who): Who) -> Result<Json<GrantList>, Refusal> {
    let grants = grant::list(&app.crew, &who).await?;
    Ok(Json(GrantList {
        grants: grants.into_iter().map(Grant::from).collect(),
    }))
}

/// Takes a remembered yes back; the next action of its kind asks again.
#[utoipa::path(delete, path = "/v1/grants/{id}", security(("token" = [])), params(("id" = String, Path, description = "grant_…")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke_grant(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<GrantId>,
) -> Result<StatusCode, Refusal> {
    grant::revoke(&app.crew, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
