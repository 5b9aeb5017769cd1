//! The servers of the configuration, with their secrets, ready to be reached.

use crate::config::{KeyReference, McpSettings};
use crate::model_keys::Sources;
use crate::start::StartError;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::time::Duration;
use wardroom_executors::mcp::{CALL_TIME_DEFAULT, Command, McpServer, Reached};

/// The servers, and the secrets that are sent to them.
#[derive(Default)]
pub(crate) struct McpServersFound {
    pub(crate) servers: Vec<McpServer>,
    secrets: Vec<(String, SecretString)>,
}

impl McpServersFound {
    /// Gets every server's secrets. One that is not set costs its server, and nothing else.
    pub(crate) async fn resolve(
        settings: &BTreeMap<String, McpSettings>,
        sources: &Sources<'_>,
    ) -> Result<Self, StartError> {
        let mut found = Self::default();
        for (name, server) in settings {
            let reached = found.reached(name, server, sources).await?;
            let time = server.timeout_s.map(Duration::from_secs);
            found.servers.push(McpServer {
                name: name.clone(),
                reached,
                call_time_max: time.unwrap_or(CALL_TIME_DEFAULT),
            });
        }
        Ok(found)
    }

    /// The names and values to be cut out of every text.
    pub(crate) fn known(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let known = self.secrets.iter();
        known.flat_map(|(name, value)| {
            let value = value.expose_secret();
            // `Bearer abc` is sent whole, and `abc` alone is as secret.
            let bare = value.split_once(' ').map(|(_, bare)| bare.trim());
            let both = [Some(value), bare].into_iter().flatten();
            both.map(|value| (name.clone(), value.to_owned()))
                .collect::<Vec<_>>()
        })
    }

    async fn reached(
        &mut self,
        name: &str,
        server: &McpSettings,
        sources: &Sources<'_>,
    ) -> Result<Reached, StartError> {
        let values = match &server.url {
            Some(_) => {
                let headers = server.headers.iter();
                headers
                    .map(|(header, kept)| (header.clone(), Value::Kept(kept.clone())))
                    .collect()
            }
            None => {
                let variables = server.env.iter();
                variables
                    .map(|(variable, text)| (variable.clone(), Value::of(text)))
                    .collect()
            }
        };
        let values = match self.values(name, values, sources).await? {
            Ok(values) => values,
            Err(why) => return Ok(Reached::NotAtAll(why)),
        };
        Ok(match &server.url {
            Some(url) => Reached::ByUrl {
                url: url.clone(),
                headers: values,
            },
            None => Reached::ByCommand(Command {
                argv: server.command.clone(),
                environment: values,
                is_sandboxed: server.is_sandboxed(),
                shown: server.show.clone(),
            }),
        })
    }

    async fn values(
        &mut self,
        server: &str,
        wanted: Vec<(String, Value)>,
        sources: &Sources<'_>,
    ) -> Result<Result<Vec<(String, SecretString)>, String>, StartError> {
        let mut values = Vec::new();
        for (key, value) in wanted {
            let value = match value {
                Value::Plain(text) => text,
                Value::Kept(reference) => {
                    let purpose = format!("used for the MCP server {server}");
                    let Some(value) = sources.find(&reference, &purpose).await? else {
                        return Ok(Err(format!("{} is not set", place(&reference))));
                    };
                    self.secrets
                        .push((name_of(&reference).to_owned(), value.clone()));
                    value
                }
            };
            values.push((key, value));
        }
        Ok(Ok(values))
    }
}

enum Value {
    Plain(SecretString),
    Kept(KeyReference),
}

impl Value {
    fn of(text: &str) -> Self {
        match KeyReference::try_from(text.to_owned()) {
            Ok(reference) => Self::Kept(reference),
            Err(_) => Self::Plain(SecretString::from(text)),
        }
    }
}

fn name_of(reference: &KeyReference) -> &str {
    match reference {
        KeyReference::Secret(name) | KeyReference::Env(name) => name,
    }
}

fn place(reference: &KeyReference) -> String {
    match reference {
        KeyReference::Secret(name) => {
            format!("the secret {name} (run `wardroom secret set {name}`, then start again)")
        }
        KeyReference::Env(name) => format!("the environment variable {name}"),
    }
}
