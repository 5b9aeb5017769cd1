//! A bucket of an S3 service.

use super::ObjectError;
use object_store::aws::AmazonS3Builder;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// How long one request may take: the largest object is some megabytes.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a request is tried, and for how long: somebody waits for it.
const RETRIES_MAX: usize = 4;
const RETRY_TIME_MAX: Duration = Duration::from_secs(20);

/// Where it is, and what proves who we are.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// A folder in it; empty for all of it.
    pub prefix: String,
    /// The service; none for Amazon's own.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// Which key signs.
    pub access_key_id: SecretString,
    /// The key.
    pub secret_access_key: SecretString,
    /// What goes with a key that ends.
    pub session_token: Option<SecretString>,
}

impl Bucket {
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>, ObjectError> {
        // Somebody else's provider would do as well; without any the client ends the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = ClientOptions::new()
            .with_allow_http(true)
            .with_timeout(REQUEST_TIME_MAX)
            .with_connect_timeout(CONNECT_TIME_MAX);
        let retries = RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIME_MAX,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_access_key_id(self.access_key_id.expose_secret())
            .with_secret_access_key(self.secret_access_key.expose_secret())
            .with_client_options(options)
            .with_retry(retries);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(token) = &self.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        let bucket = builder.build().map_err(|source| ObjectError::Failed {
            attempt: "opening the bucket",
            source,
        })?;
        Ok(match self.prefix.as_str() {
            "" => Arc::new(bucket),
            prefix => Arc::new(PrefixStore::new(bucket, prefix)),
        })
    }
}
