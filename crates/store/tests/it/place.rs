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

    /// Statements that only a test would ask for, while no store is open.
    pub async fn execute(&self, sql: &str) {
        let connection = rusqlite::Connection::open(&self.0).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// A row of numbers from 1.
    pub fn numbers(count: u32) -> String {
        format!(
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             SELECT i FROM n)"
        )
    }

    /// A number with its leading zeroes.
    pub const PADDED: &str = "printf('%026d', i)";

    /// The columns of a table.
    pub async fn columns(&self, table: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open(&self.0).unwrap();
        let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([table], |row| row.get(0)).unwrap();
        rows.map(|name| name.unwrap()).collect()
    }

    pub fn file(&self) -> PathBuf {
        self.0.clone()
    }
}
