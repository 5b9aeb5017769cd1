//! Is it alive, is it ready, what does it count.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::health::{Check, Health, Readiness};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Whether requests can be served: the store answers and the server is not stopping.
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
async fn readyz(State(app): State<App>) -> Response {
    let store = app.crew.store.task_counts(app.crew.org).await;
    let detail = store
        .as_ref()
        .map_or_else(ToString::to_string, |_| "answers".to_owned());
    let stopping = *app.stopping.borrow();
    let checks = vec![
        Check {
            name: "store".to_owned(),
            ok: store.is_ok(),
            detail,
        },
        Check {
            name: "running".to_owned(),
            ok: !stopping,
            detail: if stopping {
                "is stopping"
            } else {
                "takes requests"
            }
            .to_owned(),
        },
    ];
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, checks })).into_response()
}

/// The metrics, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", responses((status = 200, content_type = "text/plain", body = String)))]
async fn metrics(State(app): State<App>) -> Response {
    if let Ok(counts) = app.crew.store.task_counts(app.crew.org).await {
        for (status, count) in counts {
            metrics::gauge!("wardroom_tasks", "status" => status.as_str()).set(count as f64);
        }
    }
    let counters = app.crew.store.counters();
    metrics::counter!("wardroom_store_commits_total").absolute(counters.commits);
    metrics::counter!("wardroom_store_transactions_total").absolute(counters.transactions);
    let text = app.metrics.render();
    ([("content-type", "text/plain; version=0.0.4")], text).into_response()
}
