//! Where large bytes are kept.

use super::StartError;
use super::folders::make_private;
use crate::config::{BucketUrl, Config, KeyReference, ObjectUrl};
use crate::model_keys::Sources;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::path::Path;
use wardroom_store::{Bucket, Objects};

/// Opens the place of the configuration. A bucket is tried before anybody relies on it.
pub(super) async fn open(config: &Config, sources: &Sources<'_>) -> Result<Objects, StartError> {
    match &config.objects.url {
        ObjectUrl::Folder(path) => folder(path, config),
        ObjectUrl::S3(url) => reached(url, &bucket(url, config, sources).await?).await,
    }
}

/// The same for a verb without a server: keys come from the environment.
pub async fn objects_of(
    url: &ObjectUrl,
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> Result<Objects, StartError> {
    let url = match url {
        ObjectUrl::Folder(path) => return folder(path, config),
        ObjectUrl::S3(url) => url,
    };
    let keys = &config.objects;
    let find = |name: &'static str, reference: &KeyReference| {
        let value = match reference {
            KeyReference::Env(name) => environment.get(name),
            KeyReference::Secret(_) => None,
        };
        let value = value.map(|value| SecretString::from(value.trim()));
        value.ok_or_else(|| StartError::NoConnectorKey {
            key: format!("objects.{name}"),
            reference: "the environment".to_owned(),
            remedy: format!("write objects.{name} = \"env:NAME\" and set NAME"),
        })
    };
    let session_token = keys.session_token.as_ref();
    let bucket = Bucket {
        name: url.name.clone(),
        prefix: url.prefix.clone(),
        endpoint: url.endpoint.clone(),
        region: url.region.clone(),
        access_key_id: find("access_key_id", &keys.access_key_id)?,
        secret_access_key: find("secret_access_key", &keys.secret_access_key)?,
        session_token: session_token
            .map(|reference| find("session_token", reference))
            .transpose()?,
    };
    reached(url, &bucket).await
}

fn folder(path: &Path, config: &Config) -> Result<Objects, StartError> {
    let folder = config.data_dir.join(path);
    make_private(&folder)?;
    let url = format!("file:{}", folder.display());
    Ok(Objects::open(&url, &config.data_dir)?)
}

async fn reached(url: &BucketUrl, bucket: &Bucket) -> Result<Objects, StartError> {
    let objects = Objects::bucket(bucket)?;
    let failed = |source| StartError::Bucket {
        bucket: url.shown(),
        source,
    };
    objects.reach().await.map_err(failed)?;
    Ok(objects)
}

async fn bucket(
    url: &BucketUrl,
    config: &Config,
    sources: &Sources<'_>,
) -> Result<Bucket, StartError> {
    let keys = &config.objects;
    let session_token = match &keys.session_token {
        Some(reference) => Some(key("session_token", reference, sources).await?),
        None => None,
    };
    Ok(Bucket {
        name: url.name.clone(),
        prefix: url.prefix.clone(),
        endpoint: url.endpoint.clone(),
        region: url.region.clone(),
        access_key_id: key("access_key_id", &keys.access_key_id, sources).await?,
        secret_access_key: key("secret_access_key", &keys.secret_access_key, sources).await?,
        session_token,
    })
}

async fn key(
    name: &str,
    reference: &KeyReference,
    sources: &Sources<'_>,
) -> Result<SecretString, StartError> {
    let value = sources.find(reference, "used for the bucket").await?;
    let value = value.ok_or_else(|| {
        let (reference, remedy) = match reference {
            KeyReference::Env(name) => (
                format!("the environment variable {name}"),
                format!("set {name} before you start the server"),
            ),
            KeyReference::Secret(name) => (
                format!("the secret {name}"),
                format!("run `wardroom secret set {name}`"),
            ),
        };
        StartError::NoConnectorKey {
            key: format!("objects.{name}"),
            reference,
            remedy,
        }
    })?;
    Ok(SecretString::from(value.expose_secret().trim()))
}
