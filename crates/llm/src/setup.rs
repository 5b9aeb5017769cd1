//! Checks one model's settings and makes the model.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use wardroom_domain::LiveSecret;

use crate::anthropic::AnthropicModel;
use crate::config::{ConfigError, ModelSettings, ToolProtocol};
use crate::cost::Price;
use crate::http::{Clients, Endpoint, KeyHeader, Patience, is_loopback};
use crate::limits;
use crate::model::Model;
use crate::openai::{Flavour, OpenAiModel};
use crate::prompted::PromptedModel;
use crate::provider::Provider;
use crate::router::RoutedModel;
use crate::scripted::{ScriptedModel, Story};

/// What a model is built with, beside its settings.
pub struct Surroundings<'a> {
    pub clients: &'a Clients,
    /// The folder of the configuration file.
    pub folder: &'a Path,
}

impl ModelSettings {
    /// Checks the settings and makes the model; `key` is what `api_key` refers to.
    pub fn build(
        &self,
        name: &str,
        key: impl Into<LiveSecret>,
        around: &Surroundings<'_>,
    ) -> Result<RoutedModel, ConfigError> {
        let key = key.into();
        let provider = Provider::parse(name, &self.provider)?;
        self.check_numbers(provider)
            .map_err(|reason| unusable(name, reason))?;
        let model: Arc<dyn Model> = match provider {
            Provider::Scripted => Arc::new(self.scripted(name, around.folder)?),
            Provider::Anthropic => Arc::new(self.anthropic(name, key, around.clients)?),
            _ => Arc::new(self.openai(name, provider, key, around.clients)?),
        };
        let model = match self.tools {
            ToolProtocol::Native => model,
            ToolProtocol::Prompted => Arc::new(PromptedModel::new(model)),
        };
        Ok(RoutedModel {
            model,
            retries_max: self.retries_max(),
            price: self.price(),
        })
    }

    fn retries_max(&self) -> u32 {
        self.retries_max.unwrap_or(limits::RETRIES_MAX)
    }

    fn price(&self) -> Price {
        Price {
            input_per_mtok: self.price_in_per_mtok,
            output_per_mtok: self.price_out_per_mtok,
        }
    }

    fn check_numbers(&self, provider: Provider) -> Result<(), String> {
        let hottest = if provider == Provider::Anthropic {
            1.0
        } else {
            2.0
        };
        if self
            .temperature
            .is_some_and(|degree| !(0.0..=hottest).contains(&degree))
        {
            return Err(format!("temperature lies between 0 and {hottest}"));
        }
        if self.max_tokens == Some(0) {
            return Err("max_tokens is at least 1".into());
        }
        let timeouts = [
            self.timeout_ms,
            self.first_byte_timeout_ms,
            self.idle_timeout_ms,
        ];
        if timeouts.contains(&Some(0)) {
            return Err("a timeout is at least 1 ms".into());
        }
        let prices = [self.price_in_per_mtok, self.price_out_per_mtok];
        if prices
            .iter()
            .any(|price| !price.is_finite() || *price < 0.0)
        {
            return Err("a price is a number of US dollars, not below 0".into());
        }
        Ok(())
    }

    fn scripted(&self, name: &str, folder: &Path) -> Result<ScriptedModel, ConfigError> {
        let Some(script) = &self.script else {
            let reason = "provider \"scripted\" needs script = \"story.yaml\"";
            return Err(unusable(name, reason.into()));
        };
        let path = folder.join(script);
        let model = name.to_owned();
        let yaml =
            std::fs::read_to_string(&path).map_err(|source| ConfigError::ScriptUnreadable {
                model: model.clone(),
                path: path.clone(),
                source,
            })?;
        let story = Story::parse(&yaml).map_err(|source| ConfigError::ScriptUnplayable {
            model,
            path,
            source,
        })?;
        Ok(ScriptedModel::new(name, story))
    }

