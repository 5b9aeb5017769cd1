//! Who thinks.

use super::StartError;
use crate::config::Config;
use crate::model_keys::ModelKeys;
use std::sync::Arc;
use wardroom_llm::{
    Pace, RoutedModel, Router, RoutingSettings, ScriptedModel, Story, Surroundings,
};

/// The configured models; without any, the story that ships with the product answers.
pub(super) fn models(config: &Config, keys: &ModelKeys) -> Result<(Router, bool), StartError> {
    if config.models.is_empty() {
        let story = ScriptedModel::new("scripted", Story::demo()?);
        let routed = RoutedModel {
            model: Arc::new(story),
            retries_max: 0,
            price: wardroom_llm::Price::default(),
        };
        let chain = vec!["scripted".to_owned()];
        let routing = RoutingSettings {
            coordinator: chain.clone(),
            executor: chain,
            ..RoutingSettings::default()
        };
        return Ok((Router::new([routed], routing, Pace::default())?, true));
    }
    let clients = wardroom_llm::http::Clients::new();
    let around = Surroundings {
        clients: &clients,
        folder: &config.folder,
    };
    let mut routed = Vec::new();
    for (name, settings) in &config.models {
        routed.push(settings.build(name, keys.of(name), &around)?);
    }
    Ok((
        Router::new(routed, config.routing.clone(), Pace::default())?,
        false,
    ))
}
