//! The server's own secrets in use: the keys of models, and those of connectors and MCP servers, from
//! where the configuration says they are. New versions count from then on.

use crate::start::StartError;
use crate::stop;
use crate::vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use wardroom_coordinator::Crew;
use wardroom_domain::{LiveSecret, OrgId, Timestamp};
use wardroom_llm::{KeyReference, ModelSettings};
use wardroom_policy::redact::Redactor;
use wardroom_store::{SecretName, Store, Touch};

/// How often it is looked whether a secret has a new version, whoever stored it: another process of
/// the same store, say.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The keys, by model.
pub(crate) struct ModelKeys {
    keys: BTreeMap<String, ModelKey>,
    /// Stored secrets that others than models use.
    others: Vec<Followed>,
    /// The version of each stored secret, as it was opened.
    versions: Mutex<BTreeMap<String, i64>>,
}

struct ModelKey {
    /// What is left in its place where it is cut out of a text.
    name: String,
    /// Whether it is stored, and so may get new versions.
    is_stored: bool,
    key: LiveSecret,
}

/// A stored secret that is in use, and may get new versions.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// Its name.
    pub(crate) secret: String,
    /// What it is used for, as it goes on the record.
    pub(crate) purpose: String,
    /// Where it is shown from.
    pub(crate) value: LiveSecret,
}

/// What is at hand for resolving a reference.
pub(crate) struct Sources<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) vault: &'a Vault,
    pub(crate) store: &'a Store,
    pub(crate) org: OrgId,
    pub(crate) now: Timestamp,
}

impl ModelKeys {
    /// Gets the key of every model that has one.
    pub(crate) async fn resolve(
        models: &BTreeMap<String, ModelSettings>,
        sources: &Sources<'_>,
    ) -> Result<Self, StartError> {
        let mut keys = BTreeMap::new();
        // Read before the values: a version that comes in between is opened again.
        let versions = Mutex::new(versions(sources.store, sources.org).await?);
        for (model, settings) in models {
            let Some(reference) = &settings.api_key else {
                continue;
            };
            let key = match reference {
                KeyReference::Env(name) => sources.variable(model, name)?,
                KeyReference::Secret(name) => sources.secret(model, name).await?,
            };
            keys.insert(model.clone(), key);
        }
        Ok(Self {
            keys,
            others: Vec::new(),
            versions,
        })
    }

    /// Looks after these as well.
    pub(crate) fn follow(&mut self, others: impl IntoIterator<Item = Followed>) {
        self.others.extend(others);
    }

    /// The key of a model, empty if it has none.
    pub(crate) fn of(&self, model: &str) -> LiveSecret {
        let key = self.keys.get(model);
        key.map(|key| key.key.clone()).unwrap_or_default()
    }

    /// What cuts these keys, and others, out of every text.
    pub(crate) fn redactor(&self, others: impl Iterator<Item = (String, String)>) -> Redactor {
        let known = self.keys.values().filter_map(|key| {
            let value = key.key.current()?;
            Some((key.name.clone(), value.expose_secret().to_owned()))
        });
        Redactor::knowing(known.chain(others))
    }

