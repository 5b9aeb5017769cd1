//! Where the master key is kept, and what needs it: sealing a secret, and opening one.

use crate::config::Config;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use wardroom_domain::OrgId;
use wardroom_store::{
    CommitError, HoldTask, MasterKey, SecretName, SetSecret, Store, StoreError, Touch,
};

/// The variable that may hold the master key.
const VARIABLE: &str = "WARDROOM_MASTER_KEY";
/// The name of the systemd credential that may hold it.
const CREDENTIAL: &str = "wardroom-master-key";

/// Where the master key is kept. It is read when it is needed, and nobody holds on to it.
#[derive(Clone, Debug)]
pub struct Vault {
    given: Option<Given>,
    /// In the data directory; counts where nothing was given.
    file: PathBuf,
    /// Held for reading while a secret is sealed and stored, for writing while the key changes.
    steady: Arc<RwLock<()>>,
}

/// A key that whoever starts us looks after.
#[derive(Clone, Debug)]
enum Given {
    Variable(SecretString),
    /// A file that systemd made, and guards.
    Credential(PathBuf),
}

impl Vault {
    /// Looks where the master key is: in the environment, in what systemd hands over, else in the
    /// data directory.
    pub fn find(config: &Config, environment: impl Fn(&str) -> Option<String>) -> Self {
        let variable = environment(VARIABLE).filter(|text| !text.trim().is_empty());
        let variable = variable.map(|text| Given::Variable(SecretString::from(text)));
        let credential = || {
            let path = Path::new(&environment("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
            path.exists().then_some(Given::Credential(path))
        };
        Self {
            given: variable.or_else(credential),
            file: config.master_key_path(),
            steady: Arc::default(),
        }
    }

    /// As long as this is held, the master key stays what it is.
    pub async fn steady(&self) -> OwnedRwLockReadGuard<()> {
        self.steady.clone().read_owned().await
    }

    /// Makes a new master key, seals every secret under it and puts it in the place of the old one.
    /// Whoever opens a secret meanwhile finds one of the two that fits. Answers how many they were.
    pub async fn rotate(
        &self,
        store: &Store,
        org: OrgId,
        touch: Touch,
    ) -> Result<usize, CommitError> {
        let _alone = self.steady.write().await;
        if self.given.is_some() {
            let reason = "the master key comes from outside of the data directory, so it is changed \
                          there: unset it, with the key in the file, to have it changed here";
            return Err(refused(&self.file, reason.to_owned()).into());
        }
        let old = self.fitting(store, org).await?;
        let old = old.ok_or_else(|| self.lost())?;
        let next = self.next_file();
        // What an interrupted change left behind fits nothing.
        let _ = std::fs::remove_file(&next);
        let new = MasterKey::create(&next)?;
        let resealed = store.reseal_secrets(org, &old, &new, touch).await?;
        let count = resealed.count();
        store.commit(org, vec![resealed.into()]).await?;
        self.settle_next()?;
        Ok(count)
    }

    fn next_file(&self) -> PathBuf {
        self.file.with_extension("key.next")
    }

    fn settle_next(&self) -> Result<(), StoreError> {
        std::fs::rename(self.next_file(), &self.file)
            .map_err(|error| refused(&self.file, error.to_string()))
    }

    /// The key that the secrets are sealed under: the one in its place, or the next one, where a
    /// change was cut off between the store and the file.
    async fn fitting(&self, store: &Store, org: OrgId) -> Result<Option<MasterKey>, StoreError> {
        let key = self.load()?;
        if self.given.is_some() || !self.next_file().exists() {
            return Ok(key);
        }
        if let Some(key) = key
            && store.fits_secrets(org, &key).await?
        {
            return Ok(Some(key));
        }
        match MasterKey::load(&self.next_file())? {
            Some(next) if store.fits_secrets(org, &next).await? => {
                self.settle_next()?;
                Ok(Some(next))
            }
            _ => self.load(),
        }
    }

    /// Seals the next version of a secret, to be committed. The first secret of a data directory
    /// makes its master key.
    pub async fn seal(
        &self,
        store: &Store,
        org: OrgId,
        name: &SecretName,
        value: &SecretString,
        touch: Touch,
    ) -> Result<SetSecret, StoreError> {
        let key = match self.fitting(store, org).await? {
            Some(key) => key,
            // A second key beside a lost one would only hide that the older secrets are lost, too.
            None if store.secret_names(org).await?.is_empty() => {
                MasterKey::load_or_create(&self.file)?
            }
            None => return Err(self.lost()),
        };
        store.seal_secret(org, name, value, &key, touch).await
    }

    /// The value of a secret that is there, for a purpose that goes on the record.
    pub async fn open(
        &self,
        store: &Store,
        org: OrgId,
        name: &SecretName,
        purpose: &str,
        touch: Touch,
    ) -> Result<Option<SecretString>, CommitError> {
        let names = store.secret_names(org).await?;
        if !names.iter().any(|row| row.name == name.as_str()) {
            return Ok(None);
        }
        let key = self.fitting(store, org).await?;
        let key = key.ok_or_else(|| self.lost())?;
        store.open_secret(org, name, &key, purpose, touch).await
    }

    /// The same for a worker, as long as it holds its task.
    pub async fn lend(
        &self,
        store: &Store,
        org: OrgId,
        name: &SecretName,
        purpose: &str,
        touch: Touch,
        hold: HoldTask,
    ) -> Result<Option<SecretString>, CommitError> {
        let key = self.fitting(store, org).await?;
        let key = key.ok_or_else(|| self.lost())?;
        store
            .lend_secret(org, name, &key, purpose, touch, hold)
            .await
    }

    /// Refuses a master key that does not open what is stored, before anybody needs it.
    pub(crate) async fn require_fit(&self, store: &Store, org: OrgId) -> Result<(), StoreError> {
        if store.secret_names(org).await?.is_empty() {
            return Ok(());
        }
        let key = self.fitting(store, org).await?;
        let key = key.ok_or_else(|| self.lost())?;
        match store.fits_secrets(org, &key).await? {
            true => Ok(()),
            false => Err(refused(
                &self.file,
                format!(
                    "the secrets of this database are sealed with another master key; copy \
                     keys/master.key from the data directory that set them, or give both \
                     processes the same {VARIABLE}"
                ),
            )),
        }
    }

    fn load(&self) -> Result<Option<MasterKey>, StoreError> {
        match &self.given {
            None => MasterKey::load(&self.file),
            Some(Given::Variable(text)) => {
                MasterKey::parse(text.expose_secret(), VARIABLE).map(Some)
            }
            Some(Given::Credential(path)) => {
                let text = std::fs::read_to_string(path).map(SecretString::from);
                let text = text.map_err(|error| refused(path, error.to_string()))?;
                let place = format!("the credential {CREDENTIAL}");
                MasterKey::parse(text.expose_secret(), &place).map(Some)
            }
        }
    }

    fn lost(&self) -> StoreError {
        let reason = "the master key of the stored secrets is not there; put it back, or remove \
                      them with `wardroom secret remove NAME` and set them again";
        refused(&self.file, reason.to_owned())
    }
}

fn refused(path: &Path, reason: String) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        reason,
    }
}
