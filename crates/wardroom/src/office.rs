//! The store of a data directory, opened without a server: for what must be possible before the
//! first start, after the last one, and when the server is broken.

use crate::failure::Failure;
use crate::machine;
use crate::place::Place;
use serde_json::Value;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use wardroom_domain::{AuditDraft, AuditKind, Chain, OrgId};
use wardroom_server::config::{Config, ORG_NAME};
use wardroom_server::rulebook::Author;
use wardroom_store::{AuditSigner, CommitError, OpenOptions, Store, StoreError, Touch, Write};

/// The store, opened to write, with the one org in it.
pub struct Office {
    pub store: Store,
    pub org: OrgId,
    signer: AuditSigner,
    actor: String,
}

impl Office {
    /// Opens the store, and makes it if there is none.
    pub async fn open(place: &Place) -> Result<Self, Failure> {
        let config = place.config()?;
        make_private(&place.data_dir)?;
        let key = config.audit_key_path();
        make_private(key.parent().unwrap_or(&place.data_dir))?;
        let store = config.open_store(OpenOptions::write(machine::now()))?;
        let fresh = OrgId::mint(machine::now(), machine::chance()?);
        let org = store.ensure_org(fresh, ORG_NAME, machine::now()).await?;
        let signer = AuditSigner::load_or_create(&key)?;
        Ok(Self {
            store,
            org,
            signer,
            actor: actor(),
        })
    }

    /// Writes a change with its audit record in one transaction, and signs where the log stands.
    pub async fn commit(&self, change: Write, kind: AuditKind, body: Value) -> Result<(), Failure> {
        let draft = AuditDraft {
            chain: Chain::Org,
            at: machine::now(),
            kind,
            actor: self.actor.clone(),
            tier: None,
            body,
        };
        self.write(vec![change, draft.into()]).await
    }

    /// The same for changes that bring their audit records themselves.
    pub async fn write(&self, writes: Vec<Write>) -> Result<(), Failure> {
        self.store.commit(self.org, writes).await?;
        self.store
            .anchor(self.org, &self.signer, machine::now())
            .await?;
        Ok(())
    }

    /// Who changes a document here.
    pub fn author(&self) -> Author {
        Author {
            actor: self.actor.clone(),
            via: "command line".to_owned(),
            at: machine::now(),
        }
    }

    /// Who has to do with a secret here.
    pub fn touch(&self) -> Touch {
        Touch {
            actor: self.actor.clone(),
            via: None,
            at: machine::now(),
        }
    }
}

/// The store of a data directory, opened to read, beside a server or without one.
pub fn open_to_read(config: &Config) -> Result<Store, Failure> {
    Ok(config.open_store(OpenOptions::read(machine::now()))?)
}

/// Makes a folder that is its owner's alone.
fn make_private(dir: &Path) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|error| {
        let sentence = format!("the folder {} cannot be made", dir.display());
        Failure::caused(
            sentence,
            &error,
            "Name another data directory with --data DIR.",
        )
    })
}

/// Who acts, as the operating system tells it.
fn actor() -> String {
    // The owner of /proc/self is the user that this process acts as.
    let uid = std::fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid());
    format!("unix uid {uid}")
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Locked { .. } => {
                "A server probably runs there; see `wardroom doctor`, or stop it with Ctrl-C."
            }
            StoreError::NotSetUp { .. } => "`wardroom up` does it, too.",
            _ => "",
        };
        Failure::new(error.to_string(), hint)
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Failed(error) => error.into(),
            error => Failure::new(error.to_string(), ""),
        }
    }
}

impl From<wardroom_server::Wrong> for Failure {
    fn from(wrong: wardroom_server::Wrong) -> Self {
        use wardroom_server::Wrong;
        match wrong {
            Wrong::Store(error) => error.into(),
            Wrong::Commit(error) => error.into(),
            wrong @ Wrong::PolicyRefused(_) => Self::new(
                wrong.to_string(),
                "See docs/security/policy.md for what a policy may say.",
            ),
            wrong => Self::new(wrong.to_string(), ""),
        }
    }
}
