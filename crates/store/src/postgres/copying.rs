//! One long transaction that fills an empty database, and the hold that keeps servers from working
//! on one that is read.

use super::address::Address;
use super::value::{Param, type_of};
use super::{Places, Pool, failed, migrate, pool, unreachable, wall};
use crate::sql::Value;
use crate::{Servers, StoreError};
use deadpool_postgres::Client;
use tokio_postgres::types::ToSql;
use wardroom_domain::{OrgId, Timestamp};

/// A connection in a transaction.
pub(crate) struct Target {
    client: Client,
    _pool: Pool,
}

impl Target {
    /// Makes the tables if they are not there, and begins. Nobody starts to work meanwhile.
    pub(crate) async fn open(servers: &Servers, now: Timestamp) -> Result<Self, StoreError> {
        let places = Places::find(servers)?;
        let owner = places.owner.as_ref().unwrap_or(&places.database);
        let pool = patient(owner)?;
        let mut client = pool.get().await.map_err(|error| unreachable(&error))?;
        migrate::migrate(&mut client, now).await?;
        if places.owner.is_some() {
            wall::admit(&mut client, places.database.user()).await?;
        }
        let target = Self {
            client,
            _pool: pool,
        };
        target.begin().await?;
        Ok(target)
    }

    async fn begin(&self) -> Result<(), StoreError> {
        let begin = format!("BEGIN; {}", migrate::ALONE);
        self.plain(&begin).await
    }

    async fn plain(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| failed("copying", &error))
    }

    /// The columns of a table and their types, in order.
    pub(crate) async fn columns(&self, table: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT column_name::TEXT, data_type::TEXT FROM information_schema.columns \
                   WHERE table_schema = current_schema() AND table_name = $1 \
                   ORDER BY ordinal_position";
        let rows = self.client.query(sql, &[&table]).await;
        let rows = rows.map_err(|error| failed("reading the columns of a table", &error))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// How many rows of a table are seen.
    pub(crate) async fn count(&self, table: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let row = self.client.query_one(&sql, &[]).await;
        let row = row.map_err(|error| failed("counting rows", &error))?;
        Ok(row.get::<_, i64>(0) as u64)
    }

    /// From now on rows are of this org.
    pub(crate) async fn stand_in(&self, org: OrgId) -> Result<(), StoreError> {
        self.plain(&wall::standing_in(Some(org), true)).await
    }

    /// A statement with its values.
    pub(crate) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        let copying = |error: tokio_postgres::Error| failed("copying", &error);
        let types: Vec<_> = values.iter().map(type_of).collect();
        let statement = self.client.prepare_typed(sql, &types).await;
        let statement = statement.map_err(copying)?;
        let values: Vec<_> = values.iter().map(Param).collect();
        let values: Vec<_> = values
            .iter()
            .map(|value| value as &(dyn ToSql + Sync))
            .collect();
        let done = self.client.execute(&statement, &values).await;
        done.map(drop).map_err(copying)
    }

    /// Keeps all of it.
    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        self.plain("COMMIT").await
    }
}

/// Keeps servers from starting to work, and tells whether one works already.
pub(crate) async fn hold(servers: &Servers) -> Result<(Target, bool), StoreError> {
    let places = Places::find(servers)?;
    let pool = patient(&places.database)?;
    let client = pool.get().await.map_err(|error| unreachable(&error))?;
    migrate::require_known_schema(&client).await?;
    let target = Target {
        client,
        _pool: pool,
    };
    target.begin().await?;
    let sql = "SELECT EXISTS (SELECT 1 FROM worker_epoch WHERE lease_until > \
               CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))";
    let row = target.client.query_one(sql, &[]).await;
    let row = row.map_err(|error| failed("looking who works there", &error))?;
    Ok((target, row.get(0)))
}

/// A long transaction may stand still while the other end is read.
fn patient(address: &Address) -> Result<Pool, StoreError> {
    let mut address = address.clone();
    address
        .config
        .options("-c idle_in_transaction_session_timeout=0 -c lock_timeout=10000");
    pool(&address, 1)
}
