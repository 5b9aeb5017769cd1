//! The audit log, as far as the caller may see it.

use crate::app::App;
use crate::body::Query;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::audit::{AuditEvent, AuditEventList, AuditFilter};
use wardroom_api::problem::Problem;
use wardroom_domain::Capability;
use wardroom_store::{ChainScope, Page};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_audit_events))
}

/// Events, newest first: of the caller's own tasks and conversations, or all for an admin.
#[utoipa::path(get, path = "/v1/audit-events", security(("token" = [])), params(AuditFilter),
    responses((status = 200, body = AuditEventList), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_audit_events(
    State(app): State<App>,
    Who(who): Who,
    Query(filter): Query<AuditFilter>,
) -> Result<Json<AuditEventList>, Refusal> {
    let scope = if who.may(Capability::SeeAudit) {
        ChainScope::Everything
    } else {
        ChainScope::Of(who.user)
    };
    let asked = wardroom_store::AuditFilter {
        from: filter.since,
        to: filter.until,
        actor: filter.actor,
        task: filter.task,
        kind: filter.kind,
        tier: filter.tier,
        chain: filter.chain,
        scope,
    };
    let page = Page {
        limit: filter.limit,
        cursor: filter.cursor,
    };
    let paged = app
        .crew
        .store
        .audit_events(app.crew.org, &asked, &page)
        .await?;
    let events = paged.items.into_iter().map(AuditEvent::from).collect();
    Ok(Json(AuditEventList {
        events,
        next_cursor: paged.next_cursor,
    }))
}
