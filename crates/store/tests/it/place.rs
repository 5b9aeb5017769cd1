//! Where the suite keeps its rows: a database file.

use std::path::{Path, PathBuf};
use wardroom_store::{OpenOptions, Store, StoreError};

pub struct Place(PathBuf);

impl Place {
    /// What is queued at once becomes one transaction.
    pub const HAS_ONE_WRITER: bool = true;
    /// How many random plays are worth their time.
    pub const PLAYS: u32 = 12;

    pub fn fresh(folder: &Path) -> Self {
        Self(folder.join("wardroom.db"))
    }

    pub fn open(&self, options: OpenOptions) -> Result<Store, StoreError> {
        Store::open(&self.0, options)
    }

    pub fn file(&self) -> PathBuf {
        self.0.clone()
    }
}
