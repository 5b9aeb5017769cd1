//! Who the caller is, and what he has used.

use crate::app::App;
use crate::body::Query;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::Problem;
use wardroom_api::usage::{Usage, UsageFilter, UsageRow};
use wardroom_api::user::Me;
use wardroom_coordinator::control::sees_all;
use wardroom_store::UsageBy;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(usage))
}

/// The caller, as the server sees him.
#[utoipa::path(get, path = "/v1/me", security(("token" = [])), responses((status = 200, body = Me), (status = 401, body = Problem)))]
async fn me(State(app): State<App>, Who(who): Who) -> Result<Json<Me>, Refusal> {
    let user = app.crew.store.user(app.crew.org, who.user).await?;
    let user =
        user.ok_or_else(|| Refusal::new(wardroom_api::problem::Code::NotFound, "you are gone"))?;
    Ok(Json(Me {
        user: user.into(),
        org: who.org,
        via: who.via,
        egress: egress(&app),
    }))
}

fn egress(app: &App) -> Vec<String> {
    let rules = app.crew.benches.hands.rules();
    rules.allow.iter().map(ToString::to_string).collect()
}

/// Tokens and cost: the caller's own, or everybody's for an operator and above.
#[utoipa::path(get, path = "/v1/usage", security(("token" = [])), params(UsageFilter),
    responses((status = 200, body = Usage), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn usage(
    State(app): State<App>,
    Who(who): Who,
    Query(filter): Query<UsageFilter>,
) -> Result<Json<Usage>, Refusal> {
    let people = if sees_all(&who) {
        app.crew
            .store
            .users(app.crew.org)
            .await?
            .into_iter()
            .map(|user| user.id)
            .collect()
    } else {
        vec![who.user]
    };
    let mut rows = Vec::new();
    for user in people {
        let asked = wardroom_store::UsageFilter {
            user: Some(user),
            task: None,
            from: filter.since,
            to: filter.until,
        };
        for total in app
            .crew
            .store
            .usage_totals(app.crew.org, UsageBy::Model, &asked)
            .await?
        {
            rows.push(UsageRow {
                user,
                model: total.key,
                role: String::new(),
                task: None,
                calls: total.calls,
                tokens_in: total.input_tokens,
                tokens_out: total.output_tokens,
                cost_micros: total.cost_micros,
            });
        }
    }
    Ok(Json(Usage { rows }))
}
