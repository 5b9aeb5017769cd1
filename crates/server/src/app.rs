//! The routes of one server, and the document that describes them.

use crate::connectors::Webhooks;
use crate::model_keys::ModelKeys;
use crate::vault::Vault;
use crate::{doors, guard, portal, wrong};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use governor::DefaultDirectRateLimiter;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use wardroom_api::crew::CrewModel;
use wardroom_api::event::{Event, Listening};
use wardroom_api::problem::MEDIA_TYPE;
use wardroom_coordinator::Crew;
use wardroom_coordinator::workspace::Forbidden;
use wardroom_domain::{UserId, limits};
use wardroom_gateway::Gateway;
use wardroom_store::AuditVerifier;

/// What every request can reach.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) crew: Arc<Crew>,
    /// Who the Unix socket speaks as.
    pub(crate) owner: UserId,
    /// Folders that nobody opens.
    pub(crate) forbidden: Forbidden,
    /// Where the master key of secrets is.
    pub(crate) vault: Vault,
    /// What the models show, to be looked after when a secret changes.
    pub(crate) model_keys: Arc<ModelKeys>,
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// Becomes true when the server is to stop.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Counts the refused keys that are written down.
    pub(crate) refusals: DefaultDirectRateLimiter,
    /// Checks the audit log.
    pub(crate) verifier: AuditVerifier,
    /// The models as they are configured, for people to read.
    pub(crate) models: Vec<CrewModel>,
    /// The foreign doors.
    pub(crate) gateway: Arc<Gateway>,
    /// What platforms prove themselves with.
    pub(crate) webhooks: Webhooks,
    /// How long a question stays open, for `/v1/policy`.
    pub(crate) approval_ttl_s: u64,
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Wardroom",
        description = "A crew of agents that works in sandboxes, under policy, with approval, on the record.",
        license(name = "Apache-2.0 OR MIT")
    ),
    components(schemas(Event, Listening))
)]
struct Document;

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(doors::health::routes())
        .merge(doors::me::routes())
        .merge(doors::messages::routes())
        .merge(doors::watch::routes())
        .merge(doors::tasks::routes())
        .merge(doors::timeline::routes())
        .merge(doors::crew::routes())
        .merge(doors::profiles::routes())
        .merge(doors::connectors::routes())
        .merge(doors::artifacts::routes())
        .merge(doors::approvals::routes())
        .merge(doors::workspaces::routes())
        .merge(doors::people::routes())
        .merge(doors::quota::routes())
        .merge(doors::arrivals::routes())
        .merge(doors::emergency::routes())
        .merge(doors::sessions::routes())
        .merge(doors::secrets::routes())
        .merge(doors::audit::routes())
        .merge(doors::policy::routes())
        .merge(doors::mcp::routes())
        .merge(doors::completions::routes())
        .merge(doors::telegram::routes())
}

/// The document that describes every endpoint, as it is committed.
pub fn openapi() -> String {
    let (_, mut document) = documented().split_for_parts();
    if let Some(components) = document.components.as_mut() {
        let bearer =
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("token", bearer);
    }
    let mut document = serde_json::to_value(document).unwrap_or_default();
    problems_by_their_name(&mut document);
    // In one order, whatever order the maps of this build keep.
    document.sort_all_objects();
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// Every answer of 400 and above is a problem, and has the media type of one.
fn problems_by_their_name(document: &mut serde_json::Value) {
    let paths = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut());
    let methods = paths
        .filter_map(|path| path.as_object_mut())
        .flat_map(|path| path.values_mut());
    for responses in methods.filter_map(|method| method["responses"].as_object_mut()) {
        let failures = responses
            .iter_mut()
            .filter(|(status, _)| status.as_str() >= "400");
        for (_, response) in failures {
            let Some(content) = response["content"].as_object_mut() else {
                continue;
            };
            let is_problem = |body: &serde_json::Value| {
                body["schema"]["$ref"]
                    .as_str()
                    .is_some_and(|name| name.ends_with("/Problem"))
            };
            if let Some(body) = content.remove("application/json") {
                let name = if is_problem(&body) {
                    MEDIA_TYPE
                } else {
                    "application/json"
                };
                content.insert(name.to_owned(), body);
            }
        }
    }
}

/// Everything that this server answers.
pub(crate) fn router(app: App) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        .route(
            "/v1/openapi.json",
            axum::routing::get(|| async { ([("content-type", "application/json")], openapi()) }),
        )
        .merge(portal::routes())
        .fallback(wrong::unknown_path)
        .method_not_allowed_fallback(wrong::unknown_method)
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}
