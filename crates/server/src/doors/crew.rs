//! The crew: who is at work, on what, with which models.

use crate::app::App;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use std::collections::BTreeMap;
use std::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::crew::{Agent, Crew, CrewModel, ModelTried};
use wardroom_api::problem::{Code, Problem};
use wardroom_api::task::Task;
use wardroom_coordinator::decide::overseer;
use wardroom_domain::{Capability, TaskType};
use wardroom_llm::{Message, ModelCall, ModelRequest, ModelRole};
use wardroom_store::{Page, StatusFilter, TaskFilter};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_crew))
        .routes(routes!(test_model))
}

/// Says one word to a model, and tells whether it answers.
#[utoipa::path(post, path = "/v1/crew/models/{name}/test", security(("token" = [])),
    params(("name" = String, Path, description = "Its name under `[models]`.")),
    responses((status = 200, body = ModelTried), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn test_model(
    State(app): State<App>,
    Who(who): Who,
    Path(name): Path<String>,
) -> Result<Json<ModelTried>, Refusal> {
    who.require(Capability::ManagePolicy)?;
    let call = ModelCall {
        role: ModelRole::Coordinator,
        user: who.user,
        task: None,
        task_type: None,
        needs_images: false,
        own_keys: BTreeMap::new(),
        allowlists: Vec::new(),
    };
    let permit = app.crew.policy().speak(call);
    let request = ModelRequest {
        messages: vec![Message::user("hello")],
        max_tokens: Some(64),
        ..ModelRequest::default()
    };
    let began = Instant::now();
    let answered = app.crew.router.try_model(permit, &name, &request).await;
    let answered = answered
        .ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no model `{name}`")))?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (answers, detail) = match answered {
        Ok(conversed) => {
            wardroom_coordinator::tried(&app.crew, who.user, &conversed).await?;
            (true, conversed.reply.text)
        }
        Err(error) => (false, error.to_string()),
    };
    let detail = app.crew.redactor.redact(&detail);
    let detail = detail.chars().take(300).collect();
    Ok(Json(ModelTried {
        answers,
        detail,
        took_ms,
    }))
}

/// The crew: the coordinator and an executor for each type of work, with what each is doing.
#[utoipa::path(get, path = "/v1/crew", security(("token" = [])),
    responses((status = 200, body = Crew), (status = 401, body = Problem)))]
async fn get_crew(State(app): State<App>, Who(who): Who) -> Result<Json<Crew>, Refusal> {
    let filter = TaskFilter {
        overseen_by: Some(overseer(&who)),
        status: StatusFilter::Open,
        ..TaskFilter::default()
    };
    let page = Page {
        limit: Some(200),
        cursor: None,
    };
    let open = app
        .crew
        .store
        .tasks(app.crew.org, &filter, &page)
        .await?
        .items;
    let open: Vec<Task> = open.into_iter().map(|row| Task::from(row.task)).collect();
    let routing = app.crew.router.routing();
    let mut agents = vec![Agent {
        name: "coordinator".to_owned(),
        role: "coordinator".to_owned(),
        kind: None,
        models: routing.coordinator.clone(),
        tasks: Vec::new(),
    }];
    agents.extend(TaskType::ALL.iter().map(|kind| {
        Agent {
            name: kind.to_string(),
            role: "executor".to_owned(),
            kind: Some(*kind),
            models: routing
                .task_types
                .get(kind.as_str())
                .unwrap_or(&routing.executor)
                .clone(),
            tasks: open
                .iter()
                .filter(|task| task.kind == *kind)
                .cloned()
                .collect(),
        }
    }));
    Ok(Json(Crew {
        agents,
        models: app.models.clone(),
    }))
}

/// The models as the configuration has them, without what is secret.
pub(crate) fn models_of(config: &crate::config::Config) -> Vec<CrewModel> {
    if config.models.is_empty() {
        return vec![CrewModel {
            name: "scripted".to_owned(),
            provider: "scripted".to_owned(),
            model: "the demo story".to_owned(),
            base_url: None,
        }];
    }
    let model = |(name, settings): (&String, &wardroom_llm::ModelSettings)| CrewModel {
        name: name.clone(),
        provider: settings.provider.clone(),
        model: settings.model.clone().unwrap_or_default(),
        base_url: settings.base_url.clone(),
    };
    config.models.iter().map(model).collect()
}
