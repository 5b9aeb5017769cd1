//! Who is in the org, as what, where: changed by those who may, at once on every door.

use crate::crew::Crew;
use crate::signals::kind;
use crate::{Wrong, control, emergency, mint};
use serde_json::{Value, json};
use std::sync::Arc;
use wardroom_domain::{
    AuditKind, Capability, Chain, Principal, Role, Scopes, User, UserId, UserStatus,
};
use wardroom_store::{AssignScopes, SetPassword, SetRole, SetUserStatus, Write};

/// What is to change about a person; what is left out stays.
#[derive(Clone, Default)]
pub struct Change {
    /// What he may do at most.
    pub role: Option<Role>,
    /// Whether he may act at all.
    pub status: Option<UserStatus>,
    /// Where his role holds.
    pub scopes: Option<Scopes>,
    /// The hash of his new password.
    pub password_hash: Option<String>,
}

impl Change {
    /// Whether nothing but the password is to change.
    pub fn is_only_password(&self) -> bool {
        self.role.is_none() && self.status.is_none() && self.scopes.is_none()
    }
}

fn audit(crew: &Crew, by: &Principal, mut body: Value) -> Write {
    body["via"] = json!(by.via);
    crew.audit(Chain::Org, AuditKind::UserChanged, by.user, None, body)
}

/// Whether a name can stand in a command line and a log.
pub fn is_fit_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    (1..=64).contains(&name.len()) && name.chars().all(is_plain)
}

/// Adds a person, with a role no higher than the adder's own.
pub async fn add(crew: &Crew, by: &Principal, name: &str, role: Role) -> Result<User, Wrong> {
    by.require(Capability::ManagePeople)?;
    by.require_reach(role)?;
    if !is_fit_name(name) {
        let text = "a name has 1 to 64 letters, digits, `-`, `_`, `.` or `@`";
        return Err(Wrong::Unfit(text.to_owned()));
    }
    let user = User {
        id: mint!(crew.clock, UserId),
        name: name.to_owned(),
        role,
        status: UserStatus::Active,
        created_at: crew.clock.now(),
    };
    let body = json!({"user": user.id, "name": user.name, "role": user.role});
    let writes = vec![Write::AddUser(user.clone()), audit(crew, by, body)];
    crew.commit(writes).await?;
    Ok(user)
}

/// Whether somebody may make this change of a person, whom he may govern at all.
pub async fn may_change(
    crew: &Crew,
    by: &Principal,
    id: UserId,
    change: &Change,
) -> Result<User, Wrong> {
    let is_own = id == by.user && change.is_only_password();
    let before = crew.store.user(crew.org, id).await?;
    let before = before.filter(|_| is_own || by.may(Capability::SeePeople));
    let before = before.ok_or(Wrong::missing("person"))?;
    if is_own {
        return Ok(before);
    }
    by.require(Capability::ManagePeople)?;
    by.require_reach(before.role)?;
    by.require_reach(change.role.unwrap_or(Role::Viewer))?;
    Ok(before)
}

/// Changes a person. Who may not act any more loses every proof of himself in the same commit, and
/// his work stops at once.
pub async fn change(
    crew: &Arc<Crew>,
    by: &Principal,
    id: UserId,
    change: Change,
) -> Result<User, Wrong> {
    let before = may_change(crew, by, id, &change).await?;
    let (role, status) = (
        change.role.unwrap_or(before.role),
        change.status.unwrap_or(before.status),
    );
    let mut body = json!({"user": id, "from": {"role": before.role, "status": before.status},
        "to": {"role": role, "status": status}, "password": change.password_hash.is_some()});
    let mut writes = Vec::new();
    if role != before.role {
        writes.push(Write::SetRole(SetRole { user: id, role }));
    }
    if status != before.status {
        let at = crew.clock.now();
        let user = id;
        writes.push(Write::SetUserStatus(SetUserStatus { user, status, at }));
    }
    if let Some(scopes) = change.scopes {
        body["from"]["scopes"] = json!(crew.store.scopes(crew.org, id).await?);
        body["to"]["scopes"] = json!(scopes);
        writes.push(Write::AssignScopes(AssignScopes { user: id, scopes }));
    }
    if let Some(hash) = change.password_hash {
        writes.push(Write::SetPassword(SetPassword { user: id, hash }));
    }
    writes.push(audit(crew, by, body));
    crew.commit(writes).await?;
    if status != UserStatus::Active {
        stop_work(crew, id, &format!("{} is {status}", before.name)).await?;
    }
    let after = crew.store.user(crew.org, id).await?;
    after.ok_or(Wrong::missing("person"))
}

/// Stops every task of a person that has not ended.
async fn stop_work(crew: &Arc<Crew>, user: UserId, why: &str) -> Result<(), Wrong> {
    let open = emergency::open_tasks(crew, Some(user)).await?;
    for row in &open {
        emergency::send(crew, row.task.id, kind::CANCEL, json!({"why": why})).await?;
    }
    for row in &open {
        control::stop_now(crew, row.task.id).await?;
    }
    Ok(())
}
