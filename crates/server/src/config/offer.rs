//! A model that runs on this machine is offered to an operator who has none, never assumed.

use wardroom_llm::http::Clients;
use wardroom_llm::{LocalOllama, OLLAMA_ADDRESS, find_ollama};

/// An Ollama on this machine.
pub async fn local_model() -> Option<LocalOllama> {
    find_ollama(&Clients::new(), OLLAMA_ADDRESS).await
}

/// What to write into the configuration to use it; none where it has no models.
pub fn offer(found: &LocalOllama) -> Option<String> {
    let model = found.models.first()?;
    Some(format!(
        "[models.default]\nprovider = \"ollama\"\nbase_url = \"{}\"\nmodel = \"{model}\"\n",
        found.base_url
    ))
}
