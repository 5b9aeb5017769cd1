//! The keys of the models, from where the configuration says they are.

use crate::start::StartError;
use crate::stop;
use crate::vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use wardroom_coordinator::Crew;
use wardroom_domain::{OrgId, Timestamp};
use wardroom_llm::{ApiKey, KeyReference, ModelSettings};
use wardroom_policy::redact::Redactor;
use wardroom_store::{SecretName, Store, Touch};

/// How often it is looked whether a key has a new version, whoever stored it: another process of
/// the same store, say.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The keys, by model.
pub(crate) struct ModelKeys {
    keys: BTreeMap<String, ModelKey>,
    /// The version of each stored secret that a model uses, as it was opened.
    versions: Mutex<BTreeMap<String, i64>>,
}

struct ModelKey {
    /// What is left in its place where it is cut out of a text.
    name: String,
    /// Whether it is stored, and so may get new versions.
    is_stored: bool,
    key: ApiKey,
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
        Ok(Self { keys, versions })
    }

    /// The key of a model, empty if it has none.
    pub(crate) fn of(&self, model: &str) -> ApiKey {
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
        let stored = self.keys.iter().filter(|(_, key)| key.is_stored);
        for (model, key) in stored {
            let version = now.get(&key.name).copied();
            if version == self.seen(&key.name) {
                continue;
            }
            let value = match version {
                None => None,
                Some(_) => opened(crew, vault, model, &key.name).await?,
            };
            if let Some(value) = &value {
                crew.redactor.learn(&key.name, value.expose_secret());
            }
            key.key.replace(value);
            tracing::info!(model, secret = key.name, version, "a model has another key");
        }
        *self.versions.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
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
        if !self.keys.values().any(|key| key.is_stored) {
            return;
        }
        while tokio::time::timeout(LOOK_EVERY, stop::stopped(stopping.clone()))
            .await
            .is_err()
        {
            if let Err(error) = self.refresh(&crew, &vault).await {
                tracing::warn!(%error, "the keys of the models were not looked after; trying again");
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
    model: &str,
    name: &str,
) -> Result<Option<SecretString>, StartError> {
    let Ok(parsed) = SecretName::parse(name) else {
        return Ok(None);
    };
    let touch = Touch {
        actor: "system".to_owned(),
        via: None,
        at: crew.clock.now(),
    };
    let purpose = format!("used for model {model}");
    let (store, org) = (&crew.store, crew.org);
    Ok(vault.open(store, org, &parsed, &purpose, touch).await?)
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
