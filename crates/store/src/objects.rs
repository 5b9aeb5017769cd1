//! Large bytes: artifacts, uploads, snapshots. Written whole or not at all, and on the disk before
//! the transaction that names them. They lie in a folder, or in a bucket of an S3 service.

mod bucket;

pub use bucket::Bucket;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use std::path::Path;
use std::sync::Arc;
use wardroom_domain::Digest;

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The key of these bytes: the same bytes have the same key.
    pub fn of(bytes: &[u8]) -> Self {
        let digits = hex::encode(Digest::of_bytes(bytes).as_bytes());
        Self(format!("sha256/{}/{}", &digits[..2], &digits[2..]))
    }

    /// A key by name, such as `snapshots/task_…/eff_…`. Slashes divide folders; nothing in it can
    /// lead out of the store.
    pub fn named(name: &str) -> Result<Self, ObjectError> {
        ObjectPath::parse(name)
            .map(|path| Self(path.to_string()))
            .map_err(|error| ObjectError::BadKey {
                key: name.to_owned(),
                reason: error.to_string(),
            })
    }

    /// The key as it is stored in a row.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object could not be kept or fetched.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The URL in the configuration is not one that we know.
    #[error("`{url}` is not a place for objects; write `file:FOLDER`")]
    BadUrl {
        /// What was given.
        url: String,
    },
    /// The key is not one.
    #[error("`{key}` cannot name an object: {reason}")]
    BadKey {
        /// What was given.
        key: String,
        /// Why.
        reason: String,
    },
    /// There is no such object.
    #[error("there is no object `{key}`; it may have been removed from the object store")]
    Missing {
        /// Its key.
        key: ObjectKey,
    },
    /// It is larger than the reader can take.
    #[error("the object `{key}` has {bytes} bytes, more than the {bytes_max} that fit here")]
    TooLarge {
        /// Its key.
        key: ObjectKey,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        bytes_max: u64,
    },
    /// The place failed.
    #[error(
        "the object store failed while {attempt}: {source}; check that it is there, its space and its rights"
    )]
    Failed {
        /// What we were doing.
        attempt: &'static str,
        /// What it said.
        source: object_store::Error,
    },
    /// Its content is not the one that its key names.
    #[error("the object `{key}` is not what it was when it was written; restore it from a backup")]
    Changed {
        /// Its key.
        key: ObjectKey,
    },
    /// A bucket does not give back what was put there.
    #[error(
        "the bucket keeps something else than what is written to it; check what [objects] url names"
    )]
    Unfaithful,
    /// The folder could not be made.
    #[error("cannot make the folder for objects: {0}")]
    Folder(#[from] std::io::Error),
}

impl ObjectError {
    /// Whether waiting may help: the place is away, slow or full. Rights and keys want a person.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Failed {
                source: object_store::Error::Generic { .. },
                ..
            }
        )
    }
}

/// The object store.
#[derive(Clone)]
pub struct Objects {
    place: Arc<dyn ObjectStore>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What it is made of knows keys.
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl Objects {
    /// Opens the place of this URL; `file:objects` is a folder relative to `base`.
    pub fn open(url: &str, base: &Path) -> Result<Self, ObjectError> {
        let folder = url
            .strip_prefix("file:")
            .filter(|folder| !folder.is_empty())
            .ok_or_else(|| ObjectError::BadUrl {
                url: url.to_owned(),
            })?;
        let folder = base.join(folder);
        std::fs::create_dir_all(&folder)?;
        let place = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|source| ObjectError::Failed {
                attempt: "opening it",
                source,
            })?
            .with_fsync(true);
        Ok(Self {
            place: Arc::new(place),
        })
    }

    /// A bucket of an S3 service. Nothing is asked of it yet.
    pub fn bucket(bucket: &Bucket) -> Result<Self, ObjectError> {
        Ok(Self {
            place: bucket.open()?,
        })
    }

    /// Writes something and reads it back, so that a wrong bucket or key is told before anybody
    /// relies on it.
    pub async fn reach(&self) -> Result<(), ObjectError> {
        const WORDS: &[u8] = b"wardroom keeps objects here\n";
        let key = ObjectKey("reached".to_owned());
        self.put_at(&key, Bytes::from_static(WORDS)).await?;
        match self.get(&key, WORDS.len() as u64).await? == WORDS {
            true => Ok(()),
            false => Err(ObjectError::Unfaithful),
        }
    }

    /// Keeps bytes under the key of their content.
    pub async fn put(&self, bytes: Bytes) -> Result<ObjectKey, ObjectError> {
        let key = ObjectKey::of(&bytes);
        if !self.exists(&key).await? {
            self.put_at(&key, bytes).await?;
        }
        Ok(key)
    }

    /// Keeps bytes under this key, in place of what was there.
    pub async fn put_at(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), ObjectError> {
        let failed = |source| ObjectError::Failed {
            attempt: "writing an object",
            source,
        };
        self.place
            .put(&path_of(key), bytes.into())
            .await
            .map(drop)
            .map_err(failed)
    }

    /// Fetches an object that has at most so many bytes.
    pub async fn get(&self, key: &ObjectKey, bytes_max: u64) -> Result<Bytes, ObjectError> {
        let found = match self.place.get(&path_of(key)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                return Err(ObjectError::Missing { key: key.clone() });
            }
            Err(source) => {
                return Err(ObjectError::Failed {
                    attempt: "reading an object",
                    source,
                });
            }
        };
        let bytes = found.meta.size;
        if bytes > bytes_max {
            return Err(ObjectError::TooLarge {
                key: key.clone(),
                bytes,
                bytes_max,
            });
        }
        let failed = |source| ObjectError::Failed {
            attempt: "reading an object",
            source,
        };
        found.bytes().await.map_err(failed)
    }

    /// Whether there is such an object.
    pub async fn exists(&self, key: &ObjectKey) -> Result<bool, ObjectError> {
        match self.place.head(&path_of(key)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(ObjectError::Failed {
                attempt: "looking for an object",
                source,
            }),
        }
    }

    /// Carries an object to another store. One that its content names must still be that content.
    pub async fn carry(
        &self,
        key: &ObjectKey,
        bytes_max: u64,
        to: &Self,
    ) -> Result<(), ObjectError> {
        let bytes = self.get(key, bytes_max).await?;
        if key.as_str().starts_with("sha256/") && ObjectKey::of(&bytes) != *key {
            return Err(ObjectError::Changed { key: key.clone() });
        }
        match to.exists(key).await? {
            true => Ok(()),
            false => to.put_at(key, bytes).await,
        }
    }

    /// Removes an object; one that is not there is as good as removed.
    pub async fn remove(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        match self.place.delete(&path_of(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(ObjectError::Failed {
                attempt: "removing an object",
                source,
            }),
        }
    }
}

fn path_of(key: &ObjectKey) -> ObjectPath {
    ObjectPath::from(key.as_str())
}
