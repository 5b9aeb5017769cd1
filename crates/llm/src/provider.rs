//! The providers that a configuration may name, with what is usual at each.

use crate::config::{ConfigError, nearest};
use crate::openai::Flavour;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    OpenAi,
    Anthropic,
    OpenRouter,
    Zai,
    Gemini,
    Ollama,
    Scripted,
}

const PROVIDERS: &[(&str, Provider)] = &[
    ("openai", Provider::OpenAi),
    ("anthropic", Provider::Anthropic),
    ("openrouter", Provider::OpenRouter),
    ("zai", Provider::Zai),
    ("gemini", Provider::Gemini),
    ("ollama", Provider::Ollama),
    ("scripted", Provider::Scripted),
];

impl Provider {
    pub fn parse(model: &str, given: &str) -> Result<Self, ConfigError> {
        if let Some((_, provider)) = PROVIDERS.iter().find(|(name, _)| *name == given) {
            return Ok(*provider);
        }
        let names = PROVIDERS.iter().map(|(name, _)| *name);
        let nearest = nearest(given, names).unwrap_or("openai");
        Err(ConfigError::UnknownProvider {
            model: model.into(),
            given: given.into(),
            nearest,
        })
    }

    pub fn base_url(self) -> &'static str {
        match self {
            Provider::OpenAi => "https://api.openai.com/v1",
            Provider::Anthropic => "https://api.anthropic.com/v1",
            Provider::OpenRouter => "https://openrouter.ai/api/v1",
            Provider::Zai => "https://api.z.ai/api/paas/v4",
            Provider::Gemini => "https://generativelanguage.googleapis.com/v1beta/openai",
            Provider::Ollama | Provider::Scripted => "http://127.0.0.1:11434/v1",
        }
    }

    pub fn flavour(self, has_own_address: bool) -> Flavour {
        match self {
            Provider::OpenAi if !has_own_address => Flavour::OpenAi,
            Provider::OpenRouter => Flavour::OpenRouter,
            Provider::Zai => Flavour::Zai,
            Provider::Gemini => Flavour::Gemini,
            Provider::Ollama => Flavour::Ollama,
            Provider::OpenAi | Provider::Anthropic | Provider::Scripted => Flavour::Compatible,
        }
    }

    /// Whether all current models at the provider's own address see.
    pub fn sees_images(self, has_own_address: bool) -> bool {
        let usually = matches!(
            self,
            Provider::OpenAi | Provider::Anthropic | Provider::Gemini
        );
        usually && !has_own_address
    }
}
