//! What the stories share: models from configuration text, permits from policy, requests.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use wardroom_domain::{Timestamp, UserId};
use wardroom_llm::http::Clients;
use wardroom_llm::{
    ConfigError, Message, ModelCall, ModelRequest, ModelRole, ModelSettings, Pace, RoutedModel,
    Router, RoutingSettings, Surroundings, ToolSchema,
};
use wardroom_policy::Permit;
use wardroom_policy::decide::{Approvers, Policy, Preset};
use wardroom_testkit::models::{Brain, Dialect, ModelStandIn, Options};

pub const KEY: &str = "sk-the-key";

pub const DIALECTS: [(Dialect, &str); 6] = [
    (Dialect::OpenAi, "openai"),
    (Dialect::OpenRouter, "openrouter"),
    (Dialect::Zai, "zai"),
    (Dialect::Gemini, "gemini"),
    (Dialect::Ollama, "ollama"),
    (Dialect::Anthropic, "anthropic"),
];

/// Waits that are short enough for a test in which the server fails, and long enough for a busy
/// machine in which it does not.
pub const QUICK: &str = "first_byte_timeout_ms = 1500\nidle_timeout_ms = 1500\n";

pub async fn stand_in(dialect: Dialect, brain: impl Brain) -> ModelStandIn {
    ModelStandIn::start(Options::new(dialect, KEY), brain)
        .await
        .unwrap()
}

/// A model named `name`, configured as an operator would.
pub fn model(name: &str, provider: &str, stand_in: &ModelStandIn, more: &str) -> RoutedModel {
    let text = format!(
        "provider = \"{provider}\"\nbase_url = \"{}\"\nmodel = \"wise-1\"\n{more}",
        stand_in.base_url()
    );
    build(name, &text, Some(KEY)).unwrap()
}

pub fn build(name: &str, text: &str, key: Option<&str>) -> Result<RoutedModel, ConfigError> {
    let settings: ModelSettings = toml::from_str(text).unwrap();
    let clients = Clients::new();
    let around = Surroundings {
        clients: &clients,
        folder: Path::new("/nowhere"),
    };
    settings.build(name, key.map(SecretString::from), &around)
}

pub const FAST: Pace = Pace {
    first: Duration::from_millis(1),
    ceiling: Duration::from_millis(4),
    retry_after_max: Duration::from_millis(500),
};

/// A router whose both roles use the models in the order given.
pub fn router(models: Vec<RoutedModel>) -> Router {
    let chain: Vec<_> = models
        .iter()
        .map(|routed| routed.model.name().to_owned())
        .collect();
    let routing = RoutingSettings {
        coordinator: chain.clone(),
        executor: chain,
        task_types: BTreeMap::new(),
    };
    Router::new(models, routing, FAST).unwrap()
}

pub fn call() -> ModelCall {
    ModelCall {
        role: ModelRole::Executor,
        user: UserId::mint(Timestamp::default(), 7),
        task: None,
        task_type: None,
        needs_images: false,
        own_keys: BTreeMap::new(),
        allowlists: Vec::new(),
    }
}

/// The permit that policy gives for asking a model, by the road that production takes.
pub fn permit(call: ModelCall) -> Permit<ModelCall> {
    let policy = Policy::new(Preset::Enterprise, Approvers::default());
    policy.speak(call)
}

pub fn says(text: &str) -> ModelRequest {
    ModelRequest {
        system: "You are terse.".into(),
        messages: vec![Message::user(text)],
        tools: vec![tool("shell", "command"), tool("file_read", "path")],
        ..ModelRequest::default()
    }
}

pub fn tool(name: &str, argument: &str) -> ToolSchema {
    ToolSchema {
        name: name.into(),
        description: format!("The {name} tool."),
        parameters: json!({
            "type": "object",
            "properties": {argument: {"type": "string"}},
            "required": [argument],
            "additionalProperties": false,
        }),
    }
}

/// Asks a model directly and returns its reply with the previewed text.
pub async fn ask(
    routed: &RoutedModel,
    request: &ModelRequest,
) -> (
    Result<wardroom_llm::ModelReply, wardroom_llm::ModelError>,
    String,
) {
    let mut shown = String::new();
    let mut preview = |delta| {
        if let wardroom_llm::Delta::Text { text } = delta {
            shown.push_str(&text);
        }
    };
    let reply = routed.model.complete(request, &mut preview).await;
    (reply, shown)
}
