//! The rules in force: read by everybody, changed by admins, in versions.

use crate::app::App;
use crate::body::{Body, Id};
use crate::telling;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::policy::{
    ExplainPolicy, ExplainedCall, OwnRules, Policy, PolicyHistory, PutPolicy, RollbackPolicy,
};
use wardroom_api::problem::{Code, Problem};
use wardroom_coordinator::Wrong;
use wardroom_coordinator::rulebook::{Author, Change, Prepared, Rulebook};
use wardroom_domain::{Capability, Principal, RiskTier, UserId};
use wardroom_policy::decide::{Fault, PolicyDocument};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_policy, put_policy))
        .routes(routes!(get_policy_history))
        .routes(routes!(roll_back_policy))
        .routes(routes!(explain_policy))
        .routes(routes!(put_own_rules))
}

/// The rules in force, as everybody may read them.
#[utoipa::path(get, path = "/v1/policy", security(("token" = [])),
    responses((status = 200, body = Policy), (status = 401, body = Problem)))]
async fn get_policy(State(app): State<App>, Who(_who): Who) -> Result<Json<Policy>, Refusal> {
    Ok(Json(shown(&app, Vec::new()).await?))
}

/// Puts another policy in force, at once and for running tasks too; what is left out stays.
#[utoipa::path(put, path = "/v1/policy", security(("token" = [])), request_body = PutPolicy,
    responses((status = 200, body = Policy), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn put_policy(
    State(app): State<App>,
    Who(who): Who,
    Body(put): Body<PutPolicy>,
) -> Result<Json<Policy>, Refusal> {
    may_manage(&who)?;
    let (document, text) = read(put)?;
    let prepared = change(&app, &who, Change::Put(Box::new(document), text)).await?;
    Ok(Json(shown(&app, prepared.warnings).await?))
}

/// The versions of the policy, newest first, each with its author and what it changed.
#[utoipa::path(get, path = "/v1/policy/history", security(("token" = [])),
    responses((status = 200, body = PolicyHistory), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn get_policy_history(
    State(app): State<App>,
    Who(who): Who,
) -> Result<Json<PolicyHistory>, Refusal> {
    may_manage(&who)?;
    let versions = Rulebook::history(&app.crew.store, app.crew.org).await?;
    Ok(Json(PolicyHistory {
        versions: versions.into_iter().map(telling::version).collect(),
        next_cursor: None,
    }))
}

/// Makes an old version the newest; 0 is the configuration alone.
#[utoipa::path(post, path = "/v1/policy/rollback", security(("token" = [])), request_body = RollbackPolicy,
    responses((status = 200, body = Policy), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn roll_back_policy(
    State(app): State<App>,
    Who(who): Who,
    Body(back): Body<RollbackPolicy>,
) -> Result<Json<Policy>, Refusal> {
    may_manage(&who)?;
    let prepared = change(&app, &who, Change::Rollback(back.version)).await?;
    Ok(Json(shown(&app, prepared.warnings).await?))
}

/// Says what would become of a tool call, and why. Nothing is carried out.
#[utoipa::path(post, path = "/v1/policy/explain", security(("token" = [])), request_body = ExplainPolicy,
    responses((status = 200, body = ExplainedCall), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn explain_policy(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<ExplainPolicy>,
) -> Result<Json<ExplainedCall>, Refusal> {
    let requester = requester(&app, &who, asked.user).await?;
    let policy = app.crew.policy_now().await?;
    Ok(Json(telling::explained(&policy, &requester, asked)))
}

/// A person's own rules, which tighten the org's for his own actions.
#[utoipa::path(put, path = "/v1/users/{id}/policy", security(("token" = [])), request_body = OwnRules,
    params(("id" = String, Path, description = "user_…")),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn put_own_rules(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<UserId>,
    Body(own): Body<OwnRules>,
) -> Result<StatusCode, Refusal> {
    requester(&app, &who, Some(id)).await?;
    change(&app, &who, Change::Own(id, own.rules)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn may_manage(who: &Principal) -> Result<(), Refusal> {
    who.require(Capability::ManagePolicy)
        .map_err(|lacks| Refusal::new(Code::Forbidden, lacks.to_string()))
}

/// The caller, or somebody whom only those who manage the policy may speak of.
async fn requester(app: &App, who: &Principal, user: Option<UserId>) -> Result<Principal, Refusal> {
    let Some(user) = user.filter(|user| *user != who.user) else {
        return Ok(who.clone());
    };
    may_manage(who)?;
    let found = app.crew.store.user(app.crew.org, user).await?;
    let found =
        found.ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no person {user}")))?;
    Ok(Principal {
        user,
        name: found.name,
        role: found.role,
        ..who.clone()
    })
}

async fn change(app: &App, who: &Principal, change: Change) -> Result<Prepared, Refusal> {
    let crew = &app.crew;
    let author = Author {
        actor: who.user.to_string(),
        via: who.via.clone(),
        at: crew.clock.now(),
    };
    let mut prepared = crew
        .rulebook
        .prepare(&crew.store, crew.org, change, author)
        .await?;
    let writes = std::mem::take(&mut prepared.writes);
    crew.store.commit(crew.org, writes).await?;
    crew.load_policy().await?;
    Ok(prepared)
}

fn read(put: PutPolicy) -> Result<(PolicyDocument, Option<String>), Refusal> {
    let refused = |fault: Fault| {
        let why = format!("{fault}; the policy in force stays");
        Refusal::from(Wrong::PolicyRefused(why))
    };
    let text = put.text.clone();
    let rest = PutPolicy { text: None, ..put };
    match text {
        Some(text) if rest == PutPolicy::default() => {
            Ok((PolicyDocument::parse(&text).map_err(refused)?, Some(text)))
        }
        Some(_) => Err(Refusal::new(
            Code::InvalidBody,
            "`text` is the whole document; say nothing beside it",
        )),
        None => {
            let value = serde_json::to_value(rest).unwrap_or(Value::Null);
            Ok((PolicyDocument::of_json(value).map_err(refused)?, None))
        }
    }
}

async fn shown(app: &App, warnings: Vec<String>) -> Result<Policy, Refusal> {
    let crew = &app.crew;
    let in_force = crew.rulebook.read(&crew.store, crew.org).await?;
    let policy = &in_force.policy;
    let (changed_by, changed_at) = in_force.written.clone().unzip();
    let needed = |tier: &RiskTier| (*tier, policy.approvers.needed(*tier));
    Ok(Policy {
        version: in_force.version,
        preset: policy.preset.to_string(),
        self_approval: policy.approvers.self_approval.clone(),
        approvers: RiskTier::ALL.iter().skip(1).map(needed).collect(),
        four_eyes: policy.approvers.four_eyes.clone(),
        allow_bypass: policy.bypass.is_allowed,
        bypass_covers: policy.bypass.covers.clone(),
        grants_cover: policy.grants_cover.clone(),
        approval_ttl_s: policy.approval_ttl_s.unwrap_or(app.approval_ttl_s),
        document: json!(*policy.document),
        table: crew.rulebook.table(&in_force).to_string(),
        changed_at,
        changed_by,
        warnings,
    })
}
