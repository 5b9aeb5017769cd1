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
            lease: None,
        }
    }

    /// Statements that only a test would ask for.
    pub async fn execute(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.unwrap();
    }

    /// As the owner, whom nothing holds.
    pub async fn client(&self) -> tokio_postgres::Client {
        let url = self.0.url();
        let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls);
        let (client, connection) = connecting.await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A row of numbers from 1.
    pub fn numbers(count: u32) -> String {
        format!("generate_series(1, {count}) AS n (i)")
    }

    /// A number with its leading zeroes.
    pub const PADDED: &str = "lpad(i::TEXT, 26, '0')";

    /// The columns of a table.
    pub async fn columns(&self, table: &str) -> Vec<String> {
        let sql = "SELECT column_name::TEXT FROM information_schema.columns \
                   WHERE table_name = $1 AND table_schema = 'public' ORDER BY ordinal_position";
        let rows = self.client().await.query(sql, &[&table]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub fn service_url(&self) -> String {
        self.0.service_url()
    }

    pub fn url(&self) -> String {
        self.0.url()
    }
}
