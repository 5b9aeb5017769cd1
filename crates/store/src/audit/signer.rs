//! The key that signs anchors, kept outside the database, and the mark of the newest anchor beside
//! it, by which a cut tail of anchors shows.

use crate::{StoreError, key_file};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use wardroom_domain::{Digest, OrgId};
use zeroize::Zeroizing;

/// The newest anchor of an org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) number: i64,
    pub(super) hash: Digest,
}

type Marks = BTreeMap<String, Mark>;

/// Signs anchors.
#[derive(Clone)]
pub struct AuditSigner {
    inner: Arc<Inner>,
}

struct Inner {
    key: Ed25519KeyPair,
    marks_path: PathBuf,
    writing: Mutex<()>,
}

impl std::fmt::Debug for AuditSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuditSigner({})", self.public_key())
    }
}

impl AuditSigner {
    /// Reads the key of this file, which must be its owner's alone; makes one if there is no file.
    /// The public key is written beside it with the ending `pub`, the newest anchors with `head`.
    pub fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        let refused = refusal(path);
        let document = match key_file::read(path)? {
            Some(text) => text,
            None => create(path)?,
        };
        let document = hex::decode(document.trim())
            .map_err(|_| refused("it does not hold a signing key".to_owned()))?;
        let key = Ed25519KeyPair::from_pkcs8(&document)
            .map_err(|error| refused(format!("it does not hold a signing key: {error}")))?;
        let marks_path = path.with_extension("head");
        let signer = Self {
            inner: Arc::new(Inner {
                key,
                marks_path,
                writing: Mutex::default(),
            }),
        };
        let public_path = path.with_extension("pub");
        if fs::read_to_string(&public_path).ok() != Some(signer.public_key()) {
            write_atomically(&public_path, &signer.public_key())?;
        }
        Ok(signer)
    }

    /// The public key, in hexadecimal.
    pub fn public_key(&self) -> String {
        hex::encode(self.inner.key.public_key())
    }

    /// What checks the anchors of this signer.
    pub fn verifier(&self) -> AuditVerifier {
        AuditVerifier {
            public_key: self.inner.key.public_key().as_ref().to_vec(),
            marks_path: Some(self.inner.marks_path.clone()),
        }
    }

    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        self.inner.key.sign(text.as_bytes()).as_ref().to_vec()
    }

    /// Notes the newest anchor beside the key.
    pub(super) fn note(&self, org: OrgId, mark: Mark) -> Result<(), StoreError> {
        let _alone = self
            .inner
            .writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut marks = read_marks(&self.inner.marks_path)?;
        marks.insert(org.to_string(), mark);
        write_atomically(&self.inner.marks_path, &crate::sql::json(&marks))
    }
}

/// Checks anchors.
#[derive(Clone, Debug)]
pub struct AuditVerifier {
    public_key: Vec<u8>,
    marks_path: Option<PathBuf>,
}

impl AuditVerifier {
    /// Reads a public key as the signer wrote it; the marks of the newest anchors are read beside
    /// it where they are.
    pub fn load(public_key: &Path) -> Result<Self, StoreError> {
        let refused = refusal(public_key);
        let text = fs::read_to_string(public_key).map_err(|error| refused(error.to_string()))?;
        let key = hex::decode(text.trim())
            .map_err(|_| refused("it does not hold a public key".to_owned()))?;
        Ok(Self {
            public_key: key,
            marks_path: Some(public_key.with_extension("head")),
        })
    }

    pub(super) fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key)
            .verify(text.as_bytes(), signature)
            .is_ok()
    }

    pub(super) fn marks(&self) -> Result<Marks, StoreError> {
        self.marks_path
            .as_ref()
            .map_or_else(|| Ok(Marks::new()), |path| read_marks(path))
    }
}

fn refusal(path: &Path) -> impl Fn(String) -> StoreError {
    move |reason| key_file::refusal(path, reason)
}

fn create(path: &Path) -> Result<Zeroizing<String>, StoreError> {
    let refused = refusal(path);
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| refused("the system gave no randomness for a key".to_owned()))?;
    let text = Zeroizing::new(hex::encode(document.as_ref()));
    key_file::create(path, &text)?;
    Ok(text)
}

fn read_marks(path: &Path) -> Result<Marks, StoreError> {
    let refused = refusal(path);
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map_err(|error| refused(format!("it does not hold the newest anchors: {error}"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Marks::new()),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn write_atomically(path: &Path, text: &str) -> Result<(), StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| refusal(path)(error.to_string()))
}
