//! The key of a model. It may be replaced while the model is in use: whoever asks next shows the
//! new one.

use secrecy::SecretString;
use std::sync::{Arc, PoisonError, RwLock};

/// A key that several share; empty where none is needed.
#[derive(Clone, Debug, Default)]
pub struct ApiKey(Arc<RwLock<Option<SecretString>>>);

impl ApiKey {
    /// The key as it is now.
    pub fn current(&self) -> Option<SecretString> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts another in its place; none takes it away.
    pub fn replace(&self, key: Option<SecretString>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl From<Option<SecretString>> for ApiKey {
    fn from(key: Option<SecretString>) -> Self {
        Self(Arc::new(RwLock::new(key)))
    }
}
