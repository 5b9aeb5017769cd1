//! The people of the org and their tokens: through the server where one runs, else in its store.

use crate::failure::Failure;
use crate::machine;
use crate::office::Office;
use crate::place::Place;
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use serde_json::json;
use wardroom_api::client::Client;
use wardroom_api::invite::{CreateInvite, Invite, InviteShown};
use wardroom_api::page::Page;
use wardroom_api::quota::HeldQuota;
use wardroom_api::token::{CreateToken, CreatedToken, Token};
use wardroom_api::user::{CreateUser, UpdateUser, User};
use wardroom_domain::{
    AuditKind, Capability, Digest, InviteId, OwnQuota, Role, Scopes, TokenId, UserId, UserStatus,
    limits,
};
use wardroom_server::quota;
use wardroom_store::{
    AssignScopes, InviteRow, NewInvite, NewToken, RevokeInvite, RevokeToken, SetPassword, SetRole,
    SetUserStatus, TokenRow,
};

/// Where people are looked after.
pub enum People {
    /// By the server.
    Server(Client),
    /// In the store, without one.
    Store(Box<Office>),
}

impl People {
    /// Finds out which of the two.
    pub async fn of(place: &Place) -> Result<Self, Failure> {
        if place.has_server() {
            return Ok(Self::Server(place.client()?));
        }
        Ok(Self::Store(Box::new(Office::open(place).await?)))
    }

    /// Everybody, removed people included.
    pub async fn all(&self) -> Result<Vec<User>, Failure> {
        match self {
            Self::Server(client) => {
                let mut users = Vec::new();
                let mut page = Page {
                    limit: Some(500),
                    cursor: None,
                };
                loop {
                    let list = client.users(&page).await?;
                    users.extend(list.users);
                    page.cursor = list.next_cursor;
                    if page.cursor.is_none() {
                        return Ok(users);
                    }
                }
            }
            Self::Store(office) => {
                let users = office.store.users(office.org).await?;
                Ok(users.into_iter().map(User::from).collect())
            }
        }
    }

    /// Somebody by name who is not removed.
    pub async fn named(&self, name: &str) -> Result<User, Failure> {
        let users = self.all().await?;
        let found = users
            .into_iter()
            .find(|user| user.name == name && user.status != UserStatus::Removed);
        found.ok_or_else(|| {
            Failure::new(
                format!("there is nobody named `{name}`"),
                "See `wardroom user list`, or add him with `wardroom user add NAME --role ROLE`.",
            )
        })
    }

    /// Adds somebody.
    pub async fn add(&self, name: &str, role: Role) -> Result<User, Failure> {
        match self {
            Self::Server(client) => Ok(client
                .create_user(&CreateUser {
                    name: name.to_owned(),
                    role,
                })
                .await?),
            Self::Store(office) => {
                require_name(name)?;
                let user = wardroom_domain::User {
                    id: UserId::mint(machine::now(), machine::chance()?),
                    name: name.to_owned(),
                    role,
                    status: UserStatus::Active,
                    created_at: machine::now(),
                };
                let body = json!({"user": user.id, "name": name, "role": role, "change": "added"});
                office
                    .commit(user.clone().into(), AuditKind::UserChanged, body)
                    .await?;
                Ok(user.into())
            }
        }
    }