    /// Puts new versions of stored keys in the place of the old ones, and takes away those that
    /// were removed.
    pub(crate) async fn refresh(&self, crew: &Crew, vault: &Vault) -> Result<(), StartError> {
        let now = versions(&crew.store, crew.org).await?;
        for one in self.followed() {
            let version = now.get(&one.secret).copied();
            if version == self.seen(&one.secret) {
                continue;
            }
            let value = match version {
                None => None,
                Some(_) => opened(crew, vault, &one).await?,
            };
            for (name, value) in value.iter().flat_map(|value| spellings(&one.secret, value)) {
                crew.redactor.learn(&name, &value);
            }
            one.value.replace(value);
            tracing::info!(
                secret = one.secret,
                version,
                "{}: another value",
                one.purpose
            );
        }
        *self.versions.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Every stored secret in use.
    fn followed(&self) -> Vec<Followed> {
        let stored = self.keys.iter().filter(|(_, key)| key.is_stored);
        let models = stored.map(|(model, key)| Followed {
            secret: key.name.clone(),
            purpose: format!("used for model {model}"),
            value: key.key.clone(),
        });
        models.chain(self.others.iter().cloned()).collect()
    }

    fn seen(&self, name: &str) -> Option<i64> {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.get(name).copied()
    }

    /// Looks for new versions until the server stops.
    pub(crate) async fn attend(
        self: Arc<Self>,
        crew: Arc<Crew>,
        vault: Vault,
        stopping: watch::Receiver<bool>,
    ) {
        if self.followed().is_empty() {
            return;
        }
        while tokio::time::timeout(LOOK_EVERY, stop::stopped(stopping.clone()))
            .await
            .is_err()
        {
            if let Err(error) = self.refresh(&crew, &vault).await {
                tracing::warn!(%error, "the server's own secrets were not looked after; trying again");
            }
        }
    }
}

/// The versions that stored secrets are at.
async fn versions(store: &Store, org: OrgId) -> Result<BTreeMap<String, i64>, StartError> {
    let rows = store.secret_names(org).await?.into_iter();
    Ok(rows.map(|row| (row.name, row.version)).collect())
}

async fn opened(
    crew: &Crew,
    vault: &Vault,
    one: &Followed,
) -> Result<Option<SecretString>, StartError> {
    let Ok(parsed) = SecretName::parse(&one.secret) else {
        return Ok(None);
    };
    let touch = Touch {
        actor: "system".to_owned(),
        via: None,
        at: crew.clock.now(),
    };
    let (store, org) = (&crew.store, crew.org);
    let value = vault.open(store, org, &parsed, &one.purpose, touch).await?;
    Ok(value.map(|value| SecretString::from(value.expose_secret().trim())))
}

/// A value as it may stand in a text: `Bearer abc` is sent whole, and `abc` alone is as secret.
pub(crate) fn spellings(name: &str, value: &SecretString) -> Vec<(String, String)> {
    let value = value.expose_secret();
    let bare = value.split_once(' ').map(|(_, bare)| bare.trim());
    let both = [Some(value), bare].into_iter().flatten();
    both.map(|value| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Sources<'_> {
    /// The value that a reference leads to, for a purpose that goes on the record; none where it
    /// is not set.
    pub(crate) async fn find(
        &self,
        reference: &KeyReference,
        purpose: &str,
    ) -> Result<Option<SecretString>, StartError> {
        match reference {
            KeyReference::Env(name) => {
                let value = self.environment.get(name).map(String::as_str);
                Ok(value.map(SecretString::from))
            }
            KeyReference::Secret(name) => self.stored(name, purpose).await,
        }
    }

    async fn stored(&self, name: &str, purpose: &str) -> Result<Option<SecretString>, StartError> {
        // What can be no name is the name of nothing that is stored.
        let Ok(name) = SecretName::parse(name) else {
            return Ok(None);
        };
        let touch = Touch {
            actor: "system".to_owned(),
            via: None,
            at: self.now,
        };
        let (store, org) = (self.store, self.org);
        Ok(self.vault.open(store, org, &name, purpose, touch).await?)
    }

    fn variable(&self, model: &str, name: &str) -> Result<ModelKey, StartError> {
        let value = self.environment.get(name).map(String::as_str);
        let value = value.ok_or_else(|| StartError::NoKey {
            model: model.to_owned(),
            reference: format!("the environment variable {name}"),
            remedy: format!("set {name} before you start the server"),
        })?;
        Ok(ModelKey {
            name: name.to_owned(),
            is_stored: false,
            key: Some(SecretString::from(value)).into(),
        })
    }

    /// Opens a secret; that this model uses it goes on the record.
    async fn secret(&self, model: &str, name: &str) -> Result<ModelKey, StartError> {
        let purpose = format!("used for model {model}");
        let value = self.stored(name, &purpose).await?;
        let value = value.ok_or_else(|| StartError::NoKey {
            model: model.to_owned(),
            reference: format!("the secret {name}"),
            remedy: format!("run `wardroom secret set {name}`"),
        })?;
        Ok(ModelKey {
            name: name.to_owned(),
            is_stored: true,
            key: Some(value).into(),
        })
    }
}
