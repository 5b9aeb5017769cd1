//! The servers of the configuration, with their secrets, ready to be reached.

use crate::config::{KeyReference, McpSettings};
use crate::model_keys::{Followed, Sources, spellings};
use crate::start::StartError;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::time::Duration;
use wardroom_domain::LiveSecret;
use wardroom_executors::mcp::{CALL_TIME_DEFAULT, Command, Given, McpServer, Reached};

/// The servers, and the secrets that are sent to them.
#[derive(Default)]
pub(crate) struct McpServersFound {
    pub(crate) servers: Vec<McpServer>,
    secrets: Vec<(String, SecretString)>,
    followed: Vec<Followed>,
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
        known.flat_map(|(name, value)| spellings(name, value))
    }

    /// The stored secrets, whose new versions count.
    pub(crate) fn followed(&self) -> Vec<Followed> {
        self.followed.clone()
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
    ) -> Result<Result<Vec<Given>, String>, StartError> {
        let mut values = Vec::new();
        for (key, value) in wanted {
            let (value, from) = match value {
                Value::Plain(text) => (text.into(), key.clone()),
                Value::Kept(reference) => {
                    let found = self.kept(server, &reference, sources).await?;
                    let from = place(&reference);
                    if found.current().is_none() && matches!(reference, KeyReference::Env(_)) {
                        return Ok(Err(format!("{from} is not set")));
                    }
                    (found, from)
                }
            };
            values.push(Given {
                name: key,
                value,
                from,
            });
        }
        Ok(Ok(values))
    }

    /// A stored secret may come later; until then its server cannot be reached.
    async fn kept(
        &mut self,
        server: &str,
        reference: &KeyReference,
        sources: &Sources<'_>,
    ) -> Result<LiveSecret, StartError> {
        let purpose = format!("used for the MCP server {server}");
        let value = sources.find(reference, &purpose).await?;
        let named = value.iter();
        self.secrets
            .extend(named.map(|value| (name_of(reference).to_owned(), value.clone())));
        let value = LiveSecret::from(value);
        if let KeyReference::Secret(secret) = reference {
            self.followed.push(Followed {
                secret: secret.clone(),
                purpose,
                value: value.clone(),
            });
        }
        Ok(value)
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
            format!("the secret {name} (run `wardroom secret set {name}`)")
        }
        KeyReference::Env(name) => format!("the environment variable {name}"),
    }
}
