//! Secrets: sealed at rest, never listed with their values, and on the record whenever one is set,
//! removed or used.
//!
//! The record is written here and not left to the caller, in the transaction of the change, and
//! before a value is given out. Where the master key comes from is the caller's business.

mod sealing;

pub use sealing::MasterKey;

use crate::boundary::Boundary;
use crate::people::found;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::{Apply, Write};
use crate::{CommitError, Conflict, HoldTask, Store, StoreError};
use sealing::{Envelope, Owner};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use wardroom_domain::{AuditDraft, AuditKind, Chain, OrgId, Timestamp, limits};

/// What a secret is called: what `secret:NAME` says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(String);

/// Why something can be no secret, or no name of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitSecret {
    /// The name.
    #[error("the name of a secret has 1 to 64 ASCII letters, digits, `-`, `_` and `.`")]
    Name,
    /// The value.
    #[error("the value of a secret is empty; nothing was stored")]
    Empty,
    /// The value.
    #[error(
        "the value of a secret has at most {} bytes; nothing was stored",
        limits::SECRET_BYTES_MAX
    )]
    TooLong,
}

impl SecretName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, UnfitSecret> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(UnfitSecret::Name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text as the value of a secret.
pub fn fit_value(text: String) -> Result<SecretString, UnfitSecret> {
    let value = SecretString::from(text);
    match value.expose_secret() {
        text if text.trim().is_empty() => Err(UnfitSecret::Empty),
        text if text.len() > limits::SECRET_BYTES_MAX => Err(UnfitSecret::TooLong),
        _ => Ok(value),
    }
}

/// Who has to do with a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// `user_…`, `system`, or what the operating system calls him.
    pub actor: String,
    /// How he came in.
    pub via: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Touch {
    fn record(&self, name: &SecretName, version: i64, purpose: &str) -> AuditDraft {
        let mut body = json!({"secret": name.as_str(), "version": version, "purpose": purpose});
        if let Some(via) = &self.via {
            body["via"] = json!(via);
        }
        AuditDraft {
            chain: Chain::Org,
            at: self.at,
            kind: AuditKind::SecretTouched,
            actor: self.actor.clone(),
            tier: None,
            body,
        }
    }
}

/// A secret gets its next version. Made by [`Store::seal_secret`].
#[derive(Clone)]
pub struct SetSecret {
    name: SecretName,
    version: i64,
    envelope: Envelope,
    touch: Touch,
}

impl SetSecret {
    /// Which version it will be.
    pub fn version(&self) -> i64 {
        self.version
    }
}

impl std::fmt::Debug for SetSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetSecret")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A secret is removed, its sealed value with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveSecret {
    /// Which.
    pub name: SecretName,
    /// By whom.
    pub touch: Touch,
}

/// Every secret in force gets another master key. Made by [`Store::reseal_secrets`].
#[derive(Clone)]
pub struct ResealSecrets {
    keys: Vec<(String, i64, Vec<u8>)>,
    touch: Touch,
}

impl ResealSecrets {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

impl std::fmt::Debug for ResealSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.keys.iter().map(|(name, version, _)| (name, version));
        f.debug_list().entries(names).finish()
    }
}

impl Apply for ResealSecrets {
    /// All of them or none: a secret that came meanwhile would be sealed with a key that is gone.
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let standing: Option<(i64,)> = at
            .tx
            .one(
                "SELECT COUNT(*) FROM secret WHERE org = $1 AND removed_at IS NULL",
                params![at.org],
            )
            .await?;
        let moved = |name: &str| Conflict::SecretMoved {
            name: name.to_owned(),
        };
        if standing != Some((self.keys.len() as i64,)) {
            return Err(moved("of the store").into());
        }
        for (name, version, sealed) in &self.keys {
            let sql = "UPDATE secret SET sealed_key = $4 WHERE org = $1 AND name = $2 \
                       AND version = $3 AND removed_at IS NULL";
            let touched = at
                .tx
                .execute(sql, params![at.org, name, *version, sealed.as_slice()])
                .await?;
            if touched != 1 {
                return Err(moved(name).into());
            }
        }
        let body = json!({"secrets": self.keys.len(), "purpose": "sealed under a new master key",
            "via": self.touch.via});
        let record = AuditDraft {
            chain: Chain::Org,
            at: self.touch.at,
            kind: AuditKind::SecretTouched,
            actor: self.touch.actor.clone(),
            tier: None,
            body,
        };
        record.apply(at).await
    }
}

/// A secret as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// What it is called.
    pub name: String,
    /// Its version in force, from 1.
    pub version: i64,
    /// When that was set.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl Record for SecretRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            name: columns.take()?,
            version: columns.take()?,
            created_at: columns.take()?,
            created_by: columns.take()?,
        })
    }
}

const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM secret WHERE org = $1 AND name = $2";

impl Apply for SetSecret {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let name = self.name.as_str();
        let newest: Option<(i64,)> = at.tx.one(NEWEST, params![at.org, name]).await?;
        if newest != Some((self.version - 1,)) {
            return Err(Conflict::SecretMoved {
                name: name.to_owned(),
            }
            .into());
        }
        retire(at, &self.name, self.touch.at).await?;
        let (key, value) = (self.envelope.key.as_slice(), self.envelope.value.as_slice());
        at.tx
            .execute(
                "INSERT INTO secret (org, name, version, sealed_key, sealed_value, created_at, \
                 created_by) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                params![
                    at.org,
                    name,
                    self.version,
                    key,
                    value,
                    self.touch.at,
                    self.touch.actor
                ],
            )
            .await?;
        let record = self.touch.record(&self.name, self.version, "set");
        record.apply(at).await?;
        Ok(Some(self.version))
    }
}