    fn openai(
        &self,
        name: &str,
        provider: Provider,
        key: LiveSecret,
        clients: &Clients,
    ) -> Result<OpenAiModel, ConfigError> {
        let flavour = provider.flavour(self.base_url.is_some());
        Ok(OpenAiModel {
            name: name.to_owned(),
            model: self.model(name)?,
            flavour,
            endpoint: Endpoint {
                headers: headers_of(flavour),
                key_header: KeyHeader::Bearer,
                ..self.endpoint(name, provider, "chat/completions", key, clients)?
            },
            sees_images: self.sees_images(provider),
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            is_without_stream_options: false.into(),
        })
    }

    fn anthropic(
        &self,
        name: &str,
        key: LiveSecret,
        clients: &Clients,
    ) -> Result<AnthropicModel, ConfigError> {
        let version = (HeaderName::from_static("anthropic-version"), "2023-06-01");
        Ok(AnthropicModel {
            name: name.to_owned(),
            model: self.model(name)?,
            endpoint: Endpoint {
                headers: HeaderMap::from_iter([(version.0, HeaderValue::from_static(version.1))]),
                key_header: KeyHeader::XApiKey,
                ..self.endpoint(name, Provider::Anthropic, "messages", key, clients)?
            },
            sees_images: self.sees_images(Provider::Anthropic),
            temperature: self.temperature,
            max_tokens: self.max_tokens,
        })
    }

    fn model(&self, name: &str) -> Result<String, ConfigError> {
        match &self.model {
            Some(model) if !model.trim().is_empty() => Ok(model.clone()),
            _ => Err(unusable(
                name,
                "model = \"…\" is missing: the provider's name for it".into(),
            )),
        }
    }

    fn sees_images(&self, provider: Provider) -> bool {
        self.sees_images
            .unwrap_or(provider.sees_images(self.base_url.is_some()))
    }

    fn endpoint(
        &self,
        name: &str,
        provider: Provider,
        path: &str,
        key: LiveSecret,
        clients: &Clients,
    ) -> Result<Endpoint, ConfigError> {
        let base = self.base_url.as_deref().unwrap_or(provider.base_url());
        let url = join(base, path).map_err(|reason| unusable(name, reason))?;
        if key.current().is_none() && self.base_url.is_none() && !is_loopback(&url) {
            let reason = format!(
                "provider \"{}\" needs a key: store it with `wardroom secret set {name}` and \
                 write api_key = \"secret:{name}\"",
                self.provider
            );
            return Err(unusable(name, reason));
        }
        let client = clients
            .for_url(&url)
            .map_err(|source| ConfigError::Client {
                model: name.to_owned(),
                source,
            })?;
        Ok(Endpoint {
            client,
            url,
            headers: HeaderMap::new(),
            key_header: KeyHeader::Bearer,
            key,
            patience: self.patience(),
        })
    }

    fn patience(&self) -> Patience {
        let usual = Patience::default();
        let or = |ms: Option<u64>, usual| ms.map_or(usual, Duration::from_millis);
        Patience {
            first_byte: or(self.first_byte_timeout_ms, usual.first_byte),
            idle: or(self.idle_timeout_ms, usual.idle),
            whole: or(self.timeout_ms, usual.whole),
        }
    }
}

/// OpenRouter asks who is calling and shows it in its statistics.
fn headers_of(flavour: Flavour) -> HeaderMap {
    if flavour != Flavour::OpenRouter {
        return HeaderMap::new();
    }
    let title = (
        HeaderName::from_static("x-title"),
        HeaderValue::from_static("Wardroom"),
    );
    HeaderMap::from_iter([title])
}

fn join(base: &str, path: &str) -> Result<Url, String> {
    let bad = |why: &str| format!("base_url \"{base}\" is not usable: {why}");
    let mut url = Url::parse(base).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("base_url holds a user name or password; use api_key instead".into());
    }
    let folder = url.path().trim_end_matches('/');
    let folder = folder
        .strip_suffix(path)
        .unwrap_or(folder)
        .trim_end_matches('/');
    // The address of Anthropic is commonly given without the version.
    let version = if path == "messages" && !folder.ends_with("/v1") {
        "/v1"
    } else {
        ""
    };
    let whole = format!("{folder}{version}/{path}");
    url.set_path(&whole);
    Ok(url)
}

fn unusable(model: &str, reason: String) -> ConfigError {
    ConfigError::Unusable {
        model: model.to_owned(),
        reason,
    }
}
