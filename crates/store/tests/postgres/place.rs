//! Where the suite keeps its rows: a database of its own on a real server.

use std::path::Path;
use wardroom_store::{OpenOptions, Store, StoreError};
use wardroom_testkit::postgres::Database;

pub struct Place(Database);

impl Place {
    /// Commits run beside each other.
    pub const HAS_ONE_WRITER: bool = false;
    /// How many random plays are worth their time.
    pub const PLAYS: u32 = 4;

    pub fn fresh(_: &Path) -> Self {
        Self(Database::fresh())
    }

    pub fn open(&self, options: OpenOptions) -> Result<Store, StoreError> {
        Store::connect(&self.url(), options)
    }

    pub fn url(&self) -> String {
        self.0.url()
    }
}
