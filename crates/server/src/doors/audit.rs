//! The audit log, as far as the caller may see it.

use crate::app::App;
use crate::body::Query;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::audit::{AuditCheck, AuditEvent, AuditEventList, AuditFilter, BadRecord};
use wardroom_api::problem::{Code, Problem};
use wardroom_domain::Capability;
use wardroom_store::{ChainScope, Page};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_audit_events))
        .routes(routes!(check_audit))
        .routes(routes!(export_audit))
}

/// Events, newest first: of the caller's own tasks and conversations, or all for an admin. A search
/// answers soon: where it has not filled its page, `searched_to` says how far it came.
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
        words: filter.words.filter(|words| !words.trim().is_empty()),
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
        searched_to: paged.searched_to,
    }))
}

/// Checks every chain and every anchor, and names the first record that is wrong.
#[utoipa::path(post, path = "/v1/audit-events/verify", security(("token" = [])),
    responses((status = 200, body = AuditCheck), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn check_audit(State(app): State<App>, Who(who): Who) -> Result<Json<AuditCheck>, Refusal> {
    who.require(Capability::SeeAudit)?;
    let (store, verifier) = (app.crew.store.clone(), app.verifier.clone());
    let report = tokio::task::spawn_blocking(move || store.audit_verify(&verifier)).await;
    let report = report.map_err(|_| Refusal::from(Problem::from(Code::Internal)))??;
    Ok(Json(AuditCheck {
        intact: report.first_bad.is_none(),
        chains: report.chains,
        events: report.events,
        anchors: report.anchors,
        first_bad: report.first_bad.map(|bad| BadRecord {
            chain: bad.chain,
            seq: bad.seq,
            what: bad.what,
        }),
    }))
}

/// The whole log as JSON lines, as `wardroom audit export` writes it: whoever has the public key can
/// check it.
#[utoipa::path(get, path = "/v1/audit-events/export", security(("token" = [])),
    responses((status = 200, content_type = "application/x-ndjson", body = Vec<u8>), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn export_audit(State(app): State<App>, Who(who): Who) -> Result<Response, Refusal> {
    who.require(Capability::SeeAudit)?;
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let store = app.crew.store.clone();
    tokio::task::spawn_blocking(move || {
        let mut out = std::io::BufWriter::with_capacity(PIECE_BYTES, Pieces(sender));
        if let Err(error) = store.audit_export(&mut out) {
            tracing::warn!(%error, "an export of the audit log was cut off");
        }
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece: Bytes = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), receiver))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"audit.jsonl\"",
        ),
    ];
    Ok((headers, axum::body::Body::from_stream(pieces)).into_response())
}

/// How much of an export is sent at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A writer that sends what it is given, and waits for whoever reads it.
struct Pieces(tokio::sync::mpsc::Sender<Bytes>);

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        match self.0.blocking_send(piece) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
