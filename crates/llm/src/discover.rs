//! Looks for an Ollama on this machine. What is found is offered, never assumed.

use reqwest::Url;
use serde::Deserialize;
use tokio::time::timeout;

use crate::http::Clients;
use crate::limits;

/// Where Ollama listens unless told otherwise.
pub const OLLAMA_ADDRESS: &str = "http://127.0.0.1:11434";

/// A running Ollama.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOllama {
    /// What to write as `base_url`.
    pub base_url: String,
    pub models: Vec<String>,
}

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

/// Asks `address` (see [`OLLAMA_ADDRESS`]) for its models; silence or another server is no answer.
pub async fn find_ollama(clients: &Clients, address: &str) -> Option<LocalOllama> {
    let url = Url::parse(address).ok()?.join("/api/tags").ok()?;
    let asking = async {
        let client = clients.for_url(&url).ok()?;
        let response = client.get(url.clone()).send().await.ok()?;
        response.error_for_status().ok()?.json::<Tags>().await.ok()
    };
    let tags = timeout(limits::TIMEOUT_DISCOVERY, asking).await.ok()??;
    Some(LocalOllama {
        base_url: format!("{}/v1", address.trim_end_matches('/')),
        models: tags.models.into_iter().map(|tag| tag.name).collect(),
    })
}
