//! The crew: who is at work, on what, with which models.

use crate::app::App;
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::crew::{Agent, Crew, CrewModel};
use wardroom_api::problem::Problem;
use wardroom_api::task::Task;
use wardroom_coordinator::control::sees_all;
use wardroom_domain::TaskType;
use wardroom_store::{Page, StatusFilter, TaskFilter};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_crew))
}

/// The crew: the coordinator and an executor for each type of work, with what each is doing.
#[utoipa::path(get, path = "/v1/crew", security(("token" = [])),
    responses((status = 200, body = Crew), (status = 401, body = Problem)))]
async fn get_crew(State(app): State<App>, Who(who): Who) -> Result<Json<Crew>, Refusal> {
    let filter = TaskFilter {
        requester: (!sees_all(&who)).then_some(who.user),
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
