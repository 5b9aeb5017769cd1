//! The tenant in every key.

use crate::sql::{Tx, params};
use crate::writer::ready;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{OrgId, Timestamp};

impl Store {
    /// The org of this name; makes it, with the given id, if there is none.
    pub async fn ensure_org(
        &self,
        fresh: OrgId,
        name: &str,
        at: Timestamp,
    ) -> Result<OrgId, CommitError> {
        if let Some(org) = self.org_named(name).await? {
            return Ok(org);
        }
        let name = name.to_owned();
        self.submit(fresh, move |boundary| {
            ready(ensure(&mut boundary.tx, fresh, &name, at))
        })?
        .await
        .map_err(|_| StoreError::Closed)?
    }

    /// The org of this name.
    pub async fn org_named(&self, name: &str) -> Result<Option<OrgId>, StoreError> {
        let found = self
            .one("SELECT id FROM org WHERE name = $1", params![name])
            .await?;
        Ok(found.map(|(org,)| org))
    }

    /// Every org, oldest first.
    pub async fn orgs(&self) -> Result<Vec<(OrgId, String)>, StoreError> {
        self.all(
            "SELECT id, name FROM org ORDER BY created_at, id",
            params![],
        )
        .await
    }
}

async fn ensure<T: Tx>(
    tx: &mut T,
    fresh: OrgId,
    name: &str,
    at: Timestamp,
) -> Result<OrgId, CommitError> {
    tx.execute(
        "INSERT INTO org (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![fresh, name, at],
    )
    .await?;
    let found = tx
        .one("SELECT id FROM org WHERE name = $1", params![name])
        .await?;
    let missing = || StoreError::Damaged(format!("the org `{name}` could not be made"));
    Ok(found.map(|(org,)| org).ok_or_else(missing)?)
}
