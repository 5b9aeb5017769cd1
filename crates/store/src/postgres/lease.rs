//! Who is alive: one row per process, kept fresh by the database's own clock. What a process held
//! whose lease ran out is free and ready.

use super::whisper::Whisperer;
use super::{Pool, failed, wall};
use crate::lock::Key;
use crate::{Hint, StoreError};
use deadpool_postgres::ClientWrapper;
use std::time::Duration;
use wardroom_domain::{OrgId, Timestamp};

/// How long a process that says nothing keeps what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease(Duration);

impl Lease {
    const USUAL: Duration = Duration::from_secs(30);

    pub(super) fn of(servers: &crate::Servers) -> Self {
        Self(servers.lease.unwrap_or(Self::USUAL))
    }

    /// How often a process says that it lives: two beats may be lost.
    fn beat(self) -> Duration {
        self.0 / 3
    }

    /// Its end, as the database reckons.
    fn until(self) -> String {
        format!("{NOW} + {}", self.0.as_micros())
    }
}

const NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// Begins the epoch of this process.
pub(super) async fn begin_epoch(
    client: &ClientWrapper,
    lease: Lease,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let sql = format!(
        "INSERT INTO worker_epoch (epoch, started_at, lease_until) \
         SELECT COALESCE(MAX(epoch), 0) + 1, $1, {} FROM worker_epoch \
         ON CONFLICT DO NOTHING RETURNING epoch",
        lease.until()
    );
    loop {
        // Two that start at once compute the same number; one of them looks again.
        let begun = client.query_opt(&sql, &[&now.as_micros()]).await;
        if let Some(row) = begun.map_err(|error| failed("beginning to work", &error))? {
            return Ok(row.get(0));
        }
    }
}

/// Ends it: what is still held is free at once.
pub(super) async fn end_epoch(pool: &Pool, epoch: i64) {
    let Ok(client) = pool.get().await else { return };
    let sql = "UPDATE worker_epoch SET lease_until = 0 WHERE epoch = $1";
    let ended = client.execute(sql, &[&epoch]).await;
    if let Err(error) = ended {
        tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
        return;
    }
    if let Err(error) = free(&client).await {
        tracing::warn!(%error, "what was held is freed by whoever looks next");
    }
}

/// Keeps the lease, and frees what others left behind.
pub(super) async fn keep(pool: Pool, epoch: i64, lease: Lease, whisperer: Whisperer) {
    loop {
        match beat(&pool, epoch, lease).await {
            Ok(freed) => whisperer.tell(freed.into_iter().map(|org| Hint::Ready { org }).collect()),
            Err(error) => tracing::warn!(%error, "the lease was not renewed; trying again"),
        }
        tokio::time::sleep(lease.beat()).await;
    }
}

async fn beat(pool: &Pool, epoch: i64, lease: Lease) -> Result<Vec<OrgId>, StoreError> {
    let client = pool
        .get()
        .await
        .map_err(|error| super::unreachable(&error))?;
    let sql = format!(
        "UPDATE worker_epoch SET lease_until = {} WHERE epoch = $1",
        lease.until()
    );
    client
        .execute(&sql, &[&epoch])
        .await
        .map_err(|error| failed("renewing the lease", &error))?;
    free(&client).await
}

/// Frees what is held under leases that have run out, and answers whose it is.
async fn free(client: &ClientWrapper) -> Result<Vec<OrgId>, StoreError> {
    let freeing = |error: tokio_postgres::Error| failed("freeing what a lost process held", &error);
    let orgs = client.query("SELECT id FROM org", &[]).await;
    let mut freed = Vec::new();
    for row in orgs.map_err(freeing)? {
        let Ok(org) = OrgId::parse(row.get(0)) else {
            continue;
        };
        if free_of(client, org).await.map_err(freeing)? {
            freed.push(org);
        }
    }
    wall::stand_in(client, None).await.map_err(freeing)?;
    Ok(freed)
}

async fn free_of(client: &ClientWrapper, org: OrgId) -> Result<bool, tokio_postgres::Error> {
    wall::stand_in(client, Some(org)).await?;
    let held = format!(
        "SELECT EXISTS (SELECT 1 FROM task t JOIN worker_epoch e ON e.epoch = t.worker_epoch \
         WHERE t.org = '{org}' AND t.worker IS NOT NULL AND e.lease_until < {NOW}) \
         OR EXISTS (SELECT 1 FROM duty t JOIN worker_epoch e ON e.epoch = t.epoch \
         WHERE t.org = '{org}' AND e.lease_until < {NOW})"
    );
    if !client.query_one(&held, &[]).await?.get::<_, bool>(0) {
        return Ok(false);
    }
    // Under the lock of the claims, so that nobody claims what is just being freed.
    let sql = format!(
        "BEGIN; SELECT pg_advisory_xact_lock({}); \
         INSERT INTO ready (org, task, requester, workspace, priority, run_at) \
         SELECT t.org, t.id, t.requester, t.workspace, t.priority, 0 \
         FROM task t JOIN worker_epoch e ON e.epoch = t.worker_epoch \
         WHERE t.org = '{org}' AND t.worker IS NOT NULL AND e.lease_until < {NOW} \
         AND t.status IN ('QUEUED', 'RUNNING', 'WAITING_APPROVAL') \
         ON CONFLICT (org, task) DO NOTHING; \
         UPDATE task SET worker = NULL \
         FROM worker_epoch e WHERE e.epoch = task.worker_epoch \
         AND task.org = '{org}' AND task.worker IS NOT NULL AND e.lease_until < {NOW}; \
         DELETE FROM duty USING worker_epoch e WHERE e.epoch = duty.epoch \
         AND duty.org = '{org}' AND e.lease_until < {NOW}; \
         COMMIT",
        Key::Claims.number(org)
    );
    client.batch_execute(&sql).await?;
    Ok(true)
}
