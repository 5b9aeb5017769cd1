//! Who is who outside: the immutable ids by which connectors know people.

use crate::boundary::Boundary;
use crate::people::found;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{Identity, LinkedIdentity, OrgId, User, UserId};

/// An identity is taken from the person that it was linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlinkIdentity {
    /// Which.
    pub identity: Identity,
}

impl Record for Identity {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            connector: columns.take()?,
            external_id: columns.take()?,
        })
    }
}

impl Record for LinkedIdentity {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            identity: Identity::read(columns)?,
            user: columns.take()?,
            display: columns.take()?,
            linked_at: columns.take()?,
            linked_by: columns.take()?,
        })
    }
}

/// Links; an identity that is somebody's already stays his until it is unlinked.
impl Apply for LinkedIdentity {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let Identity {
            connector,
            external_id,
        } = &self.identity;
        let linked = at
            .tx
            .execute(
                "INSERT INTO identity (org, connector, external_id, person, display, linked_at, \
                 linked_by) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    connector,
                    external_id,
                    self.user,
                    self.display,
                    self.linked_at,
                    self.linked_by
                ],
            )
            .await?;
        match linked {
            0 => Err(Conflict::Exists {
                what: "link of this identity",
            }
            .into()),
            _ => Ok(None),
        }
    }
}

impl Apply for UnlinkIdentity {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let Identity {
            connector,
            external_id,
        } = &self.identity;
        let sql = "DELETE FROM identity WHERE org = $1 AND connector = $2 AND external_id = $3";
        let touched = at
            .tx
            .execute(sql, params![at.org, connector, external_id])
            .await?;
        found(touched, "identity", external_id)
    }
}

impl Store {
    /// Whose identity this is, with the person as he stands now, suspended and removed ones too.
    pub async fn identity(
        &self,
        org: OrgId,
        identity: &Identity,
    ) -> Result<Option<(LinkedIdentity, User)>, StoreError> {
        let sql = "SELECT i.connector, i.external_id, i.person, i.display, i.linked_at, \
                   i.linked_by, p.id, p.name, p.role, p.status, p.created_at \
                   FROM identity i JOIN person p ON p.org = i.org AND p.id = i.person \
                   WHERE i.org = $1 AND i.connector = $2 AND i.external_id = $3";
        self.one(sql, params![org, identity.connector, identity.external_id])
            .await
    }

    /// The identities of a person, or of everybody.
    pub async fn identities(
        &self,
        org: OrgId,
        user: Option<UserId>,
    ) -> Result<Vec<LinkedIdentity>, StoreError> {
        let sql = "SELECT connector, external_id, person, display, linked_at, linked_by \
                   FROM identity WHERE org = $1 AND person = COALESCE($2, person) \
                   ORDER BY linked_at, connector, external_id";
        self.all(sql, params![org, user]).await
    }
}
