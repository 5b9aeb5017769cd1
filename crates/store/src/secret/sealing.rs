//! The envelope around a secret: its value under a random data key, that key under the master key,
//! each bound to the org, the name and the version that it was made for.

use crate::{StoreError, key_file};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ring::rand::{SecureRandom, SystemRandom};
use std::path::Path;
use wardroom_domain::OrgId;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

type Key = Zeroizing<[u8; 32]>;

/// The key that seals the data keys. It is kept outside the database, as text: base64.
pub struct MasterKey(Key);

impl MasterKey {
    /// The key that a text holds; `place` says where the text stood.
    pub fn parse(text: &str, place: &str) -> Result<Self, StoreError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).unwrap_or_default());
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(Self(Zeroizing::new(key))),
            Err(_) => Err(StoreError::MasterKey {
                place: place.to_owned(),
            }),
        }
    }

    /// The key of a file, which must be its owner's alone; none if there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, StoreError> {
        let text = key_file::read(path)?;
        text.map(|text| Self::parse(&text, &path.display().to_string()))
            .transpose()
    }

    /// The same; makes a key and its file if there is none.
    pub fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        match Self::load(path)? {
            Some(key) => Ok(key),
            None => Self::create(path),
        }
    }

    /// A new key in a file that is not there yet.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let key = Self(random()?);
        let text = Zeroizing::new(STANDARD.encode(*key.0));
        key_file::create(path, &text)?;
        Ok(key)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

/// What a sealed value belongs to: anywhere else it does not open.
pub(super) struct Owner<'a> {
    pub(super) org: OrgId,
    pub(super) name: &'a str,
    pub(super) version: i64,
}

impl Owner<'_> {
    /// INVARIANT: neither an org nor a name holds a line's end, so no two owners read alike.
    fn bind(&self, part: &str) -> String {
        let (org, name, version) = (self.org, self.name, self.version);
        format!("wardroom secret {part}\n{org}\n{name}\n{version}")
    }
}

/// A value and its data key, as they are stored.
#[derive(Clone)]
pub(super) struct Envelope {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Envelope {
    pub(super) fn seal(
        master: &MasterKey,
        owner: &Owner<'_>,
        value: &str,
    ) -> Result<Self, StoreError> {
        let data: Key = random()?;
        Ok(Self {
            key: seal(&master.0, data.as_slice(), &owner.bind("key"))?,
            value: seal(&data, value.as_bytes(), &owner.bind("value"))?,
        })
    }

    /// The same data key under another master key; none if it does not open under the first.
    pub(super) fn reseal_key(
        sealed: &[u8],
        from: &MasterKey,
        to: &MasterKey,
        owner: &Owner<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match open(&from.0, sealed, &owner.bind("key")) {
            Some(data) => seal(&to.0, &Zeroizing::new(data), &owner.bind("key")).map(Some),
            None => Ok(None),
        }
    }

    /// The value; none if the key or the owner is another than it was sealed with.
    pub(super) fn open(&self, master: &MasterKey, owner: &Owner<'_>) -> Option<String> {
        let data = Zeroizing::new(open(&master.0, &self.key, &owner.bind("key"))?);
        let data: Key = Zeroizing::new(data.as_slice().try_into().ok()?);
        String::from_utf8(open(&data, &self.value, &owner.bind("value"))?).ok()
    }
}

/// The nonce, followed by the sealed text.
fn seal(key: &Key, text: &[u8], owner: &str) -> Result<Vec<u8>, StoreError> {
    let nonce: Zeroizing<[u8; NONCE_BYTES]> = random()?;
    let payload = Payload {
        msg: text,
        aad: owner.as_bytes(),
    };
    let sealed = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| StoreError::NoRandomness)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(key: &Key, sealed: &[u8], owner: &str) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: sealed,
        aad: owner.as_bytes(),
    };
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from(*nonce), payload)
        .ok()
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError>
where
    [u8; N]: zeroize::Zeroize,
{
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new()
        .fill(bytes.as_mut_slice())
        .map_err(|_| StoreError::NoRandomness)?;
    Ok(bytes)
}
