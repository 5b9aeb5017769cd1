//! Where the suite keeps its rows: a database of its own on a real server, worked in by a role that
//! owns nothing, so that all of the suite runs behind the wall between orgs.

use std::path::Path;
use wardroom_store::{OpenOptions, Servers, Store, StoreError};
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
        Store::connect_to(&self.servers(), options)
    }

    pub fn servers(&self) -> Servers {
        Servers {
            database: self.0.service_url(),
            owner: Some(self.0.url()),
            bus: None,
        }
    }

    pub fn service_url(&self) -> String {
        self.0.service_url()
    }

    pub fn url(&self) -> String {
        self.0.url()
    }
}