    /// Gives somebody another role.
    pub async fn set_role(&self, user: &User, role: Role) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let update = UpdateUser {
                    role: Some(role),
                    ..UpdateUser::default()
                };
                client.update_user(user.id, &update).await?;
            }
            Self::Store(office) => {
                let body = json!({"user": user.id, "role": role});
                let change = SetRole {
                    user: user.id,
                    role,
                };
                office
                    .commit(change.into(), AuditKind::UserChanged, body)
                    .await?;
            }
        }
        Ok(())
    }

    /// Suspends, reinstates or removes somebody.
    pub async fn set_status(&self, user: &User, status: UserStatus) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let update = UpdateUser {
                    status: Some(status),
                    ..UpdateUser::default()
                };
                client.update_user(user.id, &update).await?;
            }
            Self::Store(office) => {
                let body = json!({"user": user.id, "status": status});
                let change = SetUserStatus {
                    user: user.id,
                    status,
                    at: machine::now(),
                };
                office
                    .commit(change.into(), AuditKind::UserChanged, body)
                    .await?;
            }
        }
        Ok(())
    }

    /// Says where somebody's role holds.
    pub async fn set_scopes(&self, user: &User, scopes: Scopes) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let update = UpdateUser {
                    scopes: Some(scopes),
                    ..UpdateUser::default()
                };
                client.update_user(user.id, &update).await?;
            }
            Self::Store(office) => {
                let body = json!({"user": user.id, "scopes": scopes});
                let change = AssignScopes {
                    user: user.id,
                    scopes,
                };
                office
                    .commit(change.into(), AuditKind::UserChanged, body)
                    .await?;
            }
        }
        Ok(())
    }

    /// How much somebody may ask for.
    pub async fn quota(&self, place: &Place, user: &User) -> Result<HeldQuota, Failure> {
        match self {
            Self::Server(client) => Ok(client.quota(user.id).await?),
            Self::Store(office) => {
                let each = place.config()?.limits.allowance().each;
                let here = (&office.store, office.org);
                let held = quota::standing(here, each, user.id, machine::now()).await?;
                Ok(HeldQuota {
                    user: held.user,
                    own: held.own.into(),
                    quota: held.quota.into(),
                    spent_micros: held.spent_micros,
                    anew_on: held.anew_on,
                })
            }
        }
    }

    /// Sets how much somebody may ask for.
    pub async fn set_quota(
        &self,
        place: &Place,
        user: &User,
        own: OwnQuota,
    ) -> Result<HeldQuota, Failure> {
        match self {
            Self::Server(client) => Ok(client.set_quota(user.id, &own.into()).await?),
            Self::Store(office) => {
                let author = office.author();
                let here = (&office.store, office.org);
                let writes = quota::prepare(here, user.id, own, author).await?;
                office.write(writes).await?;
                self.quota(place, user).await
            }
        }
    }

    /// Makes an invitation; its code is shown this once.
    pub async fn invite(&self, role: Role) -> Result<Invite, Failure> {
        let office = match self {
            Self::Server(client) => {
                let role = Some(role);
                return Ok(client.create_invite(&CreateInvite { role }).await?);
            }
            Self::Store(office) => office,
        };
        let secret = new_secret()?;
        let code = secret.trim_start_matches("wr_").to_owned();
        let new = NewInvite {
            id: InviteId::mint(machine::now(), machine::chance()?),
            hash: Digest::of_bytes(code.as_bytes()),
            role,
            made_by: self.inviter(role).await?.id,
            created_at: machine::now(),
            expires_at: machine::now().after(limits::INVITE_TIME_MAX),
        };
        let body = json!({"invite": new.id, "role": role, "expires_at": new.expires_at});
        let invite = Invite {
            id: new.id,
            code,
            role,
            expires_at: new.expires_at,
        };
        office
            .commit(new.into(), AuditKind::InviteChanged, body)
            .await?;
        Ok(invite)
    }

    /// In whose name an invitation is made without a server: of the highest who may.
    async fn inviter(&self, role: Role) -> Result<User, Failure> {
        let users = self.all().await?.into_iter();
        let may = users.filter(|user| {
            let is_active = user.status == UserStatus::Active;
            is_active && user.role.may(Capability::Invite) && user.role.is_at_least(role)
        });
        may.max_by_key(|user| user.role).ok_or_else(|| {
            Failure::new(
                format!("nobody here may invite a {role}"),
                "`wardroom up` adds the owner; or see `wardroom user add NAME --role admin`.",
            )
        })
    }

    /// Every invitation, without its code.
    pub async fn invites(&self) -> Result<Vec<InviteShown>, Failure> {
        match self {
            Self::Server(client) => Ok(client.invites().await?.invites),
            Self::Store(office) => {
                let rows = office.store.invites(office.org).await?;
                Ok(rows.into_iter().map(shown).collect())
            }
        }
    }

    /// Takes an invitation back.
    pub async fn revoke_invite(&self, id: InviteId) -> Result<(), Failure> {
        match self {
            Self::Server(client) => Ok(client.revoke_invite(id).await?),
            Self::Store(office) => {
                let body = json!({"invite": id, "revoked": true});
                let at = machine::now();
                let change = RevokeInvite { id, at };
                office
                    .commit(change.into(), AuditKind::InviteChanged, body)
                    .await
            }
        }
    }

    /// Gives somebody a password.
    pub async fn set_password(&self, user: &User, password: &str) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let password = Some(password.to_owned());
                client
                    .update_user(
                        user.id,
                        &UpdateUser {
                            password,
                            ..UpdateUser::default()
                        },
                    )
                    .await?;
            }
            Self::Store(office) => {
                let body = json!({"user": user.id, "change": "password set"});
                let change = SetPassword {
                    user: user.id,
                    hash: hash(password)?,
                };
                office
                    .commit(change.into(), AuditKind::UserChanged, body)
                    .await?;
            }
        }
        Ok(())
    }

    /// Makes a token; its secret is shown this once.
    pub async fn create_token(&self, user: &User, name: &str) -> Result<CreatedToken, Failure> {
        match self {
            Self::Server(client) => {
                let create = CreateToken {
                    user: Some(user.name.clone()),
                    name: Some(name.to_owned()),
                };
                Ok(client.create_token(&create).await?)
            }
            Self::Store(office) => {
                let secret = new_secret()?;
                let token = NewToken {
                    id: TokenId::mint(machine::now(), machine::chance()?),
                    user: user.id,
                    name: name.to_owned(),
                    hash: Digest::of_bytes(secret.as_bytes()),
                    created_at: machine::now(),
                };
                let body = json!({"token": token.id, "user": user.id, "change": "created"});
                let shown = Token {
                    id: token.id,
                    user: user.id,
                    name: token.name.clone(),
                    created_at: token.created_at,
                    revoked_at: None,
                };
                office
                    .commit(token.into(), AuditKind::TokenChanged, body)
                    .await?;
                Ok(CreatedToken {
                    token: shown,
                    secret,
                })
            }
        }
    }

    /// Every token.
    pub async fn tokens(&self) -> Result<Vec<Token>, Failure> {
        match self {
            Self::Server(client) => Ok(client
                .tokens(&Page {
                    limit: Some(500),
                    cursor: None,
                })
                .await?
                .tokens),
            Self::Store(office) => {
                let rows = office.store.tokens(office.org, None).await?;
                Ok(rows.into_iter().map(token).collect())
            }
        }
    }

    /// Ends a token.
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), Failure> {
        match self {
            Self::Server(client) => Ok(client.revoke_token(id).await?),
            Self::Store(office) => {
                let body = json!({"token": id, "change": "revoked"});
                let change = RevokeToken {
                    id,
                    at: machine::now(),
                };
                office
                    .commit(change.into(), AuditKind::TokenChanged, body)
                    .await
            }
        }
    }
}

fn shown(row: InviteRow) -> InviteShown {
    InviteShown {
        id: row.id,
        role: row.role,
        made_by: row.made_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
        used_by: row.used_by,
        revoked_at: row.revoked_at,
    }
}

fn token(row: TokenRow) -> Token {
    Token {
        id: row.id,
        user: row.user,
        name: row.name,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

/// A name is one word that can stand in a command line and a log.
fn require_name(name: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if (1..=64).contains(&name.len()) && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Failure::new(
        format!("`{name}` cannot be a name"),
        "Use up to 64 letters, digits, `-`, `_`, `.` and `@`.",
    ))
}

/// 256 bits of chance, recognisable as ours where one leaks.
fn new_secret() -> Result<String, Failure> {
    let bits = [
        machine::chance()?.to_le_bytes(),
        machine::chance()?.to_le_bytes(),
    ]
    .concat();
    Ok(format!("wr_{}", hex::encode(bits)))
}

fn hash(password: &str) -> Result<String, Failure> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash =
        hash.map_err(|error| Failure::new(format!("the password cannot be hashed: {error}"), ""))?;
    Ok(hash.to_string())
}
