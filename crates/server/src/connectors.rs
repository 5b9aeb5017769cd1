//! The foreign doors that the configuration names: their keys, their connectors, their webhooks.

use crate::config::{ConnectorSettings, KeyReference, TelegramMode, TelegramSettings};
use crate::model_keys::{Followed, Sources};
use crate::start::StartError;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use wardroom_connectors::telegram::{Settings, Telegram};
use wardroom_domain::LiveSecret;
use wardroom_gateway::Door;

/// The connectors, ready to be opened.
#[derive(Default)]
pub(crate) struct Connectors {
    pub(crate) doors: Vec<Door>,
    pub(crate) webhooks: Webhooks,
    known: Vec<(String, String)>,
    followed: Vec<Followed>,
}

/// What platforms prove themselves with when they call us, by instance.
#[derive(Default)]
pub(crate) struct Webhooks(BTreeMap<String, LiveSecret>);

impl Connectors {
    /// Gets every key and sets every connector up. Nothing is asked of a platform yet.
    pub(crate) async fn resolve(
        settings: &ConnectorSettings,
        sources: &Sources<'_>,
    ) -> Result<Self, StartError> {
        let mut connectors = Self::default();
        for (instance, settings) in &settings.telegram {
            connectors.telegram(instance, settings, sources).await?;
        }
        Ok(connectors)
    }

    async fn telegram(
        &mut self,
        instance: &str,
        settings: &TelegramSettings,
        sources: &Sources<'_>,
    ) -> Result<(), StartError> {
        let section = format!("connectors.telegram.{instance}");
        let token = self
            .key(&section, "token", &settings.token, sources)
            .await?;
        let secret = match &settings.webhook_secret {
            Some(reference) => Some(
                self.key(&section, "webhook_secret", reference, sources)
                    .await?,
            ),
            None => None,
        };
        let connector = Telegram::new(Settings {
            instance: instance.to_owned(),
            token,
            webhook_secret: secret.clone(),
            api_base: settings.api_base.clone(),
        });
        let connector = connector.map_err(|source| StartError::Connector {
            section,
            reason: source.to_string(),
        })?;
        let is_polled = settings.mode == TelegramMode::Polling;
        if let Some(secret) = secret.filter(|_| !is_polled) {
            self.webhooks.0.insert(instance.to_owned(), secret);
        }
        self.doors.push(Door {
            connector: Arc::new(connector),
            is_polled,
            webhook: settings.webhook_url.clone().filter(|_| !is_polled),
        });
        Ok(())
    }

    async fn key(
        &mut self,
        section: &str,
        key: &str,
        reference: &KeyReference,
        sources: &Sources<'_>,
    ) -> Result<LiveSecret, StartError> {
        let purpose = format!("used for {section}.{key}");
        let (place, name, remedy) = match reference {
            KeyReference::Env(name) => (
                "the environment variable",
                name,
                format!("set {name} before you start the server"),
            ),
            KeyReference::Secret(name) => (
                "the secret",
                name,
                format!("run `wardroom secret set {name}`"),
            ),
        };
        let value = sources.find(reference, &purpose).await?;
        let value = value.ok_or_else(|| StartError::NoConnectorKey {
            key: format!("{section}.{key}"),
            reference: format!("{place} {name}"),
            remedy,
        })?;
        let value = SecretString::from(value.expose_secret().trim());
        self.known
            .push((name.clone(), value.expose_secret().to_owned()));
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

    /// The stored keys, whose new versions count.
    pub(crate) fn followed(&self) -> Vec<Followed> {
        self.followed.clone()
    }

    /// The names and values of the keys, to be cut out of every text.
    pub(crate) fn known(&self) -> impl Iterator<Item = (String, String)> + use<> {
        self.known.clone().into_iter()
    }
}

impl Webhooks {
    /// The instance that a call is for: the one that is named, or the only one that there is.
    pub(crate) fn instance(&self, named: Option<&str>) -> Option<&str> {
        match named {
            Some(named) => self.0.get_key_value(named).map(|(name, _)| name.as_str()),
            None if self.0.len() == 1 => self.0.keys().next().map(String::as_str),
            None => self.0.get_key_value("main").map(|(name, _)| name.as_str()),
        }
    }

    /// Whether the caller knows the secret of an instance. Takes as long for a wrong one.
    pub(crate) fn is_known(&self, instance: &str, offered: Option<&[u8]>) -> bool {
        let secret = self.0.get(instance).and_then(LiveSecret::current);
        let (Some(secret), Some(offered)) = (secret, offered) else {
            return false;
        };
        secret.expose_secret().as_bytes().ct_eq(offered).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_opened_by_its_own_secret_alone() {
        let webhooks = Webhooks(BTreeMap::from([
            ("main".to_owned(), SecretString::from("first").into()),
            ("second".to_owned(), SecretString::from("other").into()),
        ]));
        assert!(webhooks.is_known("main", Some(b"first")));
        for offered in [
            None,
            Some(&b""[..]),
            Some(b"firs"),
            Some(b"first!"),
            Some(b"other"),
        ] {
            assert!(!webhooks.is_known("main", offered), "{offered:?}");
        }
        assert!(!webhooks.is_known("third", Some(b"first")));
        assert_eq!(webhooks.instance(None), Some("main"));
        assert_eq!(webhooks.instance(Some("second")), Some("second"));
        assert_eq!(webhooks.instance(Some("third")), None);
    }
}
