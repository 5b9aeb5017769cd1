//! Questions to people, and their answers.

use crate::app::App;
use crate::body::{Body, Id, Query};
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::approval::{Approval, ApprovalFilter, ApprovalList, Decide, Remember, Verdict};
use wardroom_api::problem::{Code, Problem};
use wardroom_coordinator::{control, decide};
use wardroom_domain::{ApprovalDecision, ApprovalId};
use wardroom_store::Page;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(decide_approval))
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
        requester: (!control::sees_all(&who)).then_some(who.user),
        task: filter.task,
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
    let approvers = app.crew.policy().approvers.clone();
    let decidable = paged
        .items
        .iter()
        .map(|row| &row.approval)
        .filter(|approval| approval.decision.is_none())
        .filter(|approval| approvers.may_decide(&who, approval).is_ok())
        .map(|approval| approval.id)
        .collect();
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
    if body.remember == Some(Remember::Grant) {
        let text = "a lasting grant cannot be given yet; leave `remember` out, or say `once`";
        return Err(Refusal::new(Code::InvalidBody, text));
    }
    let decision = match body.decision {
        Verdict::Approve => ApprovalDecision::Approve,
        Verdict::Deny => ApprovalDecision::Deny,
    };
    let word = decide::Word {
        decision,
        digest: body.digest,
        answer: body.answer,
    };
    Ok(Json(
        decide::decide(&app.crew, &who, id, word).await?.into(),
    ))
}
