//! The keys of the models, from where the configuration says they are.

use crate::start::StartError;
use crate::vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use wardroom_domain::{OrgId, Timestamp};
use wardroom_llm::{KeyReference, ModelSettings};
use wardroom_policy::redact::Redactor;
use wardroom_store::{SecretName, Store, Touch};

/// The keys, by model.
pub(crate) struct ModelKeys(BTreeMap<String, ModelKey>);

struct ModelKey {
    /// What is left in its place where it is cut out of a text.
    name: String,
    value: SecretString,
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
        Ok(Self(keys))
    }

    /// The key of a model, if it has one.
    pub(crate) fn of(&self, model: &str) -> Option<SecretString> {
        self.0.get(model).map(|key| key.value.clone())
    }

    /// What cuts these keys, and others, out of every text.
    pub(crate) fn redactor(&self, others: impl Iterator<Item = (String, String)>) -> Redactor {
        let known = |key: &ModelKey| (key.name.clone(), key.value.expose_secret().to_owned());
        Redactor::knowing(self.0.values().map(known).chain(others))
    }
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
            value: SecretString::from(value),
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
            value,
        })
    }
}
