//! `wardroom invite`: letting people in.

use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{columns, print};
use crate::people::People;
use crate::place::Place;
use clap::Subcommand;
use wardroom_api::invite::{InviteList, InviteShown};
use wardroom_domain::{InviteId, Role};

/// Invite people to the org
#[derive(Debug, Subcommand)]
pub enum Invite {
    /// Make an invitation and print its code; it works once and is not shown again
    Create {
        /// What the invited person may do at most: viewer, member, operator, admin, overlord
        #[arg(long, value_parser = super::user::role, default_value = "member")]
        role: Role,
    },
    /// List invitations, without their codes
    List,
    /// Take an invitation back that nobody has used
    Revoke {
        #[arg(value_parser = InviteId::parse)]
        id: InviteId,
    },
}

impl Invite {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        block_on(async {
            let people = People::of(place).await?;
            match self {
                Self::Create { role } => {
                    let invite = people.invite(role).await?;
                    print(place.json, &invite, |invite| invite.code.clone())?;
                }
                Self::List => {
                    let invites = people.invites().await?;
                    print(place.json, &InviteList { invites }, table)?;
                }
                Self::Revoke { id } => {
                    people.revoke_invite(id).await?;
                    anstream::eprintln!("{id} counts no longer.");
                }
            }
            Ok(Exit::Done)
        })
    }
}

fn state(invite: &InviteShown) -> String {
    match (invite.used_by, invite.revoked_at) {
        (Some(user), _) => format!("used by {user}"),
        (None, Some(_)) => "taken back".to_owned(),
        (None, None) => format!("until {}", invite.expires_at),
    }
}

fn table(list: &InviteList) -> String {
    let rows: Vec<_> = list
        .invites
        .iter()
        .map(|invite| {
            let (id, role) = (invite.id.to_string(), invite.role.to_string());
            vec![id, role, invite.made_by.to_string(), state(invite)]
        })
        .collect();
    match rows.is_empty() {
        true => "No invitations. `wardroom invite create` makes one.".to_owned(),
        false => columns(&["ID", "ROLE", "MADE BY", "STATE"], &rows),
    }
}
