//! Who the caller is, and what he has used.

use crate::app::App;
use crate::body::Query;
use crate::confinement;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::problem::Problem;
use wardroom_api::sandbox::Confinement;
use wardroom_api::usage::{Usage, UsageDay, UsageDays, UsageFilter, UsageRow};
use wardroom_api::user::Me;
use wardroom_coordinator::{Wrong, quota};
use wardroom_domain::Capability;
use wardroom_store::UsageBy;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(usage))
        .routes(routes!(usage_days))
}

/// The caller, as the server sees him.
#[utoipa::path(get, path = "/v1/me", security(("token" = [])), responses((status = 200, body = Me), (status = 401, body = Problem)))]
async fn me(State(app): State<App>, Who(who): Who) -> Result<Json<Me>, Refusal> {
    let user = app.crew.store.user(app.crew.org, who.user).await?;
    let user =
        user.ok_or_else(|| Refusal::new(wardroom_api::problem::Code::NotFound, "you are gone"))?;
    let (sandbox, no_sandbox) = match confinement_of(&app).await {
        Some(Ok(found)) => (Some(found), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    Ok(Json(Me {
        user: user.into(),
        org: who.org,
        via: who.via,
        sandbox,
        no_sandbox,
        egress: egress(&app),
    }))
}

/// What confines tasks here. The first caller has it tried and may be answered before it is
/// known; the trial goes on, and is remembered.
async fn confinement_of(app: &App) -> Option<Result<Confinement, String>> {
    const PATIENCE: Duration = Duration::from_millis(250);
    let hands = &app.crew.benches.hands;
    let provider = hands.provider().clone();
    let trial = tokio::spawn(async move { provider.probe().await });
    let probed = tokio::time::timeout(PATIENCE, trial).await.ok()?.ok()?;
    let name = hands.provider().name();
    let found = probed.map(|found| confinement::on_the_wire(name, &found, hands.demands()));
    Some(found.map_err(|error| error.to_string()))
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
    let people = if who.may(Capability::SeeOthers) {
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
    let (mut rows, mut quotas) = (Vec::new(), Vec::new());
    for user in people {
        match quota::held(&app.crew, &who, user).await {
            Ok(held) => quotas.push(super::quota::shown(held)),
            // Who was removed has used something, and may ask for nothing.
            Err(Wrong::NotFound { .. }) => {}
            Err(other) => return Err(other.into()),
        }
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
    Ok(Json(Usage {
        rows,
        quotas,
        warn_percent: quota::warns_from(&app.crew),
    }))
}

/// Tokens and cost per day, person, model and role: the caller's own, or everybody's for an
/// operator and above.
#[utoipa::path(get, path = "/v1/usage/days", security(("token" = [])), params(UsageFilter),
    responses((status = 200, body = UsageDays), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn usage_days(
    State(app): State<App>,
    Who(who): Who,
    Query(filter): Query<UsageFilter>,
) -> Result<Json<UsageDays>, Refusal> {
    let asked = wardroom_store::UsageFilter {
        user: (!who.may(Capability::SeeOthers)).then_some(who.user),
        task: None,
        from: filter.since,
        to: filter.until,
    };
    let rows = app.crew.store.usage_days(app.crew.org, &asked).await?;
    let row = |row: wardroom_store::UsageOfDay| UsageDay {
        day: row.day,
        user: row.user,
        model: row.model,
        role: row.role,
        calls: row.calls,
        tokens_in: row.input_tokens,
        tokens_out: row.output_tokens,
        cost_micros: row.cost_micros,
    };
    Ok(Json(UsageDays {
        rows: rows.into_iter().map(row).collect(),
    }))
}