impl Apply for RemoveSecret {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let newest: Option<(i64,)> = at.tx.one(NEWEST, params![at.org, self.name.0]).await?;
        let (version,) = newest.unwrap_or_default();
        let touched = retire(at, &self.name, self.touch.at).await?;
        found(touched, "secret", &self.name)?;
        let record = self.touch.record(&self.name, version, "removed");
        record.apply(at).await?;
        Ok(Some(version))
    }
}

/// Ends the version in force. What nobody can use any more is not kept, not even sealed.
async fn retire<T: Tx>(
    at: &mut Boundary<'_, T>,
    name: &SecretName,
    when: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "UPDATE secret SET removed_at = $3, sealed_key = NULL, sealed_value = NULL \
               WHERE org = $1 AND name = $2 AND removed_at IS NULL";
    at.tx.execute(sql, params![at.org, name.0, when]).await
}

impl Store {
    /// The secrets in force, by name; never their values.
    pub async fn secret_names(&self, org: OrgId) -> Result<Vec<SecretRow>, StoreError> {
        let sql = "SELECT name, version, created_at, created_by FROM secret \
                   WHERE org = $1 AND removed_at IS NULL ORDER BY name";
        self.all(sql, params![org]).await
    }

    /// Seals the next version of a secret, to be committed. The value goes no further than here.
    pub async fn seal_secret(
        &self,
        org: OrgId,
        name: &SecretName,
        value: &SecretString,
        key: &MasterKey,
        touch: Touch,
    ) -> Result<SetSecret, StoreError> {
        let newest: Option<(i64,)> = self.one(NEWEST, params![org, name.0]).await?;
        let version = newest.unwrap_or_default().0 + 1;
        let owner = Owner {
            org,
            name: name.as_str(),
            version,
        };
        Ok(SetSecret {
            name: name.clone(),
            version,
            envelope: Envelope::seal(key, &owner, value.expose_secret())?,
            touch,
        })
    }

    /// Seals the data keys of all secrets in force under another master key, to be committed.
    pub async fn reseal_secrets(
        &self,
        org: OrgId,
        from: &MasterKey,
        to: &MasterKey,
        touch: Touch,
    ) -> Result<ResealSecrets, StoreError> {
        let sql = "SELECT name, version, sealed_key FROM secret \
                   WHERE org = $1 AND removed_at IS NULL ORDER BY name";
        let rows: Vec<(String, i64, Vec<u8>)> = self.all(sql, params![org]).await?;
        let mut keys = Vec::new();
        for (name, version, sealed) in rows {
            let owner = Owner {
                org,
                name: &name,
                version,
            };
            match Envelope::reseal_key(&sealed, from, to, &owner)? {
                Some(sealed) => keys.push((name, version, sealed)),
                None => return Err(StoreError::Sealed { name }),
            }
        }
        Ok(ResealSecrets { keys, touch })
    }

    /// Whether the secrets in force are sealed under this key. Where there are none, any fits.
    pub async fn fits_secrets(&self, org: OrgId, key: &MasterKey) -> Result<bool, StoreError> {
        let sql = "SELECT name, version, sealed_key FROM secret \
                   WHERE org = $1 AND removed_at IS NULL ORDER BY name LIMIT 1";
        let row: Option<(String, i64, Vec<u8>)> = self.one(sql, params![org]).await?;
        let Some((name, version, sealed)) = row else {
            return Ok(true);
        };
        let owner = Owner {
            org,
            name: &name,
            version,
        };
        Ok(Envelope::reseal_key(&sealed, key, key, &owner)?.is_some())
    }

    /// The value of a secret, if there is one. That it was opened, and what for, is on the record
    /// before it is given out.
    pub async fn open_secret(
        &self,
        org: OrgId,
        name: &SecretName,
        key: &MasterKey,
        purpose: &str,
        touch: Touch,
    ) -> Result<Option<SecretString>, CommitError> {
        self.open_while(org, name, key, purpose, touch, None).await
    }

    /// The same for a worker, as long as it holds its task.
    pub async fn lend_secret(
        &self,
        org: OrgId,
        name: &SecretName,
        key: &MasterKey,
        purpose: &str,
        touch: Touch,
        hold: HoldTask,
    ) -> Result<Option<SecretString>, CommitError> {
        self.open_while(org, name, key, purpose, touch, Some(hold))
            .await
    }

    async fn open_while(
        &self,
        org: OrgId,
        name: &SecretName,
        key: &MasterKey,
        purpose: &str,
        touch: Touch,
        hold: Option<HoldTask>,
    ) -> Result<Option<SecretString>, CommitError> {
        let sql = "SELECT version, sealed_key, sealed_value FROM secret \
                   WHERE org = $1 AND name = $2 AND removed_at IS NULL";
        let row: Option<(i64, Vec<u8>, Vec<u8>)> = self.one(sql, params![org, name.0]).await?;
        let Some((version, sealed_key, sealed_value)) = row else {
            return Ok(None);
        };
        let envelope = Envelope {
            key: sealed_key,
            value: sealed_value,
        };
        let owner = Owner {
            org,
            name: name.as_str(),
            version,
        };
        let value = envelope.open(key, &owner).map(SecretString::from);
        let value = value.ok_or_else(|| StoreError::Sealed {
            name: name.to_string(),
        })?;
        let record = touch.record(name, version, purpose);
        let mut writes: Vec<Write> = hold.into_iter().map(Write::from).collect();
        writes.push(record.into());
        self.commit(org, writes).await?;
        Ok(Some(value))
    }
}
