//! `wardroom user`: who may come in, and as what.

use super::emergency::Switch;
use super::quota::{self, Limits};
use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{columns, json, lines, print};
use crate::people::People;
use crate::place::Place;
use crate::terminal::visible;
use clap::Subcommand;
use serde::Serialize;
use std::io::{IsTerminal, Read};
use wardroom_api::user::{SetBypassMode, Standing, User as Person};
use wardroom_domain::{BypassMode, Role, Scope, ScopeKind, Scopes, UserStatus};

/// Look after people
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add somebody
    Add {
        name: String,
        /// What he may do at most: viewer, member, operator, admin, overlord
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// List everybody
    List,
    /// Give somebody another role
    SetRole {
        name: String,
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Keep somebody from acting, until reinstated
    Suspend { name: String },
    /// Let somebody act again
    Reinstate { name: String },
    /// Narrow somebody's role to folders, channels, tools, … or let it hold everywhere
    Scope {
        name: String,
        /// What it holds for, as KIND:NAME, such as workspace:ws_…; none for everywhere
        #[arg(value_name = "KIND:NAME", value_parser = scope)]
        scopes: Vec<Scope>,
    },
    /// Show where somebody's role holds, his bypass and his identities
    Show { name: String },
    /// Switch somebody's bypass: on or off
    Bypass { name: String, switch: Switch },
    /// Show how much somebody may ask for, or set it for him alone; it counts at once
    Limit {
        name: String,
        #[command(flatten)]
        limits: Limits,
    },
    /// Remove somebody; the name may be given again
    Remove { name: String },
    /// Set somebody's password, from stdin
    Password { name: String },
}

#[derive(Serialize)]
struct UserList {
    users: Vec<Person>,
}

pub fn role(text: &str) -> Result<Role, String> {
    let words = Role::ALL
        .iter()
        .map(|role| role.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Role::parse(text).ok_or_else(|| format!("it is one of {words}"))
}

fn scope(text: &str) -> Result<Scope, String> {
    let words = ScopeKind::ALL.iter().map(|kind| kind.as_str());
    let words = words.collect::<Vec<_>>().join(", ");
    let wrong = || format!("it is KIND:NAME, where KIND is one of {words}");
    let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
    let kind = ScopeKind::parse(kind).ok_or_else(wrong)?;
    let name = name.to_owned();
    Ok(Scope { kind, name })
}

fn shown(standing: &Standing) -> String {
    let mut lines = vec![format!("bypass {}", standing.bypass)];
    let scopes = standing.scopes.0.iter();
    lines.extend(scopes.map(|scope| format!("holds for {} {}", scope.kind, visible(&scope.name))));
    if standing.scopes.0.is_empty() {
        lines.push("holds everywhere".to_owned());
    }
    lines.extend(standing.identities.iter().map(|identity| {
        let (connector, id) = (visible(&identity.connector), visible(&identity.external_id));
        format!("is {connector} {id} ({})", visible(&identity.display))
    }));
    lines.join("\n")
}

impl User {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        block_on(async {
            let people = People::of(place).await?;
            match self {
                Self::Add { name, role } => {
                    let user = people.add(&name, role).await?;
                    print(place.json, &user, |user| user.id.to_string())?;
                }
                Self::List => list(place, people.all().await?)?,
                Self::SetRole { name, role } => {
                    people.set_role(&people.named(&name).await?, role).await?;
                    tell(place, &people, &name).await?;
                }
                Self::Suspend { name } => {
                    let user = people.named(&name).await?;
                    people.set_status(&user, UserStatus::Suspended).await?;
                    tell(place, &people, &name).await?;
                }
                Self::Reinstate { name } => {
                    let user = people.named(&name).await?;
                    people.set_status(&user, UserStatus::Active).await?;
                    tell(place, &people, &name).await?;
                }
                Self::Scope { name, scopes } => {
                    let user = people.named(&name).await?;
                    people.set_scopes(&user, Scopes(scopes)).await?;
                    tell(place, &people, &name).await?;
                }
                Self::Show { name } => {
                    let user = people.named(&name).await?;
                    let standing = place.client()?.standing(user.id).await?;
                    print(place.json, &standing, shown)?;
                }
                Self::Bypass { name, switch } => {
                    let user = people.named(&name).await?;
                    let mode = match switch {
                        Switch::On => BypassMode::On,
                        Switch::Off => BypassMode::Off,
                    };
                    let set = SetBypassMode { mode };
                    let bypass = place.client()?.set_bypass(user.id, &set).await?;
                    print(place.json, &bypass, |bypass| {
                        format!("The bypass of {} is {}.", visible(&name), bypass.mode)
                    })?;
                }
                Self::Limit { name, limits } => {
                    let held = limits.carry_out(place, &people, &name).await?;
                    print(place.json, &held, |held| quota::shown(&name, held))?;
                }
                Self::Remove { name } => {
                    let user = people.named(&name).await?;
                    people.set_status(&user, UserStatus::Removed).await?;
                    said(
                        place,
                        &Person {
                            status: UserStatus::Removed,
                            ..user
                        },
                    )?;
                }
                Self::Password { name } => {
                    let user = people.named(&name).await?;
                    people.set_password(&user, &read_password()?).await?;
                    said(place, &user)?;
                }
            }
            Ok(Exit::Done)
        })
    }
}

async fn tell(place: &Place, people: &People, name: &str) -> Result<(), Failure> {
    said(place, &people.named(name).await?)
}

fn said(place: &Place, user: &Person) -> Result<(), Failure> {
    if place.json {
        return json(user);
    }
    lines(&format!(
        "{} is {}, {}.",
        visible(&user.name),
        user.role,
        user.status
    ))
}

fn list(place: &Place, users: Vec<Person>) -> Result<(), Failure> {
    print(place.json, &UserList { users }, |list| {
        let rows: Vec<_> = list
            .users
            .iter()
            .map(|user| {
                let name = visible(&user.name).into_owned();
                vec![
                    user.id.to_string(),
                    user.role.to_string(),
                    user.status.to_string(),
                    name,
                ]
            })
            .collect();
        match rows.is_empty() {
            true => "Nobody yet. `wardroom up` adds the owner.".to_owned(),
            false => columns(&["ID", "ROLE", "STATUS", "NAME"], &rows),
        }
    })
}

/// The password: the first line of stdin, so that it stands in no command line.
fn read_password() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        anstream::eprintln!("Type the password, it will show, and end with Ctrl-D:");
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::caused(
                "the password cannot be read from stdin",
                &error,
                "Pipe it in as one line.",
            )
        })?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    if !(8..=1024).contains(&password.chars().count()) {
        return Err(Failure::new(
            "the password is too short",
            "Use 8 to 1024 characters.",
        ));
    }
    Ok(password)
}
