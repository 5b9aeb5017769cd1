//! The tenant in every key.

use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::sql::{Tx, params};
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
        self.carry_out(fresh, Ensure { name, at }).await
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

/// Makes the org, or finds that it is there.
struct Ensure {
    name: String,
    at: Timestamp,
}

impl Deed for Ensure {
    type Answer = OrgId;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<OrgId, CommitError> {
        at.tx
            .execute(
                "INSERT INTO org (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                params![at.org, self.name, self.at],
            )
            .await?;
        let found = at
            .tx
            .one("SELECT id FROM org WHERE name = $1", params![self.name])
            .await?;
        let missing = || StoreError::Damaged(format!("the org `{}` could not be made", self.name));
        Ok(found.map(|(org,)| org).ok_or_else(missing)?)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}
