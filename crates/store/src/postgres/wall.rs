//! The wall between orgs, kept by the database: a statement sees and touches rows of the org that
//! its connection stands in for, and without one it sees none.
//!
//! Every statement of ours names its org as its first parameter; a connection stands in for that
//! one before it is asked. Whoever works here is a role that owns nothing, may make nothing and may
//! not change what is written for good.

use super::{failed, told};
use crate::StoreError;
use crate::sql::Value;
use deadpool_postgres::{Client, ClientWrapper};
use wardroom_domain::OrgId;

/// Every table that carries an org has its wall, for its owner too; also the tables of later
/// versions. Statements of a migration run without it.
const RAISE: &str = include_str!("../../migrations/postgres/wall.sql");
const LOWER: &str = "DO $$ DECLARE name TEXT; BEGIN \
     FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relforcerowsecurity \
         AND relnamespace = current_schema()::REGNAMESPACE \
     LOOP EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', name); END LOOP; END $$";

/// Lets a migration see every row.
pub(super) async fn lower(
    transaction: &deadpool_postgres::Transaction<'_>,
) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute(LOWER).await
}

/// Puts the wall up where it does not stand.
pub(super) async fn raise(
    transaction: &deadpool_postgres::Transaction<'_>,
) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute(RAISE).await
}

/// The org that a statement is about: its first parameter.
pub(super) fn org_of(params: &[Value<'_>]) -> Option<OrgId> {
    match params.first() {
        Some(Value::Text(text)) => OrgId::parse(text).ok(),
        _ => None,
    }
}

/// The statement by which a connection stands in for an org, until another is named.
pub(super) fn standing_in(org: Option<OrgId>, for_this_transaction: bool) -> String {
    let org = org.map(|org| org.to_string()).unwrap_or_default();
    format!("SELECT set_config('wardroom.org', '{org}', {for_this_transaction})")
}

/// Stands in for an org, or for none.
pub(super) async fn stand_in(
    client: &ClientWrapper,
    org: Option<OrgId>,
) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&standing_in(org, false)).await
}

/// As whom everything is seen: as each org in turn, or as none where the wall does not hold us.
pub(super) async fn visible(client: &ClientWrapper) -> Result<Vec<Option<OrgId>>, StoreError> {
    let looking = |error: tokio_postgres::Error| failed("looking whose rows there are", &error);
    let held = client.query_one("SELECT row_security_active('task')", &[]);
    if !held.await.map_err(looking)?.get::<_, bool>(0) {
        return Ok(vec![None]);
    }
    let orgs = client.query("SELECT id FROM org ORDER BY id", &[]).await;
    let parse = |row: &tokio_postgres::Row| OrgId::parse(row.get(0)).ok().map(Some);
    Ok(orgs.map_err(looking)?.iter().filter_map(parse).collect())
}

/// Gives the role that works here what it needs and takes away the rest.
pub(super) async fn admit(owner: &mut Client, role: &str) -> Result<(), StoreError> {
    let admitting = |error: tokio_postgres::Error| StoreError::Role {
        role: role.to_owned(),
        reason: told(&error),
    };
    let quoted = role.replace('"', "\"\"");
    let transaction = owner.transaction().await.map_err(admitting)?;
    super::migrate::alone(&transaction)
        .await
        .map_err(admitting)?;
    let grants = format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         GRANT USAGE ON SCHEMA public TO \"{quoted}\"; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \"{quoted}\"; \
         REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON migration FROM \"{quoted}\"; \
         REVOKE UPDATE, DELETE, TRUNCATE ON audit, anchor, journal FROM \"{quoted}\""
    );
    transaction
        .batch_execute(&grants)
        .await
        .map_err(admitting)?;
    transaction.commit().await.map_err(admitting)
}

/// Refuses to work as a role that the wall does not hold.
pub(super) async fn require_no_way_over(client: &ClientWrapper) -> Result<(), StoreError> {
    let sql = "SELECT current_user::TEXT, rolsuper OR rolbypassrls OR EXISTS (SELECT 1 FROM pg_class \
               WHERE relnamespace = 'public'::REGNAMESPACE AND relkind = 'r' \
               AND pg_has_role(current_user, relowner, 'MEMBER')) \
               FROM pg_roles WHERE rolname = current_user";
    let row = client.query_one(sql, &[]).await;
    let row = row.map_err(|error| failed("looking who works here", &error))?;
    match row.get(1) {
        false => Ok(()),
        true => Err(StoreError::Role {
            role: row.get(0),
            reason:
                "it owns tables, is a superuser or has BYPASSRLS, so that nothing would hold it"
                    .to_owned(),
        }),
    }
}
